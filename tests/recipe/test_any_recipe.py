"""Whatever stands in a recipe, it loads or its mistakes are told with their places; nothing else happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsbuild.recipe import BadRecipe, load

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 99), st.floats(-1, 2), st.text(max_size=6), st.just("emotion")
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def places(value: Any, loc: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a recipe where something else could stand."""
    keys = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in keys:
        yield (*loc, key)
        yield from places(inner, (*loc, key))


def put(value: Any, loc: tuple[Any, ...], new: Any) -> None:
    for part in loc[:-1]:
        value = value[part]
    value[loc[-1]] = new


def mistakes(name: str) -> list[str]:
    """What is wrong with a recipe, each on one line that a terminal can show; nothing where it loads."""
    try:
        load(name)
    except BadRecipe as refused:
        told = [str(mistake) for mistake in refused.mistakes]
    else:
        return []
    assert told
    assert all(one.isprintable() for one in told)
    return told


@pytest.fixture
def base(folder: Path, recipe_text: str) -> dict[str, Any]:
    (folder / "typed.yaml").write_text(recipe_text, encoding="utf-8")
    return dict(yaml.load(recipe_text, Loader=yaml.BaseLoader))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_recipe_with_anything_anywhere_loads_or_is_refused(
    base: dict[str, Any], folder: Path, data: st.DataObject
) -> None:
    recipe = json.loads(json.dumps(base))
    for _ in range(data.draw(st.integers(1, 3))):
        put(recipe, data.draw(st.sampled_from(sorted(places(recipe), key=repr))), data.draw(VALUES))
    # JSON is YAML, so what was drawn is what the loader reads.
    (folder / "any.yaml").write_text(json.dumps(recipe, ensure_ascii=True), encoding="utf-8")

    for mistake in mistakes("any.yaml"):
        assert mistake.startswith("any.yaml:1:")
        assert "Input should" not in mistake
        assert "pydantic" not in mistake


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_bytes_changed_loads_or_is_refused(folder: Path, recipe_text: str, data: st.DataObject) -> None:
    raw = bytearray(recipe_text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    (folder / "any.yaml").write_bytes(bytes(raw))

    for mistake in mistakes("any.yaml"):
        assert mistake.startswith("any.yaml")
