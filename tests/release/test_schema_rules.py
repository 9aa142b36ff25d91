"""A release keeps the rules of the tables, says which version of them, and describes every column."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from dsbuild.release import Contents, read_manifest, write_release
from schemas.errors import DsbuildError
from schemas.forms.definitions import DECLARED
from schemas.forms.dictionary import paths
from schemas.forms.json_schema import json_schema, to_json
from schemas.ids import item_id
from schemas.tables import SCHEMA_VERSION

Make = Callable[..., Contents]


@pytest.mark.parametrize(
    ("table", "column", "value", "said"),
    [
        ("items", "modality", "smell", 'modality = "smell": not one of text, dialogue'),
        ("items", "item_id", None, "item_id = null: required"),
        ("annotations", "annotator_kind", "robot", 'annotator_kind = "robot": not one of human'),
        ("labels", "tier", "bronze", 'tier = "bronze": not one of gold'),
        ("provenance", "kind", "robot", 'kind = "robot": not one of human'),
    ],
)
def test_a_row_that_breaks_the_schema_fails_the_release_by_its_name(
    table: str, column: str, value: Any, said: str, contents: Make, tmp_path: Path
) -> None:
    given: pl.DataFrame = getattr(contents(), table)
    first = pl.int_range(pl.len()) == 0
    broken = given.with_columns(pl.when(first).then(pl.lit(value)).otherwise(pl.col(column)).alias(column))
    if table == "items" and column == "item_id":
        others = {"annotations": contents().annotations.clear(), "labels": contents().labels.clear()}
    else:
        others = {}
    with pytest.raises(DsbuildError, match="breaks the schema") as caught:
        write_release(contents(**{table: broken}, **others), tmp_path)
    assert f"A row of the table {table} breaks the schema: {said}" in str(caught.value)
    assert f"dsbuild schema {table}" in str(caught.value)
    assert not list((tmp_path / "tweets").glob("[0-9]*"))


def test_the_error_names_the_item(contents: Make, tmp_path: Path) -> None:
    wanted = item_id("tweets", "d")
    is_it = pl.col("item_id") == wanted
    items = contents().items.with_columns(pl.when(is_it).then(pl.lit("x y")).otherwise("language").alias("language"))
    with pytest.raises(DsbuildError) as caught:
        write_release(contents(items=items), tmp_path)
    assert caught.value.where == f"item {wanted}"


def test_a_release_says_which_version_of_the_schema_it_keeps_to(contents: Make, tmp_path: Path) -> None:
    release = write_release(contents(), tmp_path)
    assert read_manifest(release.path).schema_version == SCHEMA_VERSION
    assert f"version {SCHEMA_VERSION} of the schema" in (release.path / "README.md").read_text(encoding="utf-8")
    files = list(release.path.rglob("*.parquet"))
    assert files
    for path in files:
        assert pq.read_schema(path).metadata[b"dsbuild.schema_version"].decode() == SCHEMA_VERSION


def test_every_row_of_a_release_keeps_to_the_json_schema(contents: Make, tmp_path: Path) -> None:
    release = write_release(contents(), tmp_path)
    seen = 0
    for name in DECLARED:
        validator = Draft202012Validator(json_schema(name))
        for path in release.path.glob("audit/rejects.parquet" if name == "rejects" else f"{name}/*.parquet"):
            for row in pl.read_parquet(path).iter_rows(named=True):
                assert [fault.message for fault in validator.iter_errors(to_json(name, row))] == []
                seen += 1
    assert seen > 20


def test_croissant_describes_every_column_of_every_table_down_to_the_fields(contents: Make, tmp_path: Path) -> None:
    release = write_release(contents(), tmp_path)
    described = json.loads((release.path / "croissant.json").read_text(encoding="utf-8"))
    sets = {one["@id"]: one for one in described["recordSet"]}
    for name, splits in release.manifest.tables.items():
        for split in splits:
            found = _described(sets[f"{name}-{split}"]["field"])
            if name in DECLARED:
                wanted = {path.replace("[]", ""): column for path, column in paths(DECLARED[name].columns)}
                assert found.keys() == wanted.keys()
                assert all(found[path].startswith(column.meaning) for path, column in wanted.items())
            else:
                columns = pl.read_parquet_schema(release.path / name / f"{split}.parquet")
                assert found.keys() == set(columns)
                assert all(found.values())
    tier = _described(sets["labels-train"]["field"])["tier"]
    assert tier.endswith("one of: gold, silver, mixed, stated")
    data = _described(sets["data-train"]["field"])
    assert data["emotion"] == "the label; null is no label; the task emotion (multi, perspective reader)"
    assert data["emotion_p"].startswith("the share of every label, in the order of the taxonomy")


def _described(fields: list[dict[str, Any]], within: str = "") -> dict[str, str]:
    found = {}
    for field in fields:
        path = within + field["name"]
        found[path] = field["description"]
        found |= _described(field.get("subField", []), f"{path}.")
    return found
