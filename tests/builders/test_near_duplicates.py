"""The set-similarity join finds every pair that brute force finds, and no other."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import near_duplicates
from builders.near_duplicates import pairs


def grams(text: str) -> set[str]:
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return {text[i : i + 5] for i in range(len(text) - 4)} or {text}


def brute_force(frame: pl.DataFrame, threshold: float, across: str | None = None) -> list[tuple[str, str, float]]:
    rows = [row for row in frame.to_dicts() if row["text"] is not None]
    sets = [grams(row["text"]) for row in rows]
    found = []
    for i, a in enumerate(rows):
        for j in range(i + 1, len(rows)):
            similarity = len(sets[i] & sets[j]) / len(sets[i] | sets[j])
            if similarity >= threshold and (across is None or a[across] != rows[j][across]):
                found.append((a["item_id"], rows[j]["item_id"], similarity))
    return found


def frame(texts: list[str | None], splits: list[str | None] | None = None) -> pl.DataFrame:
    ids = [f"i{n}" for n in range(len(texts))]
    data = {"item_id": ids, "text": texts, "split": splits or [None] * len(texts)}
    return pl.DataFrame(data, schema={"item_id": pl.String, "text": pl.String, "split": pl.String})


# Few letters and pieces that repeat, so that many texts are alike; a few from other planes of Unicode.
PIECES = st.sampled_from(["ab", "abc", "xyzzy", "hello ", "मराठी", "\U0001f600", "好", "  ", "e\u0301", "q"])
TEXTS = st.lists(st.one_of(st.none(), st.lists(PIECES, max_size=8).map("".join)), max_size=25)
THRESHOLDS = st.sampled_from([0.05, 0.3, 0.5, 2 / 3, 0.7, 0.75, 0.8, 0.9, 1.0])


@settings(max_examples=150, deadline=None)
@given(texts=TEXTS, threshold=THRESHOLDS, seed=st.integers(0, 3))
def test_pairs_are_those_of_brute_force(texts: list[str | None], threshold: float, seed: int) -> None:
    splits: list[str | None] = [["train", "test", None][(n * 7 + seed) % 3] for n in range(len(texts))]
    items = frame(texts, splits)
    assert pairs(items, threshold).rows() == brute_force(items, threshold)
    assert pairs(items, threshold, across="split").rows() == brute_force(items, threshold, "split")


@settings(max_examples=30, deadline=None)
@given(texts=TEXTS, threshold=THRESHOLDS)
def test_looking_at_few_candidates_at_a_time_changes_nothing(texts: list[str | None], threshold: float) -> None:
    items = frame(texts)
    whole = pairs(items, threshold)
    before = near_duplicates._AT_ONCE
    near_duplicates._AT_ONCE = 3
    try:
        assert pairs(items, threshold).equals(whole)
    finally:
        near_duplicates._AT_ONCE = before


def test_thousands_of_different_characters_are_told_apart() -> None:
    # So many that five of them do not fit into one number of 64 bits.
    text = "".join(chr(0x4E00 + n) for n in range(9000))
    items = frame([text, text[:8000], text[::-1], text[3000:8990] + "x" * 9])
    assert pairs(items, 0.3).rows() == brute_force(items, 0.3)


def test_a_worked_example() -> None:
    # abcdefghij has 6 grams of five, abcdefghiX shares the first 5: 5 / 7.
    found = pairs(frame(["abcdefghij", "abcdefghiX", "something else"]), 0.7)
    assert found.rows() == [("i0", "i1", 5 / 7)]
    assert pairs(frame(["abcdefghij", "abcdefghiX"]), 0.72).is_empty()


def test_white_space_and_composition_make_no_difference() -> None:
    assert pairs(frame(["caf\u00e9 au  lait", " cafe\u0301 au lait\n"]), 1.0).rows() == [("i0", "i1", 1.0)]


def test_texts_shorter_than_a_gram_are_compared_whole() -> None:
    assert pairs(frame(["no", "no", "nope", ""]), 0.1).rows() == [("i0", "i1", 1.0)]


def test_no_texts_have_no_pairs() -> None:
    found = pairs(frame([]), 0.9)
    assert found.is_empty()
    assert found.schema == {"a": pl.String, "b": pl.String, "similarity": pl.Float64}
    assert pairs(frame([None, None]), 0.9).is_empty()


@pytest.mark.parametrize("threshold", [0, -1, 1.01])
def test_a_threshold_that_is_no_similarity_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="over 0 and at most 1"):
        pairs(frame(["a"]), threshold)
