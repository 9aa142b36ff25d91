"""Tasks filled from corpora, in a run: what is converted, what is kept, and what others make of it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import dsbuild
from dsbuild.api import Result
from schemas.ids import annotation_id

RECIPE = """\
dataset: merged
max_rejects: 1.0
tasks:
  - {name: emotion, kind: choice, taxonomy: ekman-neutral, perspective: reader, from: [films.emotion, films.2.emotion]}
  - {name: arousal, kind: scale, range: [0, 1], perspective: reader, from: [films.arousal]}
corpora:
  - name: films
    path: films.csv
    columns: {id: id, text: text}
    tasks:
      - {name: emotion, kind: choice, taxonomy: goemotions, perspective: reader}
      - {name: arousal, kind: scale, range: [1, 5], perspective: reader}
    labels:
      - {task: emotion, columns: emotion, annotator: "{who}", kind: human, identity: slot}
      - {task: arousal, columns: arousal, annotator: machine, kind: model}
  - name: films.2
    path: films2.csv
    columns: {id: id, text: text}
    tasks: [{name: emotion, kind: multi, taxonomy: goemotions, perspective: reader}]
    labels: [{task: emotion, columns: emotion, separator: "|", annotator: gpt, kind: llm}]
  - name: direct
    path: direct.csv
    columns: {id: id, text: text}
    labels: [{task: emotion, columns: emotion, annotator: p, kind: human}]
build: [normalise]
aggregate:
  - {name: all, task: emotion, from: [films, films.2, direct]}
  - {name: machine, task: arousal, from: ["films:machine"]}
"""
FILES = {
    "films.csv": "id,text,emotion,who,arousal\n1,one,amusement,ann,5\n2,two,remorse,ann,1\n3,three,love,bob,3\n",
    "films2.csv": "id,text,emotion\n1,uno,joy|amusement\n2,due,joy|grief\n3,tre,fear|love\n",
    "direct.csv": "id,text,emotion\n1,eins,joy\n2,zwei,neutral\n",
}


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    for name, text in (FILES | {"r.yaml": RECIPE}).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = dsbuild.run("r.yaml")
    assert isinstance(done, Result)
    return done


def frame(result: Result, node: str, table: str = "annotations") -> pl.DataFrame:
    return result.ran.outputs[node].frame(table)


def test_a_corpus_whose_name_begins_like_another_s_is_not_taken_for_it(result: Result) -> None:
    made = frame(result, "convert:emotion").sort("annotator")
    assert made["annotator"].to_list() == ["films.2:gpt", "films.2:gpt", "films:ann", "films:ann"]
    assert [one["from"] for one in result.ran.outputs["convert:emotion"].figures["conversions"]] == [
        "films.emotion",
        "films.2.emotion",
    ]


def test_reasons_tell_what_was_not_converted_and_why(result: Result) -> None:
    figures = result.ran.outputs["convert:emotion"].figures
    # Love has no place; joy and grief are two; beside fear, love is left out.
    assert figures["reasons"] == {
        "more than one label": 1,
        "no place in ekman-neutral": 1,
        "no place in ekman-neutral, for one of several labels": 1,
    }
    rejects = frame(result, "convert:emotion", "rejects")
    assert set(rejects["stage"]) == {"convert:emotion"}
    assert figures["in"] == 6 == figures["annotations"] + figures["rejected"]


def test_answers_keep_who_gave_them_and_get_ids_of_their_own(result: Result) -> None:
    carried, made = frame(result, "carried"), frame(result, "convert:emotion")
    row = made.filter(pl.col("annotator") == "films:ann").row(0, named=True)
    was = carried.filter(pl.col("annotation_id") == row["parent"]).row(0, named=True)
    assert row["annotation_id"] == annotation_id(row["item_id"], "emotion", "films:ann") != was["annotation_id"]
    kept = ("item_id", "item_hash", "annotator", "annotator_kind", "sample", "round", "shown", "votes")
    assert [row[name] for name in kept] == [was[name] for name in kept]
    assert (was["task"], row["task"]) == ("films.emotion", "emotion")


def test_provenance_says_what_was_made_of_which_row(result: Result) -> None:
    origins, made = frame(result, "carried", "provenance"), frame(result, "convert:emotion", "provenance")
    for row in made.iter_rows(named=True):
        params = json.loads(row["params"])
        was = origins.filter(pl.col("provenance") == params["of"]).row(0, named=True)
        assert (row["annotator"], row["kind"], row["model"]) == (was["annotator"], was["kind"], None)
        assert (params["task"], row["strategy"]) == ("emotion", "crosswalk")
        assert params["taxonomies"] == ["goemotions", "ekman-neutral"]
    scale = frame(result, "convert:arousal", "provenance").row(0, named=True)
    assert (scale["strategy"], json.loads(scale["params"])["ranges"]) == ("rescaling", [[1, 5], [0, 1]])


def test_an_aggregate_takes_converted_answers_and_those_the_files_carry(result: Result) -> None:
    labels = frame(result, "aggregate:all", "labels")
    # Four of six that were converted, and two of the corpus that says it in these words.
    assert labels.filter(pl.col("labels").list.len() > 0).height == 6
    assert frame(result, "aggregate:machine", "labels")["value"].sort().to_list() == [0.0, 0.5, 1.0]


def test_nobody_is_asked_a_corpus_own_task_and_the_wide_table_has_no_column_of_it(result: Result) -> None:
    assert set(result.context.tasks) == {"emotion", "arousal"}
    assert result.release is not None
    data = pl.read_parquet(result.release / "data" / "*.parquet")
    assert [name for name in data.columns if name.startswith("films")] == []
    annotations = pl.read_parquet(result.release / "annotations" / "*.parquet")
    assert {"films.emotion", "films.2.emotion", "films.arousal", "emotion", "arousal"} == set(annotations["task"])
