"""What stands in two splits at once is found, whoever looked for it before."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.leakage import leakage
from audits.shingles import shingles
from schemas.errors import DsbuildError
from schemas.tables import ITEMS, conform

NO_PAIRS = pl.DataFrame(schema={"item_a": pl.String, "item_b": pl.String})
TEXT = "the quick brown fox jumps over the lazy dog and then sleeps for the whole of the long afternoon"


def items_of(
    *rows: tuple[str, str | None, str | None], groups: dict[str, list[dict[str, str]]] | None = None
) -> pl.DataFrame:
    """Rows of item, split and text."""
    frame = pl.DataFrame(rows, schema={"item_id": pl.String, "split": pl.String, "text": pl.String}, orient="row")
    of_item = pl.Series(
        "groups",
        [(groups or {}).get(item) for item in frame["item_id"]],
        dtype=pl.List(pl.Struct({"kind": pl.String, "id": pl.String})),
    )
    return conform(frame.with_columns(pl.lit("c").alias("corpus"), pl.lit("text").alias("modality"), of_item), ITEMS)


def plain_jaccard(a: str, b: str) -> float:
    sets = [{text[i : i + 5] for i in range(max(len(text) - 4, 1))} for text in (a, b)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_the_same_text_in_two_splits_counts_by_pairs() -> None:
    items = items_of(
        ("a", "train", "cafe\u0301  noir "),
        ("b", "train", "caf\u00e9 noir"),
        ("c", "test", "caf\u00e9\tnoir"),
        ("d", "validation", "caf\u00e9 noir"),
        ("e", "test", "something else"),
        ("f", None, "caf\u00e9 noir"),
        ("g", "train", None),
        ("h", "test", None),
        ("i", "train", ""),
        ("j", "test", " "),
    )
    exact = leakage(items, NO_PAIRS, threshold=0.9)["exact"]
    assert (exact["pairs"], exact["items"], exact["texts"]) == (5, 4, 1)
    assert exact["examples"] == [
        {
            "a": "c",
            "split_a": "test",
            "text_a": "caf\u00e9 noir",
            "b": "a",
            "split_b": "train",
            "text_b": "caf\u00e9 noir",
        }
    ]


def test_near_pairs_are_measured_again_and_missed_ones_found() -> None:
    items = items_of(
        ("a", "train", TEXT),
        ("b", "test", TEXT + "s"),
        ("c", "test", TEXT + "!"),
        ("d", "train", TEXT[:50]),
        ("e", "test", TEXT),
    )
    handed = pl.DataFrame({"item_a": ["b", "d", "b", "a", "b"], "item_b": ["a", "a", "d", "e", "gone"]})
    near = leakage(items, handed, threshold=0.9)["near"]
    # b-a is near; d-a are both in train, b-d are too far apart, a-e are the same text, which `exact` counts.
    assert (near["pairs"], near["missed"], near["items"], near["sampled"]) == (1, 1, 3, 3)
    assert {frozenset((one["a"], one["b"])) for one in near["examples"]} == {frozenset("ab"), frozenset("ac")}
    assert near["examples"][0]["similarity"] == pytest.approx(plain_jaccard(TEXT, TEXT + "s"))
    found = leakage(items, pl.DataFrame({"item_a": ["a", "c"], "item_b": ["b", "a"]}), threshold=0.9)["near"]
    assert (found["pairs"], found["missed"]) == (2, 0)


def test_the_threshold_itself_counts() -> None:
    items = items_of(("a", "train", "abcdefghij"), ("b", "test", "abcdefghi"))
    exactly = plain_jaccard("abcdefghij", "abcdefghi")
    assert leakage(items, NO_PAIRS, threshold=exactly)["near"]["missed"] == 1
    assert leakage(items, NO_PAIRS, threshold=exactly + 1e-6)["near"]["missed"] == 0


def test_without_a_train_split_the_largest_is_not_held_out() -> None:
    items = items_of(("a", "one", "x" * 9), ("b", "one", "y" * 9), ("c", "two", "z" * 9))
    assert leakage(items, NO_PAIRS, threshold=0.9)["near"]["sampled"] == 1
    assert leakage(items_of(("a", "train", "x")), NO_PAIRS, threshold=0.9)["near"]["sampled"] == 0
    assert leakage(items_of(), NO_PAIRS, threshold=0.9)["near"]["sampled"] == 0


def test_the_sample_is_seeded_and_no_larger_than_asked() -> None:
    rng = np.random.default_rng(0)
    rows = [(f"i{k}", "test" if k % 2 else "train", "".join(rng.choice(list("abc"), size=6))) for k in range(200)]
    whole = leakage(items_of(*rows), NO_PAIRS, threshold=0.3, sample=1000)["near"]
    some = leakage(items_of(*rows), NO_PAIRS, threshold=0.3, sample=20, seed=1)["near"]
    assert (whole["sampled"], some["sampled"]) == (100, 20)
    assert 0 < some["missed"] < whole["missed"]
    assert leakage(items_of(*reversed(rows)), NO_PAIRS, threshold=0.3, sample=20, seed=1)["near"] == some


def test_a_group_in_two_splits() -> None:
    speaker, dialogue = {"kind": "speaker", "id": "1"}, {"kind": "dialogue", "id": "1"}
    items = items_of(
        ("a", "train", "one"),
        ("b", "test", "two"),
        ("c", "train", "three"),
        ("d", "test", "four"),
        groups={"a": [speaker], "b": [speaker, dialogue], "c": [dialogue, speaker], "d": []},
    )
    group = leakage(items, NO_PAIRS, threshold=0.9)["group"]
    assert (group["pairs"], group["items"], group["groups"]) == (3, 3, 2)
    assert group["examples"][0] == {
        "a": "b", "split_a": "test", "text_a": "two", "b": "c", "split_b": "train", "text_b": "three",
        "kind": "dialogue", "id": "1",
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(st.sampled_from("abकि\U0001f600 "), min_size=1, max_size=14), min_size=1, max_size=8))
def test_similarity_is_the_exact_jaccard_of_character_5_grams(texts: list[str]) -> None:
    grams = shingles(pl.Series(texts))
    left, right = np.divmod(np.arange(len(texts) ** 2), len(texts))
    wanted = [plain_jaccard(texts[a], texts[b]) for a, b in zip(left, right, strict=True)]
    assert grams.similarity(left, right) == pytest.approx(wanted, abs=1e-9)
    for one in range(len(texts)):
        others, alike = grams.at_least(one, 0.4)
        expected = {k: plain_jaccard(texts[one], text) for k, text in enumerate(texts)}
        assert dict(zip(others.tolist(), alike.tolist(), strict=True)) == pytest.approx(
            {k: j for k, j in expected.items() if j >= 0.4}, abs=1e-9
        )


def test_an_impossible_threshold_is_refused() -> None:
    with pytest.raises(DsbuildError, match="threshold"):
        leakage(items_of(), NO_PAIRS, threshold=1.5)


def test_mahaemotions_as_pulled_leaks(shared_data: Path) -> None:
    folder = shared_data / "mahaemotions"
    rows = pl.concat(
        [
            pl.read_csv(folder / f"{split}.csv", infer_schema=False).select(
                pl.format("{}-{}", pl.lit(split), pl.int_range(pl.len())).alias("item_id"),
                pl.lit(split).alias("split"),
                pl.col("Tweet").alias("text"),
            )
            for split in ("train", "validation", "test")
        ]
    )
    items = conform(rows.with_columns(pl.lit("m").alias("corpus"), pl.lit("text").alias("modality")), ITEMS)
    before = time.perf_counter()
    found = leakage(items, NO_PAIRS, threshold=0.9, seed=1)
    assert time.perf_counter() - before < 10
    assert found["exact"]["texts"] == 90
    assert found["near"]["sampled"] == 600
    assert found["near"]["missed"] > 0
