"""`dsbuild taxonomies`: the label sets listed, shown, and mapped to each other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.taxonomy import shipped
from tests.cli.lab import DSBUILD, Lab


def run(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([DSBUILD, "taxonomies", *words], capture_output=True, text=True, timeout=60)
    assert not check or done.returncode == 0, done.stderr
    return done


def as_json(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def test_every_taxonomy_is_listed_with_its_kind_and_source() -> None:
    rows = as_json("list")
    assert [row["name"] for row in rows] == shipped()
    assert {"name", "labels", "kind", "title", "year", "source"} == rows[0].keys()
    assert [row["name"] for row in as_json("list", "--kind", "act")] == ["cped-acts", "dailydialog-acts"]
    assert "goemotions " in run("list").stdout


def test_a_taxonomy_is_shown_with_places_codes_and_groupings() -> None:
    text = run("show", "goemotions").stdout
    assert "love > affection > liking + joy" in text
    assert "  sadness: sadness, disappointment, embarrassment, grief, remorse" in text
    assert as_json("show", "goemotions")["labels"][27] | {"definition": "", "tone_note": ""} == {
        "id": "neutral", "code": 27, "role": "neutral", "definition": "", "tone_note": "", "descriptions": {},
        "aliases": [], "names": {}, "tone_parts": [],
    }  # fmt: skip


def test_a_crosswalk_says_what_each_label_becomes_how_and_what_it_costs() -> None:
    text = run("map", "goemotions", "ekman-neutral").stdout
    assert (
        "amusement       joy       broader  2.585  amusement (tier 3, in cheerfulness, in joy), below joy (tier 1)"
        in text
    )
    assert "Mappings  8 exact, 12 broader, 8 none" in text
    assert "Becomes   20 of 28 labels, taken as equally frequent" in text
    assert "Lost      1.794 of 4.322 bits a label" in text


def test_what_is_not_known_is_told_with_what_it_may_be() -> None:
    text = run("map", "ekman", "parrott-secondary").stdout
    assert "nothing (irritation or exasperation or rage or disgust or envy or torment?)" in text
    found = {one["label"]: one for one in as_json("map", "ekman", "parrott-secondary")["mappings"]}
    assert found["anger"]["kind"] == "narrower"
    assert not found["anger"]["becomes"]
    assert found["anger"]["targets"] == ["irritation", "exasperation", "rage", "disgust", "envy", "torment"]


def test_the_published_grouping_of_goemotions_comes_with_every_difference_told() -> None:
    by_name = as_json("map", "goemotions", "parrott-primary", "--by-name", "--against", "ekman")["against"]
    verdicts = [one["verdict"] for one in by_name]
    assert [verdicts.count(one) for one in ("agrees", "disagrees", "no place")] == [16, 4, 8]
    text = run("map", "goemotions", "parrott-primary", "--by-name", "--against", "ekman").stdout
    assert "Against the published grouping: 16 agree, 4 disagree, 8 have no place" in text
    assert (
        "disgust      disgust    anger  disagrees  published under disgust; in TONE disgust (tier 2, in anger)" in text
    )
    placed = as_json("map", "goemotions", "goemotions-ekman", "--against", "ekman")["against"]
    assert [one["verdict"] for one in placed].count("agrees") == 19
    assert all(one["why"] for one in placed)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_labels_of_a_file_are_counted_whatever_its_format(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"labels.{suffix}"
    frame = pl.DataFrame({"id": ["1", "2", "3", "4", "5"], "emotion": ["joy", "JOY", "anger", "hangry", None]})
    {
        "csv": frame.write_csv,
        "tsv": lambda to: frame.write_csv(to, separator="\t"),
        "jsonl": frame.write_ndjson,
        "parquet": frame.write_parquet,
    }[suffix](path)
    found = as_json("map", "meld", "ekman", "--on", str(path), "--column", "emotion")
    counts = {one["label"]: one["n"] for one in found["mappings"] if one["n"]}
    assert counts == {"joy": 2, "anger": 1}
    assert found["not_labels"] == {"hangry": 1}
    assert found["converted"] == 3


def test_the_loss_is_taken_on_the_real_labels_of_a_corpus(shared_data: Path) -> None:
    path = shared_data / "meld" / "dev_sent_emo.csv"
    found = as_json("map", "meld", "ekman", "--on", str(path), "--column", "Emotion")
    assert (found["labels"], found["converted"]) == (1109, 639)
    assert found["bits"]["lost"] == 0


def test_several_labels_of_a_cell_are_counted_each(tmp_path: Path) -> None:
    path = tmp_path / "goemotions.csv"
    path.write_text("emotions\n4|27\n25\n", encoding="utf-8")
    found = as_json("map", "goemotions", "ekman-neutral", "--on", str(path), "--separator", "|")
    assert {one["label"]: one["n"] for one in found["mappings"] if one["n"]} == {
        "approval": 1,
        "sadness": 1,
        "neutral": 1,
    }


def test_labels_of_a_release_are_counted_by_task(lab: Lab) -> None:
    lab.run()
    release = lab.release()
    found = as_json("map", "ekman-neutral", "parrott-primary", "--on", str(release))
    assert sum(one["n"] for one in found["mappings"]) == 3
    assert (
        "--task one of: emotion"
        in run("map", "ekman-neutral", "ekman", "--on", str(release), "--task", "mood", check=False).stderr
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["map", "goemotion", "ekman"], 'Did you mean "goemotions"?'),
        (["map", "goemotions", "ekman", "--against", "plutchik"], "It has: ekman, sentiment"),
        (["map", "meld", "ekman", "--on", "nowhere.csv", "--column", "x"], "nowhere.csv"),
        (["show", "hangry"], "There is no taxonomy 'hangry'"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(words: list[str], told: str) -> None:
    done = run(*words, check=False)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_without_the_column_or_without_labels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,emotion\n1,hangry\n", encoding="utf-8")
    assert "--column one of: id, emotion" in run("map", "meld", "ekman", "--on", str(path), check=False).stderr
    done = run("map", "meld", "ekman", "--on", str(path), "--column", "emotion", check=False)
    assert "Nothing there is a label of meld: it holds hangry." in done.stderr
