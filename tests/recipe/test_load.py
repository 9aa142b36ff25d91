"""A recipe that is right loads, with everything filled in, and says the same wherever it lies."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.deduplicate import Deduplicate
from corpora.entry import CorpusConfig
from dsbuild.recipe import BadRecipe, Recipe, dump, load, tasks_of

Write = Callable[..., str]

# Section 5 of the design, word for word except for the files' places.
DESIGN = """\
dataset: mahaemotions
title: Emotions in Marathi
licence: CC-BY-NC-SA-4.0
budget: {usd: 100, human_hours: 60}
tasks:
  - {name: emotion, kind: multi, taxonomy: mahaemotions, perspective: reader}
corpora:
  - name: mahaemotions                # from the catalog; its card says whose labels the files carry
    path: {train: train.csv, validation: validation.csv, test: test.csv}
build:
  - normalise
  - split: source
  - deduplicate: {near: 0.9, keep: [test, validation, train]}     # a text keeps its first place in this order
annotate:
  - {name: gpt,   kind: llm, model: gpt-4o, strategy: cotr}
  - {name: llama, kind: llm, model: llama-3.3-70b, strategy: cotr, base_url: http://localhost:8000/v1, api_key_env: K}
gold:
  - name: main
    on: {splits: [validation, test]}
    people: [p1, p2, p3]
    overlap: 3
    suggest: {from: gpt, share: 0.5}
    adjudicate: {rule: majority, else: p0}
aggregate:
  - {name: silver, task: emotion, from: [gpt, llama], on: {splits: [train]}, method: intersection, compare: [union]}
  - {name: gold, task: emotion, from: [main], method: adjudicated}
gates:
  - {metric: krippendorff_alpha, task: emotion, from: [main], at_least: 0.6}
  - {metric: leakage, by: [exact, near, group], at_most: 0}
release: {version: auto, repo: l3cube-pune/mahaemotions}
"""


def test_the_recipe_of_the_design_loads(write: Write, folder: Path) -> None:
    (folder / "validation.csv").write_text("", encoding="utf-8")

    recipe = load(write(DESIGN)).recipe

    assert [step.name for step in recipe.build] == ["normalise", "split", "deduplicate"]
    assert isinstance(recipe.build[2].step, Deduplicate)
    assert recipe.build[2].step.near == 0.9
    assert [annotator.name for annotator in recipe.annotate] == ["gpt", "llama"]
    assert recipe.gold[0].suggest is not None
    assert recipe.gold[0].suggest.from_ == ("gpt",)
    assert recipe.gold[0].adjudicate.else_ == "p0"
    assert [entry.method for entry in recipe.aggregate] == ["intersection", "adjudicated"]
    assert recipe.gates[1].metric == "leakage"
    assert recipe.release.version == "auto"
    assert recipe.seed == 7


def test_what_is_left_out_is_filled_in(write: Write, recipe_text: str) -> None:
    loaded = load(write(recipe_text))

    assert loaded.recipe.title == "tweets"
    assert loaded.recipe.release.version == "auto"
    # Most annotators vote; a session gives its adjudicated answer; authors give their own word.
    assert [entry.method for entry in loaded.recipe.aggregate] == ["intersection", "adjudicated", "stated"]
    silver = load("r.yaml", ["aggregate.silver={name: silver, task: emotion, from: [gpt, main]}"]).recipe.aggregate[0]
    assert silver.method == "majority"
    assert loaded.text == recipe_text


def test_a_list_of_perspectives_stands_for_a_task_each(write: Write, recipe_text: str) -> None:
    recipe = load(write(recipe_text)).recipe

    tasks = tasks_of(recipe)

    assert {name: task.perspective for name, task in tasks.items()} == {
        "emotion": "writer",
        "mood_reader": "reader",
        "mood_writer": "writer",
    }
    assert tasks["mood_reader"].label_ids[:2] == tasks["emotion"].label_ids[:2]
    assert [entry.name for entry in recipe.tasks] == list(tasks)


def test_instructions_without_a_language_are_english(write: Write, recipe_text: str) -> None:
    one = load(write(recipe_text), ["tasks.emotion.instructions=Which emotions?"]).recipe
    two = load("r.yaml", ['tasks.emotion.instructions={mr: "कोणत्या भावना?"}']).recipe

    assert tasks_of(one)["emotion"].instructions == {"en": "Which emotions?"}
    assert tasks_of(two)["emotion"].instructions == {"mr": "कोणत्या भावना?"}


def test_words_that_older_yaml_misreads_stay_words(write: Write, recipe_text: str) -> None:
    text = recipe_text.replace("columns: {id: id, text: text}", "columns: {id: no, text: on}\n    language: no")

    corpus = load(write(text)).recipe.corpora[0]

    assert corpus.columns is not None
    assert (corpus.columns.id, corpus.columns.text, corpus.language) == ("no", "on", "no")


def test_paths_start_at_the_recipe_and_those_of_set_at_the_current_directory(
    write: Write, folder: Path, recipe_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(recipe_text, "deep/r.yaml")
    for name in ("train.csv", "test.csv"):
        shutil.copy(name, folder / "deep" / name)
    monkeypatch.chdir(folder / "deep")

    def paths(corpus: CorpusConfig) -> object:
        return corpus.path

    assert paths(load("r.yaml").recipe.corpora[0]) == {
        "train": str(folder / "deep/train.csv"),
        "test": str(folder / "deep/test.csv"),
    }
    monkeypatch.chdir(folder)
    from_here = load("deep/r.yaml", ["corpora.tweets.path.train=train.csv"]).recipe.corpora[0]
    assert paths(from_here) == {"train": str(folder / "train.csv"), "test": str(folder / "deep/test.csv")}


def test_a_file_of_ones_own_is_a_path_and_a_shipped_name_is_none(write: Write, folder: Path, recipe_text: str) -> None:
    (folder / "deep").mkdir()
    (folder / "deep/p.jinja").write_text('{% extends "direct.j2" %}', encoding="utf-8")
    name = write(recipe_text)

    own_prompt = ["annotate.gpt.strategy=direct", "annotate.gpt.prompt=deep/p.jinja"]
    recipe = load(name, [*own_prompt, "annotate.gpt-4.1.shots=mahaemotions"]).recipe
    own = load(name, ["annotate.gpt.shots=deep/mine.yaml"]).recipe

    assert dump(recipe.annotate[0], folder)["prompt"] == "deep/p.jinja"
    assert recipe.annotate[0].model_dump()["prompt"] == folder / "deep/p.jinja"
    assert recipe.annotate[1].model_dump()["shots"] == "mahaemotions"
    assert own.annotate[0].model_dump()["shots"] == str(folder / "deep/mine.yaml")
    assert recipe.tasks[0].taxonomy == "ekman-neutral"


def test_the_resolved_configuration_is_the_same_wherever_the_recipe_lies(
    write: Write, folder: Path, recipe_text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "project"
    write(recipe_text)
    shutil.copytree(folder, elsewhere)

    here, there = load("r.yaml"), load(elsewhere / "r.yaml")
    one, other = (json.dumps(dump(loaded.recipe, loaded.directory), sort_keys=True) for loaded in (here, there))

    assert one == other
    assert str(folder) not in one
    corpus = json.loads(one)["corpora"][0]
    assert corpus["path"] == {"train": "train.csv", "test": "test.csv"}
    assert json.loads(one)["build"][2]["deduplicate"]["near"] == 0.9
    assert json.loads(one)["aggregate"][1]["from"] == ["main"]
    assert json.loads(one)["annotate"][0]["model"] == "gpt-4o"


def test_of_a_path_elsewhere_only_the_name_is_written_down(
    write: Write, folder: Path, recipe_text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    far = tmp_path_factory.mktemp("secret-place") / "train.csv"
    far.write_text("id,text\n", encoding="utf-8")

    loaded = load(write(recipe_text), [f"corpora.tweets.path.train={far}"])

    assert dump(loaded.recipe, loaded.directory)["corpora"][0]["path"]["train"] == "train.csv"


def test_the_dump_says_every_default_and_loads_again(write: Write, recipe_text: str) -> None:
    loaded = load(write(recipe_text))
    dumped = dump(loaded.recipe, loaded.directory)

    again = Recipe.model_validate(dumped)

    assert dumped["max_rejects"] == 0.05
    assert dumped["annotate"][0]["params"]["temperature"] == 0
    assert dump(again, loaded.directory) == dumped


def test_loading_takes_a_moment_only(write: Write, recipe_text: str) -> None:
    load(write(recipe_text))
    start = time.perf_counter()
    load("r.yaml")
    assert time.perf_counter() - start < 0.15


def test_a_byte_order_mark_and_line_ends_of_windows_do_no_harm(folder: Path, recipe_text: str) -> None:
    (folder / "r.yaml").write_bytes(b"\xef\xbb\xbf" + recipe_text.replace("\n", "\r\n").encode())

    assert load("r.yaml").recipe.dataset == "tweets"

    (folder / "r.yaml").write_bytes(b"\xef\xbb\xbf" + recipe_text.replace("\n", "\r\n").encode() + b"titel: x\r\n")
    with pytest.raises(BadRecipe, match=r"r\.yaml:32:1: titel: unknown key"):
        load("r.yaml")
