"""A recipe on top of another takes over what it does not say itself, and mistakes point into the right file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dsbuild.recipe import BadRecipe, dump, load

Write = Callable[..., str]


def refusal(name: str) -> str:
    with pytest.raises(BadRecipe) as caught:
        load(name)
    return str(caught.value)


def test_keys_win_and_lists_merge_by_name(write: Write, recipe_text: str) -> None:
    write(recipe_text, "base.yaml")
    name = write(
        """\
extends: base.yaml
dataset: smaller
tasks: [{name: note, kind: text, perspective: reader}]
build:
  - deduplicate: {near: 0.8, keep: [test]}
  - identify_language: {languages: [mr, en]}
annotate:
  - {name: gpt, model: gpt-4o-mini, tasks: [emotion]}
  - {name: third, kind: llm, model: m}
gates:
  - {metric: krippendorff_alpha, task: emotion, from: [main], at_least: 0.4}
  - {metric: leakage, by: [exact, near], near: 0.8, at_most: 0}
  - {metric: max_share, task: emotion, from: [silver], at_most: 0.5}
release: {licence: CC-BY-4.0}
"""
    )

    recipe = load(name).recipe

    assert (recipe.dataset, recipe.licence) == ("smaller", "CC0-1.0")
    assert recipe.task_names == ("emotion", "mood_reader", "mood_writer", "note")
    assert [step.name for step in recipe.build] == ["normalise", "split", "deduplicate", "identify_language"]
    assert dump(recipe.build[2], Path())["deduplicate"]["keep"] == ["test"]
    first, second, third = recipe.annotate
    assert first.model_dump(include={"name", "model", "strategy"}) == {
        "name": "gpt",
        "model": "gpt-4o-mini",
        "strategy": "cotr",
    }
    assert (second.name, third.name) == ("gpt-4.1", "third")
    # A gate that differs in its thresholds only is the same gate; one that looks at something else is one more.
    assert [gate.wanted for gate in recipe.gates] == ["at_least 0.4", "at_most 0", "at_most 0.5"]
    assert recipe.gates[1].near == 0.8
    assert (recipe.release.repo, recipe.release.licence) == ("lab/tweets", "CC-BY-4.0")


def test_a_mistake_points_into_the_file_it_stands_in(write: Write, folder: Path, recipe_text: str) -> None:
    write(recipe_text.replace("strategy: cotr", "strategey: cotr"), "deep/base.yaml")
    for name in ("train.csv", "test.csv"):
        shutil.copy(name, folder / "deep" / name)
    name = write("extends: deep/base.yaml\ntitel: x\nannotate: [{name: gpt-4.1, modle: y}]\n")

    message = refusal(name)

    assert '  r.yaml:2:1: titel: unknown key; did you mean "title"?' in message
    assert "  r.yaml:3:28: annotate[1].modle: unknown key" in message
    assert '  deep/base.yaml:16:43: annotate[0].strategey: unknown key; did you mean "strategy"?' in message


def test_a_path_is_relative_to_the_file_it_stands_in(write: Write, folder: Path, recipe_text: str) -> None:
    write(recipe_text, "deep/base.yaml")
    shutil.move("train.csv", folder / "deep/train.csv")
    shutil.move("test.csv", folder / "deep/test.csv")
    (folder / "mine").mkdir()
    (folder / "mine/other.csv").write_text("id,text,emotion\n", encoding="utf-8")
    name = write("extends: ../deep/base.yaml\ntitle: x\n", "mine/r.yaml")

    corpus = load(name).recipe.corpora[0]

    assert corpus.path == {"train": str(folder / "deep/train.csv"), "test": str(folder / "deep/test.csv")}
    name = write("extends: ../deep/base.yaml\ncorpora: [{name: tweets, path: {test: other.csv}}]\n", "mine/r.yaml")
    assert load(name).recipe.corpora[0].path == {"test": str(folder / "mine/other.csv")}


def test_chains_work_and_cycles_are_refused(write: Write, recipe_text: str) -> None:
    write(recipe_text, "a.yaml")
    write("extends: a.yaml\nseed: 1\ntitle: b\n", "b.yaml")
    name = write("extends: b.yaml\ntitle: c\n", "c.yaml")

    loaded = load(name)

    assert (loaded.recipe.seed, loaded.recipe.title) == (1, "c")
    assert [file.name for file in loaded.files] == ["c.yaml", "b.yaml", "a.yaml"]
    write("extends: c.yaml\n" + recipe_text, "a.yaml")
    assert refusal(name) == 'a.yaml:1:10: extends: "c.yaml" extends this file in turn'
    assert refusal(write("extends: r.yaml\n")) == 'r.yaml:1:10: extends: "r.yaml" extends this file in turn'


def test_a_base_that_cannot_be_read_is_told_where_it_is_named(write: Write, folder: Path) -> None:
    assert refusal(write("dataset: x\nextends: no.yaml\n")) == "r.yaml:2:10: extends: no.yaml: There is no such file."
    assert "extends: .: This is a folder" in refusal(write("extends: .\n"))
    assert "r.yaml:1:10: extends: wanted the path of another recipe" in refusal(write("extends: [a.yaml]\n"))
    (folder / "bad.yaml").write_text("a: 1\na: 2\n", encoding="utf-8")
    assert refusal(write("extends: bad.yaml\n")).startswith('bad.yaml:2:1: the key "a" stands here twice')


def test_a_list_in_which_a_name_stands_twice_replaces_the_base_s(write: Write, recipe_text: str) -> None:
    write(recipe_text, "base.yaml")
    name = write(
        "extends: base.yaml\nbuild:\n  - normalise\n  - split: source\n  - deduplicate: {near: 0.9}\n  - normalise\n"
    )

    assert [step.name for step in load(name).recipe.build] == ["normalise", "split", "deduplicate", "normalise"]
