"""Identifiers hold across rebuilds, machines and the order of rows."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import annotation_id, digest, item_hash, item_id, item_id_from_content


def test_ids_are_the_same_in_another_process_with_another_hash_seed() -> None:
    code = "from schemas.ids import item_id; print(item_id('tweets', '17'))"
    other = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": "1"}, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == item_id("tweets", "17")


@given(st.text(), st.text(), st.text(), st.text())
def test_the_border_between_corpus_and_key_counts(a: str, b: str, c: str, d: str) -> None:
    if (a, b) != (c, d):
        assert item_id(a, b) != item_id(c, d)


def test_equal_texts_without_keys_are_told_apart_by_their_occurrence_and_by_nothing_else() -> None:
    first = item_id_from_content("tweets", "ठीक आहे", 0)
    assert first == item_id_from_content("tweets", "ठीक आहे", 0)
    assert first != item_id_from_content("tweets", "ठीक आहे", 1)
    assert first != item_id_from_content("other", "ठीक आहे", 0)


def test_a_key_and_a_text_that_look_alike_give_different_items() -> None:
    assert item_id("tweets", "hello") != item_id_from_content("tweets", "hello", 0)


def test_an_annotation_is_one_answer_of_one_annotator() -> None:
    ids = {
        annotation_id("i", "t", "a"),
        annotation_id("i", "t", "b"),
        annotation_id("i", "u", "a"),
        annotation_id("j", "t", "a"),
        annotation_id("i", "t", "a", 1),
        annotation_id("i", "t", "a", 0, "adjudication"),
    }
    assert len(ids) == 6


def test_what_was_shown_decides_the_item_hash() -> None:
    turn = {"item_id": "x", "speaker": "A", "text": "Hi"}
    clip = {"sha256": "0" * 64, "start_s": 0.0, "end_s": 1.0, "path": "a.wav"}
    shown = item_hash("text", [turn], [clip])
    assert shown == item_hash("text", [{**turn, "item_id": "y"}], [{**clip, "path": "b.wav"}])
    assert len({shown, item_hash("text"), item_hash("text", [turn]), item_hash("other", [turn], [clip])}) == 4


@given(st.dictionaries(st.text(), st.integers()))
def test_a_digest_does_not_depend_on_the_order_of_keys(value: dict[str, int]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))
