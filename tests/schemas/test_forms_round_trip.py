"""A valid record is the same record in every form that is derived from its declaration."""

from __future__ import annotations

import io
import json
from functools import cache
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.forms.check import split_rows
from schemas.forms.definitions import DECLARED
from schemas.forms.features import features, with_features
from schemas.forms.json_schema import from_json, json_schema, json_schemas, to_json
from schemas.tables import TABLES, conform, polars_schema
from tests.schemas.forms_records import records


@cache
def _validator(table: str) -> Draft202012Validator:
    return Draft202012Validator(json_schema(table), format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("table", DECLARED)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_valid_record_survives_every_form(table: str, data: st.DataObject) -> None:
    import datasets

    rows: list[dict[str, Any]] = data.draw(records(DECLARED[table], least=1))
    arrow = pa.Table.from_pylist(rows, schema=TABLES[table])
    assert arrow.to_pylist() == rows

    frame = conform(pl.DataFrame(pl.from_arrow(arrow)), TABLES[table])
    assert frame.schema == polars_schema(TABLES[table])
    assert frame.to_dicts() == rows
    kept, rejects = split_rows(frame, DECLARED[table])
    assert rejects.rows() == []
    assert kept.equals(frame)

    loaded = datasets.Dataset.from_list(rows, features=datasets.Features.from_dict(features(TABLES[table])))
    assert loaded.to_list() == rows
    assert loaded.data.table.cast(TABLES[table]).to_pylist() == rows

    file = io.BytesIO()
    pq.write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(with_features(TABLES[table])), file)
    assert pq.read_table(io.BytesIO(file.getvalue())).cast(TABLES[table]).to_pylist() == rows
    assert pl.read_parquet(io.BytesIO(file.getvalue())).to_dicts() == rows

    for row in rows:
        told = json.loads(json.dumps(to_json(table, row), allow_nan=False))
        assert [error.message for error in _validator(table).iter_errors(told)] == []
        assert from_json(table, told) == row


@pytest.mark.parametrize("table", DECLARED)
def test_the_json_schemas_are_json_schemas(table: str) -> None:
    Draft202012Validator.check_schema(json_schema(table))
    Draft202012Validator.check_schema(json_schemas())
    alone, together = json_schema(table), json_schemas()["$defs"][table]
    assert alone == {"$schema": "https://json-schema.org/draft/2020-12/schema", **together}
    assert list(alone["properties"]) == TABLES[table].names


def test_a_record_with_a_column_of_its_own_is_no_record() -> None:
    row = {"item_id": "a", "corpus": "c", "modality": "text", "emoji": "x"}
    assert "emoji" in next(_validator("items").iter_errors(row)).message
