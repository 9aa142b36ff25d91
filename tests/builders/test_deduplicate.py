"""Each text once, in the split that has the first right to it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.deduplicate import Deduplicate
from builders.near_duplicates import pairs

LONG = "the quick brown fox jumps over the lazy dog and runs away"


def test_repeats_within_a_split_are_merged_into_the_first(items: Any, run: Any) -> None:
    done = run(
        Deduplicate(near=False),
        items([{"text": t, "split": "train"} for t in ("one", "two", "one ", "one")]),
    )
    assert done.items["item_id"].to_list() == ["i0", "i1"]
    assert done.moved.rows() == [("i2", "i0"), ("i3", "i0")]
    assert done.rejects.select("reason", "detail").rows() == [("repeat within its split", "merged into i0")] * 2
    assert done.figures["repeats merged"] == {"train": 2}


def test_a_text_keeps_only_its_first_place_in_the_order(items: Any, run: Any) -> None:
    rows = [
        {"text": "one", "split": "train"},
        {"text": "one", "split": "train"},
        {"text": "one", "split": "validation"},
        {"text": "one", "split": "test"},
        {"text": "two", "split": "train"},
        {"text": "two", "split": "validation"},
        {"text": "three", "split": "other"},
        {"text": "three", "split": "train"},
    ]
    done = run(Deduplicate(near=False), items(rows), batch=3)
    assert done.items["item_id"].to_list() == ["i3", "i5", "i7"]
    # The repeat of a row that goes moves with it, so nothing of train reaches test.
    assert done.moved.rows() == [("i1", "i0")]
    assert done.rejects.select("item_id", "reason").sort("item_id").rows() == [
        ("i0", "text stands in test"),
        ("i1", "repeat within its split"),
        ("i2", "text stands in test"),
        ("i4", "text stands in validation"),
        ("i6", "text stands in train"),
    ]
    assert done.figures["texts lost to another split"] == {"other": 1, "train": 2, "validation": 1}
    assert done.figures["texts in several splits"] == 3
    first = run(Deduplicate(near=False, keep=("train", "validation", "test")), items(rows))
    assert first.items["item_id"].to_list() == ["i0", "i4", "i7"]


def test_near_duplicates_go_from_the_split_with_the_later_right(items: Any, run: Any) -> None:
    rows = [
        {"text": LONG, "split": "train"},
        {"text": LONG + "!", "split": "test"},
        {"text": LONG + "?!", "split": "test"},
        {"text": "something else entirely", "split": "train"},
    ]
    done = run(Deduplicate(near=0.9), items(rows))
    assert done.items["item_id"].to_list() == ["i1", "i3"]
    assert done.rejects.select("item_id", "reason").rows() == [
        ("i0", "near duplicate in test"),
        ("i2", "near duplicate in test"),
    ]
    assert done.rejects["detail"][0] == "near duplicate of i1 in test, similarity 0.9815"
    assert done.moved.is_empty()
    assert run(Deduplicate(near=False), items(rows)).items.height == 4


def test_a_text_near_only_to_one_that_goes_stays(items: Any, run: Any) -> None:
    chain = [LONG, LONG + " 12345", LONG + " 12345 67890"]
    frame = items([{"text": text, "split": "train"} for text in chain])
    found = {(a, b) for a, b, _ in pairs(frame, 0.85).rows()}
    assert found == {("i0", "i1"), ("i1", "i2")}
    assert run(Deduplicate(near=0.85), frame).items["item_id"].to_list() == ["i0", "i2"]


def test_whole_dialogues_go_and_never_single_turns(items: Any, run: Any) -> None:
    def turn(dialogue: str, text: str, split: str = "train") -> dict[str, Any]:
        return {"text": text, "split": split, "groups": [{"kind": "dialogue", "id": dialogue}]}

    rows = [
        turn("d1", "hi"),
        turn("d1", "yes"),
        turn("d1", "yes"),
        turn("d2", "hi"),
        turn("d2", "no"),
        turn("d3", "hi"),
        turn("d3", "yes"),
        turn("d3", "yes"),
        turn("d4", "hi", "test"),
        turn("d4", "no", "test"),
        {"text": "yes", "split": "train"},
    ]
    done = run(Deduplicate(near=False), items(rows), batch=4)
    # d3 repeats d1, d2 also stands in test; "yes" repeats a turn, but is no dialogue.
    assert done.items["item_id"].to_list() == ["i0", "i1", "i2", "i8", "i9", "i10"]
    assert done.moved.rows() == [("i5", "i0"), ("i6", "i1"), ("i7", "i2")]
    assert done.figures["texts in several splits"] == 1


def test_dialogues_that_share_a_name_in_two_corpora_are_two(items: Any, run: Any) -> None:
    rows = [
        {"corpus": "a", "text": "hi", "groups": [{"kind": "dialogue", "id": "1"}]},
        {"corpus": "b", "text": "hi there", "groups": [{"kind": "dialogue", "id": "1"}]},
        {"corpus": "b", "text": "hi", "groups": [{"kind": "speaker", "id": "1"}]},
    ]
    assert run(Deduplicate(near=False), items(rows)).items["item_id"].to_list() == ["i0", "i1"]


def test_items_without_text_are_never_duplicates(items: Any, run: Any) -> None:
    frame = items([{"text": None, "modality": "audio"}] * 2)
    assert run(Deduplicate(), frame).items.height == 2


def test_no_items_give_no_items(items: Any, run: Any) -> None:
    frame = items([{"text": "x"}]).clear()
    assert run(Deduplicate(), frame).items.is_empty()


TEXT = st.lists(st.sampled_from(["abc ", "abcd", "hello", " x", "मराठी ", "z"]), max_size=9).map("".join)
ROWS = st.lists(st.tuples(TEXT, st.sampled_from(["train", "test", "validation", None])), max_size=25)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, near=st.sampled_from([False, 0.5, 0.8, 1.0]), batch=st.integers(1, 30))
def test_doing_it_again_drops_nothing_and_no_pair_is_left(
    items: Any, run: Any, rows: list[tuple[str, str | None]], near: Any, batch: int
) -> None:
    frame = items([{"text": text, "split": split} for text, split in rows] or [{"text": "x"}])
    step = Deduplicate(near=near)
    done = run(step, frame, batch=batch)
    again = run(step, done.items)
    assert again.items.equals(done.items)
    assert pairs(done.items, near or 1.0).filter(pl.lit(bool(near))).is_empty()
    # Every item stays or is rejected, and what moves goes to an item of its own split.
    assert sorted([*done.items["item_id"], *done.rejects["item_id"]]) == sorted(frame["item_id"])
    splits = dict(frame.select("item_id", "split").iter_rows())
    assert all(splits[one] == splits[to] for one, to in done.moved.iter_rows())
    assert done.items.equals(run(step, frame).items)


@pytest.mark.parametrize("near", [True, 0, 1.5, "yes"])
def test_near_is_a_similarity_or_false(near: Any) -> None:
    with pytest.raises(ValueError, match="near"):
        Deduplicate.from_recipe({"near": near})


def test_the_recipes_form_is_read() -> None:
    step = Deduplicate.from_recipe({"near": 0.9, "keep": ["test", "validation", "train"]})
    assert (step.near, step.keep) == (0.9, ("test", "validation", "train"))
    assert Deduplicate.from_recipe({"near": False}).near is False
    assert Deduplicate.model_validate(step.model_dump(mode="json")) == step
