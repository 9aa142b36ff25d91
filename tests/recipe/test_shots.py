"""Where examples come from is checked when a recipe is read: nothing that is scored stands in a prompt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsbuild.recipe import BadRecipe, dump, load

RECIPE = """dataset: d
title: t
licence: CC0-1.0
tasks:
  - {name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: intended}
corpora:
  - name: quickstart
build:
  - split: {test: 0.2, validation: 0.1, stratify: emotion, seed: 7}
annotate:
  - {name: a, kind: llm, model: m, shots: SHOTS, on: ON}
gold:
  - {name: people, on: {splits: [GOLD]}, people: [p1]}
aggregate:
  - {name: silver, task: emotion, from: [a]}
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def recipe(text: str) -> Path:
        path = tmp_path / "r.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return recipe


def text(shots: str, on: str = "{}", gold: str = "test") -> str:
    return RECIPE.replace("SHOTS", shots).replace("ON}", f"{on}}}").replace("GOLD", gold)


@pytest.mark.parametrize(
    ("shots", "on", "gold"),
    [
        ("{from: quickstart, splits: [train, test]}", "{}", "test"),
        ("{from: quickstart, splits: [validation]}", "{splits: [validation]}", "test"),
        ("{from: quickstart, splits: [train]}", "{}", "train"),
    ],
)
def test_a_split_that_is_scored_gives_no_examples(write: Write, shots: str, on: str, gold: str) -> None:
    with pytest.raises(BadRecipe, match=r"r.yaml:11:.*annotate\[0\].shots.*which is scored"):
        load(write(text(shots, on, gold)))


@pytest.mark.parametrize(
    ("shots", "on"),
    [
        ("quickstart", "{splits: [test]}"),
        ("{from: quickstart, pick: random}", "{}"),
        ("{from: quickstart, splits: [train], pick: nearest}", "{splits: [test]}"),
        ("{from: quickstart, splits: [validation]}", "{splits: [test]}"),
    ],
)
def test_other_splits_do(write: Write, shots: str, on: str) -> None:
    (entry,) = load(write(text(shots, on))).recipe.annotate
    assert entry.reads == (("quickstart",) if "splits" in shots else ())


def test_a_corpus_that_the_recipe_does_not_have_is_told(write: Write) -> None:
    with pytest.raises(BadRecipe, match="nobody"):
        load(write(text("{from: nobody}")))


def test_a_file_of_examples_is_a_path_from_the_recipe(write: Write, tmp_path: Path) -> None:
    (entry,) = load(write(text("{from: deep/mine.yaml, k: 3}"))).recipe.annotate
    assert entry.shots.from_ == str(tmp_path / "deep/mine.yaml")
    assert dump(entry, tmp_path)["shots"]["from"] == "deep/mine.yaml"


@pytest.mark.parametrize(
    ("shots", "said"),
    [("{from: quickstart, pick: best}", "pick"), ("{form: quickstart}", "did you mean"), ("{from: x.yaml, k: 0}", "k")],
)
def test_a_mistake_in_shots_is_told_where_it_stands(write: Write, shots: str, said: str) -> None:
    with pytest.raises(BadRecipe, match=said):
        load(write(text(shots)))
