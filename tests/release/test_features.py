"""What is told to `datasets` is what `datasets` would say itself."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from dsbuild.release.wide import wide_schema
from schemas.errors import DsbuildError
from schemas.forms.features import features, with_features, yaml_features
from schemas.tables import TABLES
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EKMAN = load_taxonomy("ekman-neutral")


@pytest.mark.parametrize("table", TABLES)
def test_features_of_every_table_are_those_that_datasets_derives(table: str, offline: Any) -> None:
    derived = offline.Features.from_arrow_schema(TABLES[table])
    assert features(TABLES[table]) == derived.to_dict()
    assert yaml_features(features(TABLES[table])) == derived._to_yaml_list()
    assert offline.Features.from_arrow_schema(with_features(TABLES[table])) == derived


def test_class_names_reach_datasets_through_the_file_and_through_the_card(offline: Any) -> None:
    schema = pa.schema([("one", pa.int64()), ("many", pa.list_(pa.int64())), ("p", pa.list_(pa.float32()))])
    names = ["joy", "no", "5", 'it\'s: "a" | b']
    classes = {"one": names, "many": names}
    wanted = offline.Features(
        one=offline.ClassLabel(names=names),
        many=offline.List(offline.ClassLabel(names=names)),
        p=offline.List(offline.Value("float32")),
    )
    assert offline.Features.from_arrow_schema(with_features(schema, classes)) == wanted
    assert with_features(schema, classes).metadata == wanted.arrow_schema.metadata
    assert offline.Features._from_yaml_list(yaml_features(features(schema, classes))) == wanted


def test_a_type_without_a_place_in_a_release_is_refused() -> None:
    with pytest.raises(TypeError, match="has no place"):
        features(pa.schema([("x", pa.decimal128(4, 2))]))
    with pytest.raises(TypeError, match="class labels are int64"):
        features(pa.schema([("x", pa.string())]), {"x": ["joy"]})


@pytest.mark.parametrize("names", [("text",), ("emotion", "emotion_p"), ("emotion", "emotion_tier")])
def test_a_task_that_would_take_another_columns_name_is_refused(names: tuple[str, ...]) -> None:
    tasks = [Task(name=name, kind="multi", taxonomy=EKMAN, perspective="reader") for name in names]
    with pytest.raises(DsbuildError, match="Two columns of the config data"):
        wide_schema(tasks)
