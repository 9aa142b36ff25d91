"""Annotations written as an LLM would have given them, for who is shown them."""

from __future__ import annotations

import json
import time
from typing import Any

import polars as pl
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from schemas.answer import Answer
from schemas.given import SEEN, answers_json, seen
from schemas.tables import ANNOTATIONS, ITEMS, conform
from tests.schemas.kinds import CASES, SHOWN, Case, annotations

ITEM = conform(
    pl.DataFrame(
        {
            "item_id": [SHOWN.item_id],
            "corpus": "c",
            "modality": "text",
            "text": [SHOWN.text],
            "context": [[vars(turn) for turn in SHOWN.context]],
        }
    ),
    ITEMS,
)
MULTI = CASES["multi"].task


@pytest.mark.parametrize("case", list(CASES.values()), ids=list(CASES))
@settings(max_examples=15, deadline=None)
@drawn(data=st.data())
def test_what_is_written_is_read_back_as_the_same_answer(case: Case, data: Any) -> None:
    answers: list[Answer] = data.draw(st.lists(case.answers, min_size=1, max_size=4))
    frame = annotations(case.task, *(answer.columns() for answer in answers))
    written = answers_json(frame, case.task, ITEM).to_list()
    for answer, one in zip(answers, written, strict=True):
        assert case.task.given(case.task.parse(json.loads(one), SHOWN), SHOWN) == case.task.given(answer, SHOWN)


def test_what_is_no_answer_is_null_and_none_of_these_is_an_answer() -> None:
    frame = annotations(MULTI, {"labels": None, "skipped": True}, {"labels": []})
    assert answers_json(frame, MULTI).to_list() == [None, '{"labels": []}']


def test_shares_are_told_beside_the_labels() -> None:
    scored = [{"label": "joy", "score": 0.25}, {"label": "fear", "score": 0.75}]
    [multi] = answers_json(annotations(MULTI, {"labels": scored}), MULTI)
    assert json.loads(multi) == {"labels": ["fear", "joy"], "scores": {"joy": 0.25, "fear": 0.75}}
    choice = CASES["choice"].task
    [one] = answers_json(annotations(choice, {"labels": scored}), choice)
    assert json.loads(one) == {"label": "fear", "scores": {"joy": 0.25, "fear": 0.75}}


def _two_annotators() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    items = conform(
        pl.DataFrame({"item_id": ["i1", "i2", "i3"], "corpus": "c", "modality": "text", "text": ["x", "y", "z"]}), ITEMS
    )
    rows = [
        {"item_id": "i1", "annotator": "b", "labels": [{"label": "joy"}]},
        {"item_id": "i1", "annotator": "b", "labels": [{"label": "fear"}], "sample": 1},
        {"item_id": "i2", "annotator": "b", "labels": [{"label": "fear"}]},
        {"item_id": "i2", "annotator": "b", "task": "translation", "labels": None, "text": "why"},
        {"item_id": "i9", "annotator": "b", "labels": []},
    ]
    first = annotations(MULTI, *({"task": "t", **row} for row in rows))
    second = annotations(MULTI, {"item_id": "i2", "annotator": "a", "labels": []}).with_columns(
        annotation_id=pl.lit("x")
    )
    return items, first, second


def test_items_get_what_was_said_about_them_in_the_order_of_those_who_said_it() -> None:
    items, first, second = _two_annotators()
    shown = seen([first, second], [MULTI], items)
    assert shown.columns == [*items.columns, "seen"]
    assert shown["seen"].dtype == pl.List(SEEN)
    assert shown["item_id"].to_list() == ["i1", "i2", "i3"]
    told = [[(one["annotator"], one["task"], one["answer"], one["extra"]) for one in row] for row in shown["seen"]]
    assert told == [
        [("b", "t", '{"labels": ["joy"]}', None)],
        [
            ("b", "t", '{"labels": ["fear"]}', None),
            ("b", "translation", None, "why"),
            ("a", "t", '{"labels": []}', None),
        ],
        [],
    ]


def test_the_order_of_rows_and_other_items_change_nothing() -> None:
    items, first, second = _two_annotators()
    whole = seen([first, second], [MULTI], items)
    part = seen([first.reverse(), second], [MULTI], items.filter(pl.col("item_id") == "i2"))
    assert part["seen"].to_list() == whole.filter(pl.col("item_id") == "i2")["seen"].to_list()


def test_many_answers_cost_microseconds_each() -> None:
    many = 50_000
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(many)], "text": "x", "context": None})
    labels = [[{"label": ("joy", "fear", "anger")[n % 3]}] for n in range(many)]
    frame = pl.DataFrame({"item_id": items["item_id"], "labels": labels, "task": "t", "annotator": "a"})
    frame = conform(
        frame.with_columns(annotation_id=pl.format("a{}", "item_id"), annotator_kind=pl.lit("llm")), ANNOTATIONS
    )
    begun = time.process_time()
    shown = seen([frame], [MULTI], items)
    assert (time.process_time() - begun) / many < 40e-6
    assert shown["seen"].list.len().sum() == many
