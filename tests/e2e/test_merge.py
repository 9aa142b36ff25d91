"""Three real corpora with labels of their own become one dataset, by a recipe alone."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.crosswalk import crosswalk, losses
from schemas.taxonomy import load_taxonomy
from tests.e2e.conftest import Project

RECIPE = """\
dataset: merged
title: Three corpora, one question
licence: CC-BY-4.0
tasks:
  - name: emotion
    kind: multi
    taxonomy: ekman-neutral
    perspective: reader
    from: [meld.emotion, goemotions.emotion, emoevent.emotion]
corpora:
  - name: meld
    path: {data}/meld/dev_sent_emo.csv
    columns: {{id: "Sr No.", text: Utterance}}
    language: en
    tasks: [{{name: emotion, kind: choice, taxonomy: meld, perspective: reader}}]
    labels: [{{task: emotion, columns: Emotion, annotator: raters, kind: human, identity: pool}}]
  - name: goemotions
    path: {data}/goemotions/dev.tsv
    header: [text, emotions, id]
    quoted: false
    columns: {{id: id, text: text}}
    language: en
    tasks: [{{name: emotion, kind: multi, taxonomy: goemotions, perspective: reader}}]
    labels: [{{task: emotion, columns: emotions, separator: ",", annotator: raters, kind: human, identity: pool}}]
  - name: emoevent
    path: {data}/emoevent/dev.tsv
    quoted: false
    columns: {{id: id, text: tweet}}
    language: en
    tasks: [{{name: emotion, kind: choice, taxonomy: emoevent, perspective: reader}}]
    labels: [{{task: emotion, columns: emotion, annotator: raters, kind: human, identity: pool}}]
build: [normalise, {{split: {{test: 0.1, validation: 0.1}}}}]
aggregate:
  - {{name: people, task: emotion, from: [meld, goemotions, emoevent]}}
"""
ROWS = {"meld": 1109, "goemotions": 5426, "emoevent": 744}
SETS = {"meld": "meld", "goemotions": "goemotions", "emoevent": "emoevent"}


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Project:
    made = Project(tmp_path_factory.mktemp("merged"))
    (made.folder / "merged.yaml").write_text(RECIPE.format(data=shared_data), encoding="utf-8")
    made.run("run", "merged.yaml")
    return made


@pytest.fixture(scope="module")
def release(merged: Project) -> Path:
    return merged.folder / "releases" / "merged" / "1.0.0"


@pytest.fixture(scope="module")
def annotations(release: Path) -> pl.DataFrame:
    return pl.read_parquet(release / "annotations" / "*.parquet")


@pytest.fixture(scope="module")
def conversions(release: Path) -> dict[str, Any]:
    metrics = json.loads((release / "audit" / "metrics.json").read_text(encoding="utf-8"))
    return {one["corpus"]: one for one in metrics["conversions"]}


def test_every_annotation_of_every_corpus_is_converted_or_rejected(
    release: Path, annotations: pl.DataFrame, conversions: dict[str, Any]
) -> None:
    rejects = pl.read_parquet(release / "audit" / "rejects.parquet").filter(pl.col("stage") == "convert:emotion")
    whole = rejects.filter(~pl.col("reason").str.contains("for one of several labels", literal=True))
    # An answer that breaks a rule of the new task is kept as it was converted, and says what it was made of.
    own = pl.coalesce(*(pl.col("raw").str.json_path_match(f"$.{name}") for name in ("parent", "annotation_id")))
    lost = set(whole.select(own).to_series())
    assert len(lost) == whole.height
    for corpus, rows in ROWS.items():
        originals = set(annotations.filter(pl.col("task") == f"{corpus}.emotion")["annotation_id"])
        parents = annotations.filter((pl.col("task") == "emotion") & pl.col("annotator").str.starts_with(f"{corpus}:"))[
            "parent"
        ].to_list()
        assert len(originals) == rows
        assert len(set(parents)) == len(parents)
        assert set(parents) | (lost & originals) == originals
        assert not set(parents) & lost
        told = conversions[corpus]
        assert (told["in"], told["converted"], told["rejected"]) == (rows, len(parents), len(lost & originals))
        assert sum(told["reasons"].values()) == told["rejected"] + told["left_out"]


def test_what_the_corpora_say_in_the_same_words_arrives_whole(conversions: dict[str, Any]) -> None:
    assert (conversions["meld"]["converted"], conversions["meld"]["bits"]) == (1109, 0)
    # EmoEvent's "others" is neutral or any other emotion, so it is none of the seven for certain.
    assert conversions["emoevent"]["reasons"] == {"no place in ekman-neutral": 337}
    assert conversions["goemotions"]["converted"] == 3780


def test_each_label_is_what_the_crosswalk_says_with_its_original_and_its_bits(
    annotations: pl.DataFrame, conversions: dict[str, Any]
) -> None:
    by_id = dict(annotations.select("annotation_id", "labels").iter_rows())
    ekman = load_taxonomy("ekman-neutral")
    made = annotations.filter(pl.col("task") == "emotion").select("annotator", "parent", "labels")
    for corpus, name in SETS.items():
        walk = crosswalk(load_taxonomy(name), ekman)
        given = Counter(
            one["label"]
            for row in annotations.filter(pl.col("task") == f"{corpus}.emotion")["labels"].to_list()
            for one in row
        )
        lost = losses(walk, {label: float(n) for label, n in given.items()})
        assert conversions[corpus]["bits"] == lost.bits
        for _, parent, labels in made.filter(pl.col("annotator").str.starts_with(f"{corpus}:")).iter_rows():
            was = [one["label"] for one in by_id[parent]]
            for one in labels:
                originals = one["original"].split(", ")
                assert set(originals) <= set(was)
                assert all(walk.by_label[label].targets == (one["label"],) for label in originals)
                assert one["mapping"] in {walk.by_label[label].kind for label in originals}
                assert one["loss"] == pytest.approx(sum(lost.of_label[label] for label in originals), abs=2e-6)


def test_a_label_nobody_was_asked_is_no_answer(annotations: pl.DataFrame) -> None:
    made = annotations.filter(pl.col("task") == "emotion")
    emoevent = made.filter(pl.col("annotator") == "emoevent:raters")["asked"].explode()
    assert "neutral" not in set(emoevent)
    assert made.filter(pl.col("annotator") == "meld:raters")["asked"].null_count() == 1109


def test_converted_answers_say_by_which_configuration_they_were_made(release: Path, annotations: pl.DataFrame) -> None:
    origins = pl.read_parquet(release / "provenance" / "*.parquet")
    assert origins["provenance"].is_unique().all()
    made = annotations.filter(pl.col("task") == "emotion").join(origins, on="provenance", suffix="_of")
    assert made["strategy"].unique().to_list() == ["crosswalk"]
    assert (made["annotator"] == made["annotator_of"]).all()
    behind = made.select(pl.col("params").str.json_path_match("$.of")).to_series().unique()
    assert set(behind) == set(annotations.filter(pl.col("task") != "emotion")["provenance"])


def test_labels_are_made_of_converted_answers_alone(release: Path) -> None:
    labels = pl.read_parquet(release / "labels" / "*.parquet")
    assert labels["task"].unique().to_list() == ["emotion"]
    assert labels.filter(pl.col("labels").is_not_null()).height == 1109 + 3780 + 407
    data = pl.read_parquet(release / "data" / "*.parquet")
    assert data.height == sum(ROWS.values())
    assert not [name for name in data.columns if name.startswith(("meld", "goemotions", "emoevent"))]


def test_the_report_and_the_card_tell_what_was_converted(release: Path) -> None:
    report = (release / "audit" / "report.html").read_text(encoding="utf-8")
    assert 'id="crosswalk"' in report
    for told in ("meld.emotion", "goemotions.emotion", "0.961 of 3.241 bits a label", "1,646 rejected"):
        assert told in report
    card = (release / "README.md").read_text(encoding="utf-8")
    assert "| goemotions.emotion | emotion | goemotions to ekman-neutral | 5,426 | 3,780 | 1,646 |" in card
    assert "Making emoevent.emotion into emotion lost 337 of 744 answers" in card


def test_running_again_does_nothing_and_another_taxonomy_converts_anew(merged: Project) -> None:
    assert "Nothing to do" in merged.run("run", "merged.yaml").stdout
    again = json.loads(merged.run("run", "merged.yaml", "--json", "--set", "tasks.emotion.taxonomy=ekman").stdout)
    assert "convert:emotion" in again["ran"]
    assert "carried" in again["cached"]
