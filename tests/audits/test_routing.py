"""Conditions about annotators, item by item, against other ways to compute the same."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.routing import Said, confidence, ranked, route
from schemas.answer import Answer
from schemas.errors import DsbuildError
from schemas.tables import ANNOTATIONS, conform, empty
from schemas.task import Task
from schemas.where import parse
from tests.schemas.kinds import CASES, Case

MULTI = CASES["multi"].task
CHOICE = CASES["choice"].task


def frame(task: Task, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """ANNOTATIONS of `task` from {item, who, answer (an Answer or null), and other columns}."""
    if not rows:
        return empty(ANNOTATIONS)
    found = []
    for number, row in enumerate(rows):
        answer = row.get("answer")
        more = {key: value for key, value in row.items() if key not in ("item", "who", "answer")}
        found.append(
            {
                "annotation_id": f"a{number:04}",
                "item_id": row["item"],
                "task": task.name,
                "perspective": task.perspective,
                "annotator": row["who"],
                "annotator_kind": "llm",
                "skipped": answer is None,
                **(Answer() if answer is None else answer).columns(),
                **more,
            }
        )
    schema = {name: dtype for name, dtype in empty(ANNOTATIONS).schema.items() if any(name in one for one in found)}
    return conform(pl.DataFrame(found, schema=schema), ANNOTATIONS)


def said(task: Task, rows: list[dict[str, Any]]) -> dict[str, Said]:
    whole = frame(task, rows)
    return {name: Said(whole.filter(pl.col("annotator") == name), [task]) for name in ("a", "b", "c")}


def strengths(condition: str, task: Task, rows: list[dict[str, Any]], items: list[str]) -> list[tuple[bool, float]]:
    found = route(parse(condition), said(task, rows), pl.Series(items, dtype=pl.String))
    assert found["item_id"].to_list() == items
    return list(found.select("holds", "strength").iter_rows())


@pytest.mark.parametrize("case", list(CASES.values()), ids=list(CASES))
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_disagreement_is_the_mean_of_the_task_s_own_distance_over_pairs(case: Case, data: Any) -> None:
    task, items = case.task, ["i1", "i2", "i3"]
    rows = [
        {"item": item, "who": who, "answer": data.draw(st.one_of(st.none(), case.answers))}
        for item in items
        for who in ("a", "b", "c")
    ]
    found = strengths("disagree(a, b, c)", task, rows, items)
    for item, (holds, strength) in zip(items, found, strict=True):
        given = [row["answer"] for row in rows if row["item"] == item and row["answer"] is not None]
        apart = []
        for one, other in itertools.combinations(given, 2):
            try:
                apart.append(task.difference(one, other))
            except ValueError:
                continue
        wanted = sum(apart) / len(apart) if apart else 0.0
        assert strength == pytest.approx(wanted)
        assert holds == (strength > 0)


def test_a_threshold_is_passed_and_not_only_reached() -> None:
    rows = [
        {"item": "i", "who": who, "answer": Answer(labels=labels)}
        for who, labels in (("a", ["joy"]), ("b", ["joy", "fear"]))
    ]
    [(_, strength)] = strengths("disagree(a, b)", MULTI, rows, ["i"])
    assert strength == pytest.approx(2 / 3)
    assert strengths("disagree(a, b, over: 0.6)", MULTI, rows, ["i"])[0][0]
    assert not strengths("disagree(a, b, over: 0.67)", MULTI, rows, ["i"])[0][0]


def test_whoever_did_not_answer_neither_disagrees_nor_is_uncertain_but_missing() -> None:
    rows = [
        {"item": "i", "who": "a", "answer": Answer(labels=["joy"]), "confidence": 0.4},
        {"item": "i", "who": "b", "answer": None},
    ]
    for condition, wanted in (
        ("disagree(a, b)", [(False, 0.0), (False, 0.0)]),
        ("uncertain(a, b)", [(True, 0.6), (False, 0.0)]),
        ("missing(a)", [(False, 0.0), (True, 1.0)]),
        ("missing(a, b)", [(True, 1.0), (True, 1.0)]),
        ("not missing(a) and uncertain(a, below: 0.5)", [(True, 0.6), (False, 0.0)]),
        ("missing(b) or disagree(a, b)", [(True, 1.0), (True, 1.0)]),
        ("not uncertain(a, below: 0.3)", [(True, 0.4), (True, 1.0)]),
    ):
        found = strengths(condition, CHOICE, rows, ["i", "j"])
        assert [holds for holds, _ in found] == [holds for holds, _ in wanted], condition
        assert [strength for _, strength in found] == pytest.approx([strength for _, strength in wanted]), condition


@given(st.lists(st.lists(st.sampled_from(["joy", "fear", "anger"]), max_size=2, unique=True), min_size=2, max_size=7))
def test_of_several_samples_the_share_that_agrees_is_the_confidence(samples: list[list[str]]) -> None:
    rows = [{"item": "i", "who": "a", "sample": n, "answer": Answer(labels=one)} for n, one in enumerate(samples)]
    [row] = confidence(frame(MULTI, rows), MULTI).to_dicts()
    [(_, most)] = Counter(frozenset(one) for one in samples).most_common(1)
    assert row["answers"] == len(samples)
    assert row["confidence"] == pytest.approx(most / len(samples))


@given(st.dictionaries(st.sampled_from(CHOICE.label_ids), st.floats(0, 1), min_size=1))
def test_of_a_soft_label_the_entropy_is_the_doubt(weights: dict[str, float]) -> None:
    total = sum(weights.values()) or 1.0
    shares = {label: weight / total for label, weight in weights.items()}
    answer = Answer(labels=list(shares), scores=list(shares.values()))
    [one] = confidence(frame(CHOICE, [{"item": "i", "who": "a", "answer": answer}]), CHOICE)["confidence"]
    every = [*shares.values(), max(0.0, 1 - sum(shares.values()))]
    entropy = -sum(p * math.log(p) for p in every if p > 0)
    assert one == pytest.approx(1 - entropy / math.log(len(CHOICE.label_ids) + 1), abs=1e-9)
    [several] = confidence(frame(MULTI, [{"item": "i", "who": "a", "answer": answer}]), MULTI)["confidence"]
    bits = [-sum(q * math.log2(q) for q in (p, 1 - p) if q > 0) for p in shares.values()]
    assert several == pytest.approx(1 - max(bits), abs=1e-9)


def test_counts_of_votes_are_shares_of_the_people_behind_them() -> None:
    answer = Answer(labels=["joy", "fear"], scores=[3.0, 1.0])
    [one] = confidence(frame(CHOICE, [{"item": "i", "who": "a", "answer": answer, "votes": 4}]), CHOICE)["confidence"]
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert one == pytest.approx(1 - entropy / math.log(len(CHOICE.label_ids) + 1))


def test_what_an_answer_says_of_itself_comes_first() -> None:
    scored = Answer(labels=["joy"], scores=[0.5])
    rows = [{"item": "i", "who": "a", "answer": scored, "confidence": 0.9}]
    assert confidence(frame(CHOICE, rows), CHOICE)["confidence"].to_list() == [0.9]


def test_the_strongest_come_first_and_equals_stay_in_their_order() -> None:
    routed = pl.DataFrame(
        {"item_id": list("pqrst"), "holds": [True, True, False, True, True], "strength": [0.2, 0.9, 1.0, 0.2, 0.9]}
    )
    assert ranked(routed)["item_id"].to_list() == ["q", "t", "p", "s"]


def test_who_never_says_how_sure_they_are_cannot_be_asked() -> None:
    rows = [{"item": "i", "who": "a", "answer": Answer(labels=["joy"])}]
    with pytest.raises(DsbuildError, match=r"uncertain\(a\) cannot be told: a never says how sure it is"):
        strengths("uncertain(a)", CHOICE, rows, ["i"])
    # Who has not answered at all is missing, which is another question.
    assert strengths("uncertain(a)", CHOICE, [], ["i"]) == [(False, 0.0)]
