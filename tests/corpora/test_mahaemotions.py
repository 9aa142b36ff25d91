"""The real files of L3Cube-MahaEmotions, read by the card that ships (real data, counted beforehand)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpora.entry import CorpusConfig, resolve
from corpora.pull import pull
from corpora.read import Batch, read_corpus
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EMOTION = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("mahaemotions"), perspective="reader")


@pytest.fixture(scope="module")
def batches(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Batch]:
    config = CorpusConfig(name="mahaemotions", path=str(shared_data / "mahaemotions"))
    pulled = pull(resolve(config, Path.cwd()), tmp_path_factory.mktemp("cache"))
    assert pulled.figures["checksum differs from the card"] == 0
    return list(read_corpus(pulled.source, {"emotion": EMOTION}))


def added(batches: list[Batch], name: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for batch in batches:
        for key, count in batch.figures[name].items():
            total[key] = total.get(key, 0) + count
    return total


def test_every_row_as_pulled_is_an_item_with_an_annotation(batches: list[Batch]) -> None:
    assert added(batches, "rows_by_split") == {"train": 11_998, "validation": 1_500, "test": 1_500}
    assert sum(batch.items.height for batch in batches) == 14_998
    assert sum(batch.annotations.height for batch in batches) == 14_998
    assert sum(batch.rejects.height for batch in batches) == 0


def test_ten_label_strings_stand_there_and_two_of_them_in_lower_case_too(batches: list[Batch]) -> None:
    counts = [batch.figures["label_strings"] for batch in batches]
    names = {"Anger/Disgust", "Excitement", "Fear", "Happiness", "Neutral"}
    names |= {"Pride", "Respect", "Sadness", "Sarcasm", "Surprise"}
    assert set(counts[0]) == set(counts[2]) == names
    assert set(counts[1]) == names | {"respect", "sadness"}
    assert counts[0]["Neutral"] == 3_903
    assert counts[0]["Sarcasm"] == 177
    assert (counts[1]["Respect"], counts[1]["respect"], counts[1]["sadness"]) == (141, 6, 5)
    assert counts[2]["Neutral"] == 546
    assert added(batches, "mapped") == {"respect -> Respect": 6, "sadness -> Sadness": 5}


def test_an_llm_labelled_train_and_people_the_rest(batches: list[Batch]) -> None:
    items = pl.concat([batch.items for batch in batches])
    annotations = pl.concat([batch.annotations for batch in batches])
    by_split = (
        annotations.join(items, on="item_id")
        .group_by("source_split", "annotator", "annotator_kind")
        .len()
        .sort("source_split")
    )
    expected: list[Any] = [
        ("test", "mahaemotions:people", "human", 1_500),
        ("train", "mahaemotions:gpt-4-cotr", "llm", 11_998),
        ("validation", "mahaemotions:people", "human", 1_500),
    ]
    assert by_split.rows() == expected


def test_every_item_has_an_id_of_its_own(batches: list[Batch]) -> None:
    ids = pl.concat([batch.items for batch in batches])["item_id"]
    assert ids.n_unique() == 14_998
    assert ids.head(2).to_list() == ["b9da963a3791ac48", "8015f4a548c954a9"]
