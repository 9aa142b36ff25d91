"""One definition of each table, and what does not fit it is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import DsbuildError
from schemas.tables import ANNOTATIONS, ITEMS, TABLES, conform, empty, polars_schema


def _values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_string(kind):
        return st.text(st.characters(codec="utf-8"), max_size=8)
    if pa.types.is_int32(kind):
        return st.integers(-(2**31), 2**31 - 1)
    if pa.types.is_int64(kind):
        return st.integers(-(2**63), 2**63 - 1)
    if pa.types.is_float64(kind):
        return st.floats(allow_nan=False)
    if pa.types.is_boolean(kind):
        return st.booleans()
    if pa.types.is_timestamp(kind):
        return st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
    if pa.types.is_list(kind):
        return st.lists(_values(kind.value_type), max_size=3)
    if pa.types.is_struct(kind):
        return st.fixed_dictionaries({field.name: st.none() | _values(field.type) for field in kind})
    raise TypeError(kind)


def _rows(table: pa.Schema) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries(
        {f.name: _values(f.type) if not f.nullable else st.none() | _values(f.type) for f in table}
    )
    return st.lists(row, max_size=4)


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_valid_record_survives_polars_and_parquet(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = TABLES[name]
    rows = data.draw(_rows(table))
    arrow = pa.Table.from_pylist(rows, schema=table)
    frame = conform(pl.DataFrame(pl.from_arrow(arrow)), table)
    path: Path = tmp_path_factory.mktemp("rows") / "t.parquet"
    pq.write_table(frame.to_arrow().cast(table), path)
    assert pq.read_table(path, schema=table).to_pylist() == rows
    assert pl.read_parquet(path).to_dicts() == frame.to_dicts()


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_frame_has_the_tables_columns(name: str) -> None:
    assert empty(TABLES[name]).schema == polars_schema(TABLES[name])
    assert conform(pl.DataFrame(), TABLES[name]).height == 0


def test_columns_that_are_not_there_become_null_and_the_order_is_the_tables() -> None:
    frame = conform(pl.DataFrame({"text": ["a"], "modality": ["text"], "corpus": ["c"], "item_id": ["i"]}), ITEMS)
    assert frame.columns == ITEMS.names
    assert frame["language"].to_list() == [None]


def test_an_empty_list_of_labels_is_not_null() -> None:
    rows = {"annotation_id": ["a", "b"], "item_id": ["i", "j"], "task": ["t", "t"], "annotator": ["x", "x"]}
    frame = conform(pl.DataFrame(rows | {"annotator_kind": ["llm", "llm"], "labels": [[], None]}), ANNOTATIONS)
    assert frame["labels"].to_list() == [[], None]


def test_an_unknown_column_is_refused_by_name() -> None:
    with pytest.raises(DsbuildError, match="emoji"):
        conform(pl.DataFrame({"emoji": ["x"]}), ITEMS)


def test_a_null_where_none_may_be_is_refused_with_its_row() -> None:
    rows = pl.DataFrame({"item_id": ["i", None], "corpus": ["c", "c"], "modality": ["text", "text"]})
    with pytest.raises(DsbuildError, match=r"row 1.*item_id"):
        conform(rows, ITEMS)


def test_a_value_of_another_type_is_refused() -> None:
    rows = {"annotation_id": ["a"], "item_id": ["i"], "task": ["t"], "annotator": ["x"], "annotator_kind": ["llm"]}
    with pytest.raises(DsbuildError, match="does not fit"):
        conform(pl.DataFrame(rows | {"sample": ["first"]}), ANNOTATIONS)


def _annotation(**changes: Any) -> pl.DataFrame:
    row = {"annotation_id": "a", "item_id": "i", "task": "t", "annotator": "x", "annotator_kind": "llm", **changes}
    return pl.DataFrame([row])


def test_fields_that_a_struct_lacks_become_null_and_their_order_is_the_tables() -> None:
    given = pl.concat(
        [
            _annotation(labels=[{"score": 0.5, "label": "joy"}, {"score": None, "label": "fear"}]),
            _annotation(labels=[]),
            _annotation(labels=None).cast({"labels": pl.List(pl.Struct({"score": pl.Float64, "label": pl.String}))}),
        ],
        how="vertical_relaxed",
    )
    for rows in (given, given.slice(1), pl.concat([given, given], rechunk=False)):
        frame = conform(rows, ANNOTATIONS)
        wanted = [
            None
            if labels is None
            else [{"label": one["label"], "score": one["score"], **dict.fromkeys(LATER)} for one in labels]
            for labels in rows["labels"].to_list()
        ]
        assert frame["labels"].to_list() == wanted
        assert frame.schema == polars_schema(ANNOTATIONS)


LATER = ("original", "mapping", "loss")


def test_a_struct_outside_of_a_list_is_filled_too() -> None:
    row = {"item_id": "i", "corpus": "c", "modality": "text", "source": {"row": 3, "key": "k"}}
    frame = conform(pl.DataFrame([row, {**row, "source": None}]), ITEMS)
    assert frame["source"].to_list() == [{"key": "k", "file": None, "row": 3}, None]


def test_a_field_that_the_table_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(DsbuildError, match="emoji"):
        conform(_annotation(labels=[{"label": "joy", "emoji": "x"}]), ANNOTATIONS)
