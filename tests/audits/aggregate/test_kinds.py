"""What each kind of task's answers become, on figures small enough to check by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from audits.aggregate import aggregate
from audits.methods import METHODS, all_methods
from schemas.errors import DsbuildError
from schemas.tables import LABELS, polars_schema
from schemas.task import Task
from tests.audits.kinds import given, labels, span, task, taxonomy

SCALE = task("scale", range=(1, 7))
INTENSITY = task("intensity", taxonomy=taxonomy(), range=(0, 3), step=1)
TRACE = task("trace", range=(-1, 1))
RANKING = task("ranking", taxonomy=taxonomy(("a", "b", "c", "d")))
OPEN = task("open")
SPAN = task("span")
TEXT = task("text")
PAIRWISE = task("pairwise")
ATTRIBUTES = task(
    "attributes",
    attributes={
        "scene": {"kind": "choice", "options": ["airport", "beach"]},
        "objects": {"kind": "multi", "options": ["car", "dog"]},
        "brightness": {"kind": "scale", "range": [0, 1]},
    },
)


def decided(annotations: pl.DataFrame, of: Task, method: str | dict[str, Any] | None = None) -> dict[str, Any]:
    found, figures = aggregate(annotations, of, name="x", method=method or METHODS[of.kind][0])
    assert found.schema == polars_schema(LABELS)
    assert found["method"].to_list() == [figures["method"]] * found.height
    row = found.row(0, named=True)
    return {**row, "figures": figures}


def pairs(row: dict[str, Any], *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(one[field] for field in fields) for one in row["labels"]]


def test_a_scale_is_the_mean_of_its_values_or_their_median() -> None:
    three = given({"by": "p", "value": 2.0}, {"by": "q", "value": 3.0}, {"by": "r", "value": 7.0})
    row = decided(three, SCALE)
    assert (row["value"], row["annotators"], row["tier"]) == (4.0, 3, "gold")
    assert row["figures"]["values"] == {"mean": 4.0, "sd": None, "min": 4.0, "max": 4.0}
    assert decided(three, SCALE, "median")["value"] == 3.0


def test_a_value_of_several_people_weighs_as_many_and_has_no_median() -> None:
    rows = given({"by": "crowd", "value": 2.0, "votes": 3}, {"by": "q", "value": 6.0})
    assert decided(rows, SCALE)["value"] == 3.0
    with pytest.raises(DsbuildError, match="stand for several people each") as caught:
        aggregate(rows, SCALE, name="x", method="median")
    assert "Use mean" in str(caught.value)


def test_an_intensity_has_a_level_for_every_label_that_was_asked_zero_among_them() -> None:
    rows = given(
        {"by": "p", "labels": labels(("joy", 3), ("sadness", 0), ("fear", 0))},
        {"by": "q", "labels": labels(("joy", 2), ("sadness", 0)), "asked": ["joy", "sadness"]},
    )
    row = decided(rows, INTENSITY)
    assert pairs(row, "label", "score", "p") == [("joy", 2.5, None), ("sadness", 0.0, None), ("fear", 0.0, None)]
    # Who was not asked says neither yes nor no; a level of zero is not counted as the label.
    assert row["figures"]["labels"] == {"joy": 1, "sadness": 0, "fear": 0}
    only = given({"by": "p", "labels": labels(("joy", 1)), "asked": ["joy"]})
    assert pairs(decided(only, INTENSITY), "label") == [("joy",)]


def test_a_trace_is_the_mean_at_every_time_within_what_all_cover() -> None:
    def points(*pairs: tuple[float, float]) -> list[dict[str, float]]:
        return [{"t": t, "value": value} for t, value in pairs]

    rows = given(
        {"by": "p", "trace": points((0, 0.0), (2, 1.0), (4, 1.0))}, {"by": "q", "trace": points((1, 0.5), (3, 0.1))}
    )
    row = decided(rows, TRACE)
    # p is on the line 0.5 at 1 s; q is on the line 0.3 at 2 s; at 3 s p is at 1.
    assert [(one["t"], one["value"]) for one in row["trace"]] == [(1.0, 0.5), (2.0, 0.65), (3.0, 0.55)]
    apart = given({"by": "p", "trace": points((0, 0.0), (1, 1.0))}, {"by": "q", "trace": points((2, 0.5), (3, 0.1))})
    row = decided(apart, TRACE)
    assert row["trace"] is None
    assert row["figures"]["note"] == "1 item has traces without any time in common: no label."


TRACES = st.lists(
    st.dictionaries(st.integers(0, 12), st.floats(-1, 1, allow_nan=False), min_size=1, max_size=8),
    min_size=1,
    max_size=4,
)


@for_all(TRACES)
@settings(deadline=None)
def test_the_mean_of_traces_is_numpys_interpolation(traces: list[dict[int, float]]) -> None:
    sorted_traces = [sorted(one.items()) for one in traces]
    rows = [
        {"by": f"p{n}", "trace": [{"t": float(t), "value": value} for t, value in one]}
        for n, one in enumerate(sorted_traces)
    ]
    row = decided(given(*rows), TRACE)
    start, end = max(one[0][0] for one in sorted_traces), min(one[-1][0] for one in sorted_traces)
    times = sorted({t for one in traces for t in one if start <= t <= end})
    if not times:
        assert row["trace"] is None
        return
    wanted = np.mean([np.interp(times, *zip(*one, strict=True)) for one in sorted_traces], axis=0)
    assert [one["t"] for one in row["trace"]] == times
    assert [one["value"] for one in row["trace"]] == pytest.approx(wanted, abs=2e-6)


def test_a_ranking_is_the_order_of_the_mean_ranks_of_what_half_ranked() -> None:
    rows = given(
        {"by": "p", "labels": labels(("a", 1), ("b", 2), ("c", 3))},
        {"by": "q", "labels": labels(("b", 1), ("a", 2))},
        {"by": "r", "labels": labels(("b", 1), ("d", 1))},
    )
    # Mean ranks: a (1 + 2 + 3.5) / 3; b (2 + 1 + 1.5) / 3; c and d were ranked by one of three.
    row = decided(rows, RANKING)
    assert pairs(row, "label", "score", "p") == [("b", 1.0, 1.0), ("a", 2.0, pytest.approx(2 / 3, abs=1e-6))]
    assert row["figures"]["labels"] == {"a": 0, "b": 1, "c": 0, "d": 0}
    one = task("ranking", taxonomy=taxonomy(("a", "b", "c", "d")), most=1)
    assert pairs(decided(rows, one), "label") == [("b",)]


def test_labels_with_one_mean_rank_share_a_place() -> None:
    rows = given({"by": "p", "labels": labels(("a", 1), ("b", 2))}, {"by": "q", "labels": labels(("b", 1), ("a", 2))})
    row = decided(rows, RANKING)
    assert pairs(row, "label", "score") == [("a", 1.0), ("b", 1.0)]
    assert row["figures"]["ties"] == 1
    assert decided(given({"by": "p", "labels": []}), RANKING)["labels"] == []


def test_open_words_are_those_that_at_least_half_gave() -> None:
    rows = given(
        {"by": "p", "labels": labels("wistful", "calm")},
        {"by": "q", "labels": labels("wistful")},
        {"by": "r", "labels": labels("wistful", "bored")},
        {"by": "s", "labels": labels("calm")},
    )
    row = decided(rows, OPEN)
    assert pairs(row, "label", "p") == [("wistful", 0.75), ("calm", 0.5)]
    assert [(one["label"], one["p"]) for one in row["soft"]] == [("wistful", 0.75), ("calm", 0.5), ("bored", 0.25)]
    assert pairs(decided(rows, OPEN, "union"), "label") == [("wistful",), ("calm",), ("bored",)]
    assert decided(rows, OPEN, "intersection")["labels"] is None
    none = given({"by": "p", "labels": []}, {"by": "q", "labels": []}, {"by": "r", "labels": labels("x")})
    assert decided(none, OPEN)["labels"] == []


def test_a_span_is_the_characters_that_most_marked() -> None:
    text = "I lost my job today and cried"
    rows = given(
        {"by": "p", "spans": [span(2, 13, text[2:13])]},
        {"by": "q", "spans": [span(2, 19, text[2:19])]},
        {"by": "r", "spans": [span(7, 13, text[7:13]), span(24, 29, text[24:29])]},
    )
    row = decided(rows, SPAN)
    assert row["spans"] == [{**span(2, 13, text[2:13])}]
    nothing = given({"by": "p", "spans": []}, {"by": "q", "spans": []}, {"by": "r", "spans": [span(0, 1, "I")]})
    assert decided(nothing, SPAN)["spans"] == []
    apart = given({"by": "p", "spans": [span(0, 4)]}, {"by": "q", "spans": [span(10, 14)]})
    assert decided(apart, SPAN)["spans"] is None


def test_spans_in_other_turns_and_without_offsets_pass_by_themselves() -> None:
    rows = given(
        {
            "by": "p",
            "spans": [span(0, 4, "Well", "turn-1"), span(None, None, None, "turn-2"), span(None, None, None, None)],
        },
        {"by": "q", "spans": [span(0, 4, "Well", "turn-1"), span(None, None, None, "turn-2")]},
        {"by": "r", "spans": [span(0, 4, "Well", "i")]},
    )
    found = decided(rows, SPAN)["spans"]
    assert [(one["item_id"], one["start"], one["end"], one["text"]) for one in found] == [
        ("turn-1", 0, 4, "Well"),
        ("turn-2", None, None, None),
    ]


@for_all(st.lists(st.lists(st.tuples(st.integers(0, 15), st.integers(1, 6)), max_size=3), min_size=1, max_size=5))
@settings(deadline=None)
def test_majority_spans_are_what_counting_characters_gives(marked: list[list[tuple[int, int]]]) -> None:
    text = "abcdefghijklmnopqrstuvwxyz"
    rows = [
        {"by": f"p{n}", "spans": [span(start, start + size, text[start : start + size]) for start, size in one]}
        for n, one in enumerate(marked)
    ]
    votes = [sum(any(a <= at < a + size for a, size in one) for one in marked) for at in range(26)]
    covered = "".join(char if 2 * n > len(marked) else " " for char, n in zip(text, votes, strict=True))
    found = decided(given(*rows), SPAN)["spans"]
    assert [one["text"] for one in found or ()] == covered.split()
    assert all(text[one["start"] : one["end"]] == one["text"] for one in found or ())


def test_a_text_is_the_one_that_most_gave() -> None:
    rows = given({"by": "p", "text": "It rained."}, {"by": "q", "text": " It  rained. "}, {"by": "r", "text": "No."})
    row = decided(rows, TEXT)
    assert row["text"].strip() == "It rained." or row["text"] == " It  rained. "
    assert row["agreement"] == pytest.approx(2 / 3)
    assert decided(given({"by": "llm", "text": "Alone."}, kind="llm"), TEXT)["text"] == "Alone."
    row = decided(given({"by": "p", "text": "a"}, {"by": "q", "text": "b"}), TEXT)
    assert (row["text"], row["figures"]["ties"]) == (None, 1)


def test_a_pairwise_preference_is_what_most_prefer() -> None:
    rows = [{"by": f"p{n}", "labels": labels(one)} for n, one in enumerate("aab")]
    row = decided(given(*rows, {"by": "p4", "labels": labels("tie")}), PAIRWISE)
    assert pairs(row, "label", "p") == [("a", 0.5)]
    assert {one["label"]: one["p"] for one in row["soft"]} == {"a": 0.5, "tie": 0.25, "b": 0.25}


def test_each_attribute_is_decided_by_itself() -> None:
    rows = given(
        {"by": "p", "labels": labels("scene:airport", "objects:car", ("brightness", 0.2))},
        {"by": "q", "labels": labels("scene:airport", "objects:car", "objects:dog", ("brightness", 0.6))},
        {"by": "r", "labels": labels("scene:beach"), "asked": ["scene"]},
    )
    row = decided(rows, ATTRIBUTES)
    assert pairs(row, "label", "p", "score") == [
        ("scene:airport", pytest.approx(2 / 3, abs=1e-6), None),
        ("objects:car", 1.0, None),
        ("brightness", None, 0.4),
    ]
    assert {one["label"]: one["p"] for one in row["soft"]} == {
        "scene:airport": pytest.approx(2 / 3, abs=1e-6),
        "scene:beach": pytest.approx(1 / 3, abs=1e-6),
        "objects:car": 1.0,
        "objects:dog": 0.5,
    }
    assert row["figures"]["labels"]["objects:dog"] == 0


ONE_ANSWER: list[tuple[Task, dict[str, Any], str]] = [
    (SCALE, {"value": 3.0}, "value"),
    (INTENSITY, {"labels": labels(("joy", 3), ("sadness", 0), ("fear", 1))}, "labels"),
    (TRACE, {"trace": [{"t": 0.0, "value": 0.1}, {"t": 0.5, "value": 0.2}]}, "trace"),
    (RANKING, {"labels": labels(("b", 1), ("a", 2))}, "labels"),
    (OPEN, {"labels": labels("wistful", "calm")}, "labels"),
    (SPAN, {"spans": [span(0, 3, "abc")]}, "spans"),
    (TEXT, {"text": "why"}, "text"),
    (PAIRWISE, {"labels": labels("b")}, "labels"),
    (ATTRIBUTES, {"labels": labels("scene:beach", ("brightness", 0.5))}, "labels"),
]


def said(row: dict[str, Any], column: str) -> Any:
    if column != "labels":
        return row[column]
    return [(one["label"], one["score"]) for one in row["labels"]]


@pytest.mark.parametrize(("of", "answer", "column"), ONE_ANSWER, ids=lambda one: getattr(one, "kind", ""))
def test_the_authors_word_passes_through_as_it_is_and_contradictions_give_no_label(
    of: Task, answer: dict[str, Any], column: str
) -> None:
    stated = given({"by": "self", **answer}, {"by": "other", **answer, "annotator_kind": "human"}, kind="author")
    row = decided(stated, of, "stated")
    wanted = said(given({"by": "x", **answer}).row(0, named=True), column)
    assert said(row, column) == wanted
    assert (row["tier"], row["annotators"]) == ("stated", 1)


@pytest.mark.parametrize(("of", "answer", "column"), ONE_ANSWER, ids=lambda one: getattr(one, "kind", ""))
def test_the_adjudicators_word_goes_before_what_the_others_said(of: Task, answer: dict[str, Any], column: str) -> None:
    empty = {"labels": [], "spans": [], "trace": [], "text": "other", "value": 1.0}[column]
    rows = given(
        {"by": "p", column: empty},
        {"by": "q", column: empty},
        {"by": "judge", **answer, "round": "adjudication"},
        {"by": "p", **answer, "item_id": "j"},
    )
    found, figures = aggregate(rows, of, name="gold", method="adjudicated")
    wanted = said(given({"by": "x", **answer}).row(0, named=True), column)
    first, second = found.to_dicts()
    assert said(first, column) == wanted
    assert first["annotators"] == 3
    # Without an adjudicated answer the kind's own rule decides, here over one annotator.
    assert second[column] is not None
    assert figures["unlabelled"] == 0


@pytest.mark.parametrize("kind", METHODS)
def test_a_rule_that_a_kind_cannot_have_is_refused_with_those_it_can(kind: str) -> None:
    of = {one.kind: one for one, *_ in ONE_ANSWER} | {
        "choice": task("choice", taxonomy=taxonomy()),
        "multi": task("multi", taxonomy=taxonomy()),
    }
    nothing = given().clear()
    for method in all_methods():
        if method in METHODS[kind]:
            assert aggregate(nothing, of[kind], name="x", method=method)[0].is_empty()
        else:
            with pytest.raises(DsbuildError, match=f"cannot be aggregated by {method}") as caught:
                aggregate(nothing, of[kind], name="x", method=method)
            assert ", ".join(METHODS[kind]) in str(caught.value)
