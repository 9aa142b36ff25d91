"""croissant.json is valid, and every record set in it can be read."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dsbuild.release import Contents, write_release
from schemas.ids import item_id

Make = Callable[..., Contents]


def test_mlcroissant_reads_every_row_of_every_record_set(
    contents: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import mlcroissant

    release = write_release(contents(repo="lab/tweets"), tmp_path)
    with caplog.at_level(logging.WARNING):
        dataset = mlcroissant.Dataset(jsonld=str(release.path / "croissant.json"))
    assert not dataset.metadata.issues.errors
    # A release knows no clock; that is all there is to say against it.
    assert [w for w in dataset.metadata.issues.warnings if "datePublished" not in w] == []
    assert "not standard" not in caplog.text
    sizes: dict[str, int] = {}
    rows: dict[str, list[dict[str, Any]]] = {}
    for record_set in dataset.metadata.record_sets:
        rows[record_set.id] = list(dataset.records(record_set.id))
        sizes[record_set.id] = len(rows[record_set.id])
    wanted = {
        f"{table}-{split}": figures["rows"]
        for table, splits in release.manifest.tables.items()
        for split, figures in splits.items()
    }
    assert sizes == {**wanted, "emotion-labels": 7, "feeling-labels": 7}
    data = {row["data-train/item_id"].decode(): row for row in rows["data-train"]}
    assert data[item_id("tweets", "a")]["data-train/emotion"] == [1]
    assert data[item_id("tweets", "b")]["data-train/text"].decode() == "आज खूप छान वाटतंय"
    assert rows["emotion-labels"][1]["emotion-labels/name"] == "sadness"
    given = [row["annotations-test/labels"] for row in rows["annotations-test"]]
    assert given.count([_label("fear")]) == 2


def _label(name: str) -> dict[str, Any]:
    at = "annotations-test/labels"
    given = {"label": name.encode(), "score": 0.5, "original": name.encode(), "mapping": None, "loss": None}
    return {f"{at}/{field}": value for field, value in given.items()}


def test_the_files_are_named_by_their_hashes(contents: Make, tmp_path: Path) -> None:
    release = write_release(contents(), tmp_path)
    described = json.loads((release.path / "croissant.json").read_text())
    assert described["version"] == "1.0.0"
    for file in described["distribution"]:
        assert file["sha256"] == release.manifest.files[file["contentUrl"]].sha256


def test_it_stays_valid_whatever_title_and_texts_say(contents: Make, tmp_path: Path) -> None:
    import mlcroissant

    text = '"}], "@id": "x", <b>\n\u2028\\'
    items = contents().items.with_columns(pl.lit(text).alias("text"))
    release = write_release(contents(title=text, licence=text, items=items), tmp_path)
    dataset = mlcroissant.Dataset(jsonld=str(release.path / "croissant.json"))
    assert {row["data-test/text"].decode() for row in dataset.records("data-test")} == {text}
