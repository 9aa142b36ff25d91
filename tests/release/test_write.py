"""A release is whole, loads, and says the same whatever order its rows came in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from dsbuild.release import Contents, verify, write_release
from dsbuild.release.tables import write_tables
from schemas.errors import DsbuildError
from schemas.ids import item_id

Make = Callable[..., Contents]
EKMAN = ["joy", "sadness", "anger", "fear", "surprise", "disgust", "neutral"]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_a_release_has_the_folders_of_the_design(contents: Make, tmp_path: Path) -> None:
    release = write_release(contents(), tmp_path)
    splits = ("test", "train", "validation")
    tables = ("annotations", "data", "items", "labels")
    assert release.path == tmp_path / "tweets/1.0.0"
    assert sorted(bytes_of(release.path)) == sorted(
        [
            "README.md",
            "croissant.json",
            "manifest.json",
            "audit/metrics.json",
            "audit/rejects.parquet",
            "audit/report.html",
            "provenance/provenance.parquet",
            *(f"{table}/{split}.parquet" for table in tables for split in splits),
        ]
    )
    assert [p.name for p in (tmp_path / "tweets").iterdir() if p.name != ".lock"] == ["1.0.0"]


def test_load_dataset_gives_class_names_soft_labels_and_tiers(contents: Make, tmp_path: Path, offline: Any) -> None:
    release = write_release(contents(), tmp_path)
    loaded = offline.load_dataset(str(release.path), "data")
    assert {split: rows.num_rows for split, rows in loaded.items()} == {"train": 3, "validation": 1, "test": 1}
    columns = loaded["train"].features
    assert columns["emotion"].feature.names == EKMAN
    assert columns["feeling"].names == EKMAN
    assert "translation" not in columns  # no aggregate answers it
    rows = {row["item_id"]: row for split in loaded.values() for row in split}
    a, b, c, d, e = (rows[item_id("tweets", key)] for key in "abcde")
    # Gold goes before silver, though the recipe lists silver first.
    assert [columns["emotion"].feature.int2str(i) for i in a["emotion"]] == ["sadness"]
    assert a["emotion_tier"] == "gold"
    assert a["emotion_p"] == [0, 1, 0, 0, 0, 0, 0]
    assert columns["feeling"].int2str(a["feeling"]) == "anger"
    # A label without a share of its own counts as certain.
    assert (b["emotion"], b["emotion_p"], b["emotion_tier"]) == ([0], [1, 0, 0, 0, 0, 0, 0], "silver")
    # "None of these" is an answer; for a choice the tier tells it from no answer.
    assert (b["feeling"], b["feeling_tier"]) == (None, "stated")
    assert (c["emotion"], c["emotion_p"], c["emotion_tier"]) == ([], [0] * 7, "silver")
    for nothing in (d, e):
        assert (nothing["emotion"], nothing["emotion_p"], nothing["emotion_tier"]) == (None, None, None)
    assert (c["feeling"], c["feeling_tier"]) == (None, None)


@pytest.mark.parametrize("config", ["items", "annotations", "labels", "provenance"])
def test_load_dataset_gives_back_every_value_of_every_table(
    config: str, contents: Make, tmp_path: Path, offline: Any
) -> None:
    given = contents()
    release = write_release(given, tmp_path)
    loaded = offline.load_dataset(str(release.path), config)
    key = {"annotations": "annotation_id", "provenance": "provenance"}.get(config, "item_id")
    rows = sorted((row for split in loaded.values() for row in split), key=lambda row: json.dumps(row, default=str))
    wanted = sorted(getattr(given, config).to_dicts(), key=lambda row: json.dumps(row, default=str))
    assert rows == wanted
    assert {row[key] for row in rows} == set(getattr(given, config)[key])


def test_the_default_config_is_data(contents: Make, tmp_path: Path, offline: Any) -> None:
    release = write_release(contents(), tmp_path)
    assert "emotion_p" in offline.load_dataset(str(release.path))["train"].features


def test_equal_contents_give_equal_bytes_in_whatever_order_the_rows_come(contents: Make, tmp_path: Path) -> None:
    given = contents()
    shuffled = contents(
        items=given.items.sample(fraction=1, shuffle=True, seed=1),
        annotations=given.annotations.sample(fraction=1, shuffle=True, seed=2).lazy(),
        labels=given.labels.reverse(),
        provenance=pl.concat([given.provenance, given.provenance]),
    )
    first = write_release(given, tmp_path / "one")
    second = write_release(shuffled, tmp_path / "two")
    assert bytes_of(first.path) == bytes_of(second.path)


def test_tables_may_come_as_parquet_files(contents: Make, tmp_path: Path) -> None:
    given = contents()
    for name in ("items", "annotations", "labels", "provenance", "rejects"):
        getattr(given, name).write_parquet(tmp_path / f"{name}.parquet")
    as_files = {
        name: tmp_path / f"{name}.parquet" for name in ("items", "annotations", "labels", "provenance", "rejects")
    }
    first = write_release(given, tmp_path / "one")
    assert bytes_of(write_release(contents(**as_files), tmp_path / "two").path) == bytes_of(first.path)


def test_the_number_of_items_taken_at_once_leaves_no_trace(contents: Make, tmp_path: Path) -> None:
    whole, rejects = write_tables(contents(), tmp_path / "whole")
    pieces, rejects_of_pieces = write_tables(contents(), tmp_path / "pieces", items_at_once=1)
    assert bytes_of(tmp_path / "whole") == bytes_of(tmp_path / "pieces")
    assert [config.files for config in whole] == [config.files for config in pieces]
    assert rejects == rejects_of_pieces


def test_rows_are_sorted_and_the_file_says_by_what(contents: Make, tmp_path: Path) -> None:
    release = write_release(contents(), tmp_path)
    file = pq.ParquetFile(release.path / "annotations/train.parquet")
    key = file.schema_arrow.metadata[b"dsbuild.sorted_by"].decode().split(",")
    assert key == ["item_id", "task", "annotator", "sample", "annotation_id"]
    rows = pl.read_parquet(release.path / "annotations/train.parquet")
    assert rows.equals(rows.sort(key))
    assert b"pandas" not in file.schema_arrow.metadata


def test_an_item_is_in_the_split_of_its_own_and_without_one_in_train(contents: Make, tmp_path: Path) -> None:
    given = contents()
    dashed = given.items.with_columns(pl.col("split").replace({"validation": "dev-set 1"}))
    release = write_release(contents(items=dashed), tmp_path)
    train = pl.read_parquet(release.path / "items/train.parquet")
    assert item_id("tweets", "e") in set(train["item_id"])
    assert (release.path / "annotations/dev_set_1.parquet").exists()
    clash = given.items.with_columns(pl.col("split").replace({"validation": "dev 1", "test": "dev-1"}))
    with pytest.raises(DsbuildError, match="'dev 1' and 'dev-1'"):
        write_release(contents(items=clash), tmp_path)


def test_a_split_without_rows_of_a_table_is_left_out_of_it_alone(contents: Make, tmp_path: Path, offline: Any) -> None:
    given = contents()
    in_train = given.items.filter(pl.col("split") == "train")["item_id"].to_list()
    release = write_release(
        contents(annotations=given.annotations.filter(pl.col("item_id").is_in(in_train)), labels=given.labels.clear()),
        tmp_path,
    )
    annotations = offline.load_dataset(str(release.path), "annotations")
    assert {split: rows.num_rows for split, rows in annotations.items()} == {"train": 6}
    data = offline.load_dataset(str(release.path), "data")
    assert {split: rows.num_rows for split, rows in data.items()} == {"train": 3, "validation": 1, "test": 1}
    assert data["test"].features["emotion"].feature.names == EKMAN
    assert data["test"]["emotion"] == [None]
    # A table without any row cannot be loaded by datasets, so it is no config; its columns can still be read.
    assert [path.name for path in (release.path / "labels").iterdir()] == ["train.parquet"]
    assert pl.read_parquet(release.path / "labels/train.parquet").schema == given.labels.schema
    with pytest.raises(ValueError, match="labels' not found"):
        offline.load_dataset(str(release.path), "labels")


def test_a_dataset_without_items_is_no_release(contents: Make, tmp_path: Path) -> None:
    given = contents()
    with pytest.raises(DsbuildError, match="nothing to release"):
        write_release(
            contents(items=given.items.clear(), annotations=given.annotations.clear(), labels=given.labels.clear()),
            tmp_path,
        )


def test_the_author_of_a_recipe_may_put_silver_before_gold(contents: Make, tmp_path: Path) -> None:
    release = write_release(contents(data_order={"emotion": ["silver"]}), tmp_path)
    rows = {row["item_id"]: row for row in pl.read_parquet(release.path / "data/train.parquet").to_dicts()}
    a = rows[item_id("tweets", "a")]
    assert (a["emotion"], a["emotion_p"], a["emotion_tier"]) == ([0, 2], [0.5, 0, 0.75, 0, 0, 0, 0], "silver")
    with pytest.raises(DsbuildError, match="'bronze', which is no aggregate"):
        write_release(contents(data_order={"emotion": ["bronze"]}), tmp_path)


def test_an_annotation_of_an_unknown_item_is_refused(contents: Make, tmp_path: Path) -> None:
    given = contents()
    with pytest.raises(DsbuildError, match="6 rows of the table annotations are of items"):
        write_release(
            contents(items=given.items.filter(pl.col("language") == "en"), labels=given.labels.clear()), tmp_path
        )
    assert not list((tmp_path / "tweets").glob("[!.]*"))


def test_a_label_outside_the_taxonomy_is_refused_by_name(contents: Make, tmp_path: Path) -> None:
    given = contents()
    strange = given.labels.with_columns(
        pl.col("labels").list.eval(
            pl.struct(
                pl.element().struct.field("label").replace({"joy": "glee"}).alias("label"),
                pl.element().struct.field("p"),
            )
        )
    )
    with pytest.raises(DsbuildError, match="'glee' is no label of the task emotion"):
        write_release(contents(labels=strange, data_order={"emotion": ["silver"]}), tmp_path)


@pytest.mark.parametrize("table", ["items", "annotations", "labels"])
def test_two_rows_for_one_thing_are_refused(table: str, contents: Make, tmp_path: Path) -> None:
    frame = getattr(contents(), table)
    with pytest.raises(DsbuildError, match="stand for"):
        write_release(contents(**{table: pl.concat([frame, frame.head(1)])}), tmp_path)


def test_what_a_killed_writer_left_is_removed_and_never_taken_for_a_release(contents: Make, tmp_path: Path) -> None:
    left = tmp_path / "tweets/.writing-4242"
    (left / "data").mkdir(parents=True)
    (left / "manifest.json").write_text("{")
    release = write_release(contents(), tmp_path)
    assert release.version == "1.0.0"
    assert not left.exists()
    verify(release.path)


KILLED_WHILE_WRITING = """
import os, sys, time
from pathlib import Path
from dsbuild.release.folder import locked, unfinished
with locked(Path(sys.argv[1])), unfinished(Path(sys.argv[1])) as path:
    (path / "half.parquet").write_bytes(b"PAR1")
    print(path, flush=True)
    time.sleep(60)
"""


def test_the_folder_of_a_living_writer_is_left_alone_and_taken_over_when_it_dies(
    contents: Make, tmp_path: Path
) -> None:
    from threading import Thread

    writer = subprocess.Popen(
        [sys.executable, "-c", KILLED_WHILE_WRITING, str(tmp_path / "tweets")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None
        half = Path(writer.stdout.readline().strip())
        done: list[Any] = []
        waiting = Thread(target=lambda: done.append(write_release(contents(), tmp_path)), daemon=True)
        waiting.start()
        waiting.join(0.7)
        assert waiting.is_alive()
        assert (half / "half.parquet").exists()
        os.kill(writer.pid, signal.SIGKILL)
        waiting.join(30)
    finally:
        writer.kill()
        writer.wait()
    assert not half.exists()
    assert done[0].version == "1.0.0"


def test_a_full_disk_is_said_in_one_sentence_and_leaves_nothing(
    contents: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DsbuildError, match="could not be written: No space left on device"):
        write_release(contents(), tmp_path)
    assert [path.name for path in (tmp_path / "tweets").iterdir()] == [".lock"]


@pytest.mark.parametrize("name", ["../tweets", "", ".hidden", "a/b", "a\nb"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str, contents: Make, tmp_path: Path) -> None:
    with pytest.raises(DsbuildError, match="cannot be a dataset's name"):
        write_release(contents(dataset=name), tmp_path)


def test_the_manifest_says_what_is_in_the_release_and_what_it_was_made_from(contents: Make, tmp_path: Path) -> None:
    release = write_release(contents(), tmp_path)
    manifest = json.loads((release.path / "manifest.json").read_text())
    assert manifest["format"] == "dsbuild.release/1"
    assert set(manifest["files"]) == set(bytes_of(release.path)) - {"manifest.json"}
    assert manifest["tables"]["data"]["train"]["rows"] == 3
    assert manifest["prompts"] == [{"annotator": "gpt", "strategy": "cotr", "prompt_hash": "ff00"}]
    assert manifest["recipe"] == "dataset: tweets\n"
    assert manifest["corpora"][0]["files"] == [{"name": "tweets.csv", "sha256": "ab" * 32}]
    assert manifest["base_version"] is None
    assert str(tmp_path) not in json.dumps(manifest)


def test_a_figure_that_is_not_finite_is_refused(contents: Make, tmp_path: Path) -> None:
    metrics = dict(contents().metrics)
    metrics["agreement"] = [{**metrics["agreement"][0], "value": float("nan")}]
    with pytest.raises(DsbuildError, match="no number that JSON has"):
        write_release(contents(metrics=metrics), tmp_path)
