"""The distances against other implementations of the same formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau
from sklearn.metrics import f1_score

from schemas.answer import Answer, Span
from schemas.task import Task
from tests.schemas.kinds import CASES, IDS

ORDERS = st.permutations(IDS[:-1])
POINTS = st.lists(st.floats(-1, 1, width=16), min_size=2, max_size=12)
PLACES = st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda one: Span("u3", one[0], one[0] + one[1]))


@given(ORDERS, ORDERS)
def test_a_ranking_without_ties_is_apart_by_kendalls_tau(one: list[str], two: list[str]) -> None:
    ranks = [[order.index(label) for label in IDS[:-1]] for order in (one, two)]
    tau = kendalltau(*ranks).statistic
    apart = CASES["ranking"].task.difference(Answer(labels=one), Answer(labels=two))
    assert math.isclose(apart, (1 - tau) / 2, abs_tol=1e-9)


@settings(deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=4), st.lists(PLACES, min_size=1, max_size=4))
def test_spans_are_apart_by_one_minus_f1_over_characters(one: list[Span], two: list[Span]) -> None:
    covered = np.zeros((2, 30), dtype=int)
    for row, spans in enumerate((one, two)):
        for span in spans:
            covered[row, span.start : span.end] = 1
    apart = CASES["span"].task.difference(Answer(spans=one), Answer(spans=two))
    assert math.isclose(apart, 1 - f1_score(covered[0], covered[1]), abs_tol=1e-12)


@given(POINTS, POINTS)
def test_traces_are_apart_by_the_area_between_them(one: list[float], two: list[float]) -> None:
    times = [np.linspace(0, 3, len(one)), np.linspace(0.5, 4, len(two))]
    fine = np.linspace(0.5, 3, 20_001)
    gap = np.abs(np.interp(fine, times[0], one) - np.interp(fine, times[1], two))
    answers = [
        Answer(trace=list(zip(t.tolist(), values, strict=True))) for t, values in zip(times, (one, two), strict=True)
    ]
    apart = CASES["trace"].task.difference(*answers)
    assert math.isclose(apart, np.trapezoid(gap, fine) / 2.5 / 2, abs_tol=1e-3)


@pytest.mark.parametrize(
    ("task", "a", "b", "message"),
    [
        (
            CASES["intensity"].task,
            Answer(labels=["joy"], scores=[1]),
            Answer(labels=["fear"], scores=[1]),
            "put to both",
        ),
        (CASES["trace"].task, Answer(trace=[(0, 0), (1, 0)]), Answer(trace=[(2, 0)]), "no time in common"),
        (
            CASES["attributes"].task,
            Answer(labels=[], asked=["scene"]),
            Answer(labels=[], asked=["object"]),
            "put to both",
        ),
        (CASES["pairwise"].task, Answer(labels=[]), Answer(labels=["a"]), "no one preference"),
    ],
)
def test_where_there_is_nothing_to_compare_there_is_no_distance(task: Task, a: Answer, b: Answer, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        task.difference(a, b)
