"""One row an item: whose label it is, and what it looks like."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from dsbuild.release.wide import wide
from schemas.errors import DsbuildError
from schemas.tables import ITEMS, LABELS, conform, polars_schema
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("mahaemotions")
FIRST, SECOND = TAXONOMY.ids[:2]
MULTI = Task(name="emotion", kind="multi", taxonomy=TAXONOMY, perspective="reader")
CHOICE = Task(name="emotion", kind="choice", taxonomy=TAXONOMY, perspective="reader")
TEXT = Task(name="emotion", kind="text", perspective="reader")


def items(*ids: str) -> pl.DataFrame:
    frame = pl.DataFrame({"item_id": ids, "corpus": "c", "modality": "text", "text": [f"text {one}" for one in ids]})
    return conform(frame, ITEMS)


def labels(*rows: tuple[str, str, str, Any]) -> pl.DataFrame:
    """LABELS from (item_id, aggregate, tier, {label: p} or a text or None)."""
    records = [
        {
            "item_id": item,
            "task": "emotion",
            "aggregate": aggregate,
            "tier": tier,
            "labels": [{"label": label, "p": p} for label, p in given.items()] if isinstance(given, dict) else None,
            "text": given if isinstance(given, str) else None,
        }
        for item, aggregate, tier, given in rows
    ]
    types = {name: conform(pl.DataFrame(), LABELS).schema[name] for name in records[0]}
    return conform(pl.DataFrame(records, schema=types), LABELS)


@pytest.mark.parametrize(
    ("order", "taken"),
    [
        (["silver", "mixed", "stated", "gold"], ["gold", "stated", "mixed", "silver"]),
        (["gold", "silver", "stated", "mixed"], ["gold", "stated", "mixed", "silver"]),
    ],
)
def test_gold_goes_before_stated_before_mixed_before_silver(order: list[str], taken: list[str]) -> None:
    rows = [(tier, tier) for tier in ("silver", "gold", "mixed", "stated")]
    for n in range(4):
        there = [pair for pair in rows if pair[0] in taken[n:]]
        frame = wide(items("i"), labels(*(("i", a, t, {FIRST: 1.0}) for a, t in there)), [MULTI], order)
        assert frame["emotion_tier"].to_list() == [taken[n]]


def test_within_a_tier_the_recipes_order_decides() -> None:
    both = labels(("i", "a", "silver", {FIRST: 1.0}), ("i", "b", "silver", {SECOND: 1.0}))
    assert wide(items("i"), both, [CHOICE], ["a", "b"])["emotion"].to_list() == [0]
    assert wide(items("i"), both, [CHOICE], ["b", "a"])["emotion"].to_list() == [1]


def test_an_aggregate_without_a_label_leaves_the_item_to_the_next() -> None:
    rows = labels(("i", "gold", "gold", None), ("i", "silver", "silver", {SECOND: 0.6}))
    frame = wide(items("i"), rows, [CHOICE], ["gold", "silver"])
    assert frame.row(0, named=True)["emotion_tier"] == "silver"
    # But "none of these" is a label: people said so.
    rows = labels(("i", "gold", "gold", {}), ("i", "silver", "silver", {SECOND: 0.6}))
    assert wide(items("i"), rows, [MULTI], ["gold", "silver"])["emotion"].to_list() == [[]]


def test_only_the_aggregates_that_the_recipe_names_for_data_are_taken() -> None:
    rows = labels(
        ("i", "gold", "gold", {FIRST: 1.0}), ("i", "a", "silver", {SECOND: 1.0}), ("j", "gold", "gold", {FIRST: 1.0})
    )
    frame = wide(items("i", "j"), rows, [CHOICE], ["gold", "a"], {"emotion": ["a"]})
    assert frame["emotion"].to_list() == [1, None]
    frame = wide(items("i", "j"), rows, [CHOICE], ["gold", "a"], {"emotion": ["a", "gold"]})
    assert frame["emotion"].to_list() == [1, 0]


def test_soft_labels_stand_in_the_order_of_the_taxonomy() -> None:
    last = TAXONOMY.ids[-1]
    frame = wide(items("i"), labels(("i", "a", "silver", {last: 0.25, FIRST: 0.75})), [MULTI])
    assert frame["emotion"].to_list() == [[0, len(TAXONOMY.ids) - 1]]
    assert frame["emotion_p"].to_list() == [[0.75, *[0.0] * (len(TAXONOMY.ids) - 2), 0.25]]


def test_a_soft_label_holds_what_was_not_chosen_too() -> None:
    rows = labels(("i", "a", "silver", {FIRST: 0.6})).with_columns(
        soft=pl.lit([{"label": FIRST, "p": 0.6}, {"label": SECOND, "p": 0.4}], dtype=polars_schema(LABELS)["soft"])
    )
    for task, chosen in ((CHOICE, 0), (MULTI, [0])):
        frame = wide(items("i"), rows, [task])
        assert frame["emotion"].to_list() == [chosen]
        assert frame["emotion_p"][0].to_list()[:2] == pytest.approx([0.6, 0.4])
        assert not any(frame["emotion_p"][0].to_list()[2:])


def test_a_text_task_is_a_text_with_a_tier() -> None:
    frame = wide(items("i", "j"), labels(("i", "a", "silver", "It rains.")), [TEXT])
    assert frame.select("emotion", "emotion_tier").rows() == [("It rains.", "silver"), (None, None)]


def test_a_choice_with_two_labels_is_refused() -> None:
    with pytest.raises(DsbuildError, match="is a choice, but an item has several labels") as caught:
        wide(items("i"), labels(("i", "a", "silver", {FIRST: 0.5, SECOND: 0.5})), [CHOICE])
    assert caught.value.where == "item i"


def test_items_keep_their_order_and_those_without_labels_their_nulls() -> None:
    frame = wide(items("z", "a", "m"), labels(("m", "a", "silver", {FIRST: 1.0})), [MULTI])
    assert frame["item_id"].to_list() == ["z", "a", "m"]
    assert frame["emotion"].to_list() == [None, None, [0]]
