"""What each rule decides, on answers written by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.aggregate import aggregate
from schemas.errors import DsbuildError
from schemas.tables import LABELS, polars_schema
from schemas.task import Task

TaskOf = Callable[..., Task]
AnnotationsOf = Callable[..., pl.DataFrame]

LABEL_IDS = ["joy", "sad", "fear", "neutral"]


def answers(item: str, *sets: str) -> list[dict[str, object]]:
    """One annotator for each set; `-` is none of these."""
    return [
        {"item": item, "by": f"r{number}", "labels": [] if one == "-" else one.split(",")}
        for number, one in enumerate(sets)
    ]


def decided(labels: pl.DataFrame, item: str = "a") -> list[str] | None:
    row = labels.filter(pl.col("item_id") == item)
    assert row.height == 1
    value = row["labels"][0]
    return None if value is None else [one["label"] for one in value]


@pytest.mark.parametrize(
    ("sets", "answer", "ties"),
    [
        (["joy", "joy", "sad"], ["joy"], 0),
        (["joy", "sad"], None, 1),
        (["joy", "joy", "sad", "sad", "fear"], None, 1),
        (["joy", "sad", "fear", "joy"], ["joy"], 0),
        (["-", "-", "joy"], [], 0),
        (["-", "joy"], None, 1),
        (["joy"], ["joy"], 0),
    ],
)
def test_majority_of_a_choice(
    task_of: TaskOf, annotations_of: AnnotationsOf, sets: list[str], answer: list[str] | None, ties: int
) -> None:
    labels, figures = aggregate(annotations_of(answers("a", *sets)), task_of(LABEL_IDS), name="main")
    assert decided(labels) == answer
    assert figures["ties"] == ties
    assert figures["unlabelled"] == (answer is None)


def test_a_tie_goes_to_the_first_option_where_that_is_asked(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    method = {"rule": "majority", "ties": "first"}
    for kind in ("choice", "multi"):
        for sets, answer in ((["sad", "joy"], ["joy"]), (["-", "fear"], ["fear"]), (["-", "-", "joy"], [])):
            labels, figures = aggregate(
                annotations_of(answers("a", *sets)), task_of(LABEL_IDS, kind), name="main", method=method
            )
            assert decided(labels) == answer
            assert figures["options"] == {"ties": "first"}


@pytest.mark.parametrize(
    ("sets", "answer"),
    [
        (["joy", "joy,sad", "sad"], ["joy", "sad"]),
        (["joy", "joy,sad"], ["joy"]),
        (["joy", "sad"], None),
        (["joy", "sad", "fear"], None),
        (["-", "-", "joy"], []),
        (["-", "joy"], None),
        (["neutral,joy", "neutral,joy", "neutral"], ["joy"]),
        (["neutral", "neutral", "joy"], ["neutral"]),
    ],
)
def test_majority_of_sets(
    task_of: TaskOf, annotations_of: AnnotationsOf, sets: list[str], answer: list[str] | None
) -> None:
    task = task_of(LABEL_IDS, "multi", ["neutral"])
    labels, _ = aggregate(annotations_of(answers("a", *sets)), task, name="main")
    assert decided(labels) == answer


def test_majority_counts_only_those_who_were_asked(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    rows = [
        {"item": "a", "by": "x", "labels": ["joy"], "asked": None},
        {"item": "a", "by": "y", "labels": ["sad"], "asked": ["sad"]},
        {"item": "a", "by": "z", "labels": ["sad"], "asked": ["sad"]},
    ]
    labels, _ = aggregate(annotations_of(rows), task_of(LABEL_IDS, "multi"), name="main")
    assert [(one["label"], one["p"]) for one in labels["labels"][0]] == [("joy", 1.0), ("sad", 0.666667)]
    # x said joy alone; y and z, asked about sad only, gave exactly that part of the answer.
    assert labels["agreement"].to_list() == [pytest.approx(2 / 3)]


@pytest.mark.parametrize(
    ("sets", "union", "intersection"),
    [
        (["joy", "joy,sad"], ["joy", "sad"], ["joy"]),
        (["joy", "sad"], ["joy", "sad"], None),
        (["-", "-"], [], []),
        (["-", "joy"], ["joy"], None),
        (["neutral", "joy"], ["joy"], None),
        (["neutral", "neutral"], ["neutral"], ["neutral"]),
        (["joy"], ["joy"], None),
        (["fear,joy", "joy,fear", "fear,sad,joy"], ["joy", "sad", "fear"], ["joy", "fear"]),
    ],
)
def test_union_and_intersection(
    task_of: TaskOf,
    annotations_of: AnnotationsOf,
    sets: list[str],
    union: list[str] | None,
    intersection: list[str] | None,
) -> None:
    task = task_of(LABEL_IDS, "multi", ["neutral"])
    for method, answer in (("union", union), ("intersection", intersection)):
        labels, figures = aggregate(annotations_of(answers("a", *sets)), task, name="main", method=method)
        assert decided(labels) == answer
        assert figures["unlabelled"] == (answer is None)


def test_the_union_of_choices_is_refused(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    with pytest.raises(DsbuildError, match="a choice has one"):
        aggregate(annotations_of(answers("a", "joy", "sad")), task_of(LABEL_IDS), name="main", method="union")


def test_intersection_of_choices_is_unanimity(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    rows = answers("a", "joy", "joy") + answers("b", "joy", "sad")
    labels, _ = aggregate(annotations_of(rows), task_of(LABEL_IDS), name="main", method="intersection")
    assert (decided(labels, "a"), decided(labels, "b")) == (["joy"], None)


def test_the_adjudicated_answer_stands_before_the_majority(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    def judged(item: str, labels: list[str], minute: int) -> dict[str, object]:
        when = datetime(2026, 1, 1, 0, minute, tzinfo=UTC)
        return {"item": item, "by": "p0", "labels": labels, "round": "adjudication", "created_at": when}

    rows = answers("a", "joy", "sad") + answers("b", "joy", "sad") + answers("c", "joy", "joy") + answers("d", "sad")
    rows += [judged("a", ["joy"], 1), judged("a", ["fear"], 2), judged("c", [], 1), judged("e", ["joy"], 1)]
    labels, figures = aggregate(
        annotations_of([{"created_at": None, **row} for row in rows]),
        task_of(LABEL_IDS),
        name="gold",
        method="adjudicated",
    )
    assert [decided(labels, item) for item in "abcde"] == [["fear"], None, [], ["sad"], ["joy"]]
    assert labels["annotators"].to_list() == [3, 2, 3, 1, 1]
    assert labels["agreement"].to_list() == [0.0, None, 0.0, None, None]
    assert figures["ties"] == 1


def test_stated_is_the_authors_own_word(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    authors = annotations_of(
        [
            {"item": "a", "by": "author", "labels": ["joy", "neutral"]},
            {"item": "b", "by": "author", "labels": []},
            {"item": "c", "by": "one", "labels": ["joy"]},
            {"item": "c", "by": "two", "labels": ["sad"]},
        ],
        "author",
    )
    people = annotations_of(answers("a", "sad", "sad"))
    task = task_of(LABEL_IDS, "multi", ["neutral"])
    labels, figures = aggregate(pl.concat([authors, people]), task, name="own", method="stated")
    assert [decided(labels, item) for item in "abc"] == [["joy", "neutral"], [], None]
    assert figures["tier"] == "stated"
    assert figures["ties"] == 1
    assert labels["tier"].unique().to_list() == ["stated"]


@pytest.mark.parametrize(
    ("kinds", "tier"),
    [
        (["human", "human"], "gold"),
        (["llm", "lexicon"], "silver"),
        (["human", "llm"], "mixed"),
        (["author"], "stated"),
        (["author", "model"], "mixed"),
    ],
)
def test_the_tier_follows_the_kinds_of_annotators(
    task_of: TaskOf, annotations_of: AnnotationsOf, kinds: list[str], tier: str
) -> None:
    parts = [
        annotations_of([{"item": "a", "by": f"r{number}", "labels": ["joy"]}], kind)
        for number, kind in enumerate(kinds)
    ]
    labels, figures = aggregate(pl.concat(parts), task_of(LABEL_IDS), name="main")
    assert (labels["tier"][0], figures["tier"]) == (tier, tier)
    overridden, _ = aggregate(pl.concat(parts), task_of(LABEL_IDS), name="main", tier="mixed")
    assert overridden["tier"][0] == "mixed"


def test_labels_are_a_labels_table_with_tone_and_votes(annotations_of: AnnotationsOf) -> None:
    task = Task.model_validate(
        {
            "name": "emotion",
            "kind": "multi",
            "perspective": "writer",
            "taxonomy": {
                "name": "t",
                "title": "t",
                "source": "t",
                "labels": [{"id": "good", "tone": {"term": "joy", "tier": 1}}, {"id": "none", "tone_note": "no node"}],
            },
        }
    )
    rows = answers("b", "good", "none,good") + answers("a", "-", "-")
    labels, figures = aggregate(annotations_of(rows), task, name="main", method="union", compare=["intersection"])
    assert labels.schema == polars_schema(LABELS)
    assert labels["item_id"].to_list() == ["a", "b"]
    assert labels["labels"].to_list() == [
        [],
        [{"label": "good", "p": 1.0, "score": None}, {"label": "none", "p": 0.5, "score": None}],
    ]
    assert [[one["p"] for one in row] for row in labels["soft"]] == [[0.0, 0.0], [1.0, 0.5]]
    assert labels["tone"][1][0] == {"label": "good", "primary": "joy", "secondary": None, "tertiary": None}
    assert labels["tone"][1][1] == {"label": "none", "primary": None, "secondary": None, "tertiary": None}
    assert labels["perspective"].unique().to_list() == ["writer"]
    assert labels["agreement"].to_list() == [1.0, 0.5]
    assert figures["labels"] == {"good": 1, "none": 1}
    assert figures["none"] == 1
    assert figures["compare"] == [
        {"method": "intersection", "items": 2, "unlabelled": 0, "labels": {"good": 1, "none": 0}}
    ]


def test_an_item_nobody_answered_has_no_label(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    rows = [*answers("a", "joy"), {"item": "b", "by": "r0", "labels": None, "skipped": True}]
    for method in ("majority", "dawid_skene", "adjudicated"):
        labels, figures = aggregate(annotations_of(rows), task_of(LABEL_IDS), name="main", method=method)
        assert decided(labels, "b") is None
        assert labels["annotators"].to_list() == [1, 0]
        assert (figures["items"], figures["unlabelled"], figures["ties"]) == (2, 1, 0)


def test_no_annotations_make_an_empty_table(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    nothing = annotations_of(answers("a", "joy")).clear()
    for method in ("majority", "intersection", "dawid_skene", "adjudicated", "stated"):
        labels, figures = aggregate(nothing, task_of(LABEL_IDS), name="main", method=method)
        assert labels.schema == polars_schema(LABELS)
        assert (labels.height, figures["items"], figures["tier"]) == (0, 0, None)


def test_only_the_named_annotators_vote(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    labels, figures = aggregate(
        annotations_of(answers("a", "joy", "sad", "sad")), task_of(LABEL_IDS), name="main", over=["r0"]
    )
    assert decided(labels) == ["joy"]
    assert figures["from"] == ["r0"]


@pytest.mark.parametrize("method", ["plurality", {"rule": "majority", "tie": "first"}])
def test_an_unknown_method_or_option_is_refused(
    task_of: TaskOf, annotations_of: AnnotationsOf, method: str | dict[str, str]
) -> None:
    with pytest.raises(DsbuildError, match="no aggregation method"):
        aggregate(annotations_of(answers("a", "joy")), task_of(LABEL_IDS), name="main", method=method)


SETS = st.sets(st.sampled_from(LABEL_IDS), max_size=3)
METHODS = ["majority", "union", "intersection", "dawid_skene", "adjudicated"]


@settings(max_examples=15, deadline=None)
@given(
    votes=st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 3)), SETS, min_size=1, max_size=20),
    data=st.data(),
)
def test_order_changes_nothing_and_exclusive_labels_stand_alone(
    task_of: TaskOf,
    annotations_of: AnnotationsOf,
    votes: dict[tuple[int, int], set[str]],
    data: st.DataObject,
) -> None:
    task = task_of(LABEL_IDS, "multi", ["neutral"])
    rows = [{"item": f"i{item}", "by": f"r{by}", "labels": sorted(labels)} for (item, by), labels in votes.items()]
    shuffled = data.draw(st.permutations(rows))
    for method in METHODS:
        labels, figures = aggregate(annotations_of(rows), task, name="main", method=method)
        again, same_figures = aggregate(annotations_of(shuffled), task, name="main", method=method)
        assert labels.equals(again)
        assert figures == same_figures
        for found in labels["labels"].drop_nulls().to_list():
            names = [one["label"] for one in found]
            assert names == ["neutral"] or "neutral" not in names
            assert all(0 < one["p"] <= 1 for one in found)


@settings(max_examples=15, deadline=None)
@given(votes=st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 3)), SETS, min_size=1, max_size=20))
def test_intersection_lies_within_majority_within_union(
    task_of: TaskOf, annotations_of: AnnotationsOf, votes: dict[tuple[int, int], set[str]]
) -> None:
    task = task_of(LABEL_IDS, "multi")
    rows = [{"item": f"i{item}", "by": f"r{by}", "labels": sorted(labels)} for (item, by), labels in votes.items()]
    of = {
        method: aggregate(annotations_of(rows), task, name="main", method=method)[0]
        for method in ("intersection", "majority", "union")
    }
    for item in of["union"]["item_id"]:
        smaller, middle, larger = (set(decided(of[m], item) or []) for m in ("intersection", "majority", "union"))
        assert smaller <= middle <= larger
