"""The build of the Marathi recipe on the real files: every count is one that was made beforehand on them."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from builders import Deduplicate, Normalise, Split, pairs
from corpora.entry import CorpusConfig, resolve
from corpora.read import read_corpus
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EMOTION = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("mahaemotions"), perspective="reader")


@pytest.fixture(scope="module")
def corpus(shared_data: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    source = resolve(CorpusConfig(name="mahaemotions", path=str(shared_data / "mahaemotions")), Path.cwd())
    batches = list(read_corpus(source, {"emotion": EMOTION}))
    return pl.concat([batch.items for batch in batches]), pl.concat([batch.annotations for batch in batches])


@pytest.fixture
def normalised(corpus: Any, run: Any) -> Any:
    return run(Split(source=True), run(Normalise(), corpus[0]).items).items


def test_nfc_and_white_space_change_1426_rows(corpus: Any, run: Any) -> None:
    assert run(Normalise(), corpus[0]).figures == {"changed": 1_426}


def test_idle_invisible_characters_are_in_two_dozen_rows(corpus: Any, run: Any) -> None:
    assert run(Normalise(invisible="remove"), corpus[0]).figures == {"changed": 1_446, "invisible characters": 21}


def test_repeats_go_and_a_text_keeps_its_first_place(normalised: pl.DataFrame, run: Any) -> None:
    done = run(Deduplicate(near=False), normalised, batch=4_000)
    assert done.figures == {
        "repeats merged": {"train": 256, "validation": 8, "test": 3},
        "texts lost to another split": {"train": 82, "validation": 16},
        "near duplicates dropped": {},
        "texts in several splits": 90,
    }
    assert Counter(done.items["split"]) == {"train": 11_660, "validation": 1_476, "test": 1_497}


def test_near_duplicates_at_nine_tenths_go_too_and_none_is_left(normalised: pl.DataFrame, run: Any) -> None:
    step = Deduplicate.from_recipe({"near": 0.9, "keep": ["test", "validation", "train"]})
    done = run(step, normalised)
    assert done.figures["near duplicates dropped"] == {"train": 104, "validation": 9, "test": 2}
    assert done.figures["texts in several splits"] == 90
    assert Counter(done.items["split"]) == {"train": 11_556, "validation": 1_467, "test": 1_495}
    assert pairs(done.items, 0.9).is_empty()
    assert run(step, done.items).rejects.is_empty()


def test_74_texts_carry_conflicting_labels(corpus: Any, normalised: pl.DataFrame) -> None:
    given: dict[str, set[str]] = defaultdict(set)
    rows = normalised.join(corpus[1], on="item_id").select(
        "text_right" if "text" not in normalised else "text", "labels"
    )
    for text, labels in rows.iter_rows():
        given[text].update(label["label"] for label in labels)
    assert len(given) == 14_633
    assert sum(len(labels) > 1 for labels in given.values()) == 74
