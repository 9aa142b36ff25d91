"""Counts of votes and soft labels: what stands behind a label is weighed and released whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from audits.aggregate import aggregate
from audits.scores import score
from schemas.errors import DsbuildError
from tests.audits.kinds import given, labels, task, taxonomy

CHOICE = task("choice", taxonomy=taxonomy())
MULTI = task("multi", taxonomy=taxonomy())


def decided(*rows: dict[str, Any], of: Any = CHOICE, method: str = "majority") -> dict[str, Any]:
    found, figures = aggregate(given(*rows), of, name="x", method=method)
    return {**found.row(0, named=True), "figures": figures}


def soft(row: dict[str, Any]) -> dict[str, float]:
    return {one["label"]: one["p"] for one in row["soft"]}


def test_the_soft_label_has_every_label_that_was_asked_chosen_or_not() -> None:
    row = decided(
        {"by": "p", "labels": labels("joy")},
        {"by": "q", "labels": labels("joy")},
        {"by": "r", "labels": labels("fear")},
    )
    assert [one["label"] for one in row["labels"]] == ["joy"]
    assert soft(row) == pytest.approx({"joy": 2 / 3, "sadness": 0, "fear": 1 / 3}, abs=1e-6)
    tied = decided({"by": "p", "labels": labels("joy")}, {"by": "q", "labels": labels("fear")})
    assert tied["labels"] is None
    assert soft(tied) == {"joy": 0.5, "sadness": 0.0, "fear": 0.5}
    asked = decided({"by": "p", "labels": labels("joy"), "asked": ["joy", "fear"]}, of=MULTI)
    assert soft(asked) == {"joy": 1.0, "fear": 0.0}
    passed = decided({"by": "p", "skipped": True})
    assert (passed["labels"], passed["soft"]) == (None, None)


def test_dawid_skene_releases_its_posterior_over_all_labels() -> None:
    rows = [
        {
            "by": f"r{who}",
            "item_id": f"i{item}",
            "labels": labels(("joy", "fear")[(item + (who == 2 and item < 2)) % 2]),
        }
        for item in range(6)
        for who in range(3)
    ]
    found, _ = aggregate(given(*rows), CHOICE, name="x", method="dawid_skene")
    for one in found["soft"]:
        assert sum(entry["p"] for entry in one) == pytest.approx(1.0, abs=2e-6)


def test_a_count_of_votes_is_a_pools_whole_answer() -> None:
    pool = {"by": "crowd", "labels": labels(("joy", 6), ("fear", 3)), "votes": 10}
    row = decided(pool)
    assert [(one["label"], one["p"]) for one in row["labels"]] == [("joy", 0.6)]
    assert soft(row) == {"joy": 0.6, "sadness": 0.0, "fear": 0.3}
    assert (row["annotators"], row["agreement"], row["tier"]) == (10, 0.6, "gold")
    # Ten people say nothing with two beside them; one more person changes the count by one.
    row = decided(pool, {"by": "p", "labels": labels("fear")})
    assert soft(row)["fear"] == pytest.approx(4 / 11, abs=1e-6)
    assert row["annotators"] == 11


def test_what_is_missing_from_the_votes_of_a_choice_said_none_of_these() -> None:
    assert decided({"by": "crowd", "labels": labels(("joy", 2), ("fear", 1)), "votes": 10})["labels"] == []


def test_votes_for_several_labels_are_counted_label_by_label() -> None:
    row = decided({"by": "crowd", "labels": labels(("joy", 6), ("sadness", 5), ("fear", 4)), "votes": 8}, of=MULTI)
    assert [one["label"] for one in row["labels"]] == ["joy", "sadness"]
    assert row["figures"]["ties"] == 1
    # Who gave which together is not known, so neither is how many said exactly this.
    assert row["agreement"] is None


def test_a_soft_label_is_one_vote_in_shares() -> None:
    row = decided(
        {"by": "m", "labels": labels(("joy", 0.6), ("fear", 0.4))},
        {"by": "p", "labels": labels("fear")},
    )
    assert [(one["label"], one["p"]) for one in row["labels"]] == [("fear", 0.7)]
    assert soft(row) == {"joy": 0.3, "sadness": 0.0, "fear": 0.7}


def test_an_author_may_state_in_shares() -> None:
    row = decided(
        {"by": "self", "labels": labels(("joy", 0.7), ("fear", 0.3)), "annotator_kind": "author"}, method="stated"
    )
    assert [(one["label"], one["p"]) for one in row["labels"]] == [("joy", 0.7)]
    assert soft(row) == {"joy": 0.7, "sadness": 0.0, "fear": 0.3}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"labels": labels(("joy", 3)), "votes": 5}, "stand for several people each"),
        ({"labels": labels(("joy", 0.6), ("fear", 0.4))}, "are soft labels"),
    ],
)
def test_dawid_skene_refuses_what_is_not_one_persons_answer(answer: dict[str, Any], says: str) -> None:
    with pytest.raises(DsbuildError, match=says) as caught:
        decided({"by": "crowd", **answer}, {"by": "p", "labels": labels("joy")}, method="dawid_skene")
    assert "Use majority" in str(caught.value)
    with pytest.raises(DsbuildError, match=says):
        aggregate(given({"by": "crowd", **answer}), CHOICE, name="x", compare=["dawid_skene"])


@pytest.mark.parametrize("method", ["union", "intersection"])
def test_who_gave_a_label_at_all_is_not_asked_of_soft_labels(method: str) -> None:
    shares = {"by": "m", "labels": labels(("joy", 0.6), ("fear", 0.1))}
    with pytest.raises(DsbuildError, match="are soft labels"):
        decided(shares, of=MULTI, method=method)


@for_all(st.lists(st.integers(0, 5), min_size=4, max_size=4).filter(any))
@settings(deadline=None)
def test_a_count_decides_as_its_voters_would_one_by_one(counts: list[int]) -> None:
    names = [*CHOICE.label_ids, None]
    pool = labels(*((name, float(count)) for name, count in zip(names, counts, strict=True) if name))
    people = [
        {"by": f"v{n}", "labels": labels(*filter(None, [name]))}
        for n, name in enumerate(name for name, count in zip(names, counts, strict=True) for _ in range(count))
    ]
    counted = decided({"by": "crowd", "labels": pool, "votes": sum(counts)})
    single = decided(*people)
    for key in ("labels", "soft", "annotators"):
        assert counted[key] == single[key]
    assert counted["figures"]["ties"] == single["figures"]["ties"]


def test_scores_take_the_strongest_label_of_a_choice_and_those_over_one_half_of_a_multi() -> None:
    reference = given({"by": "p", "labels": labels("joy")}, {"by": "p", "item_id": "j", "labels": []})
    model = given(
        {"by": "m", "labels": labels(("joy", 0.5), ("fear", 0.4))},
        {"by": "m", "item_id": "j", "labels": labels(("joy", 0.3), ("fear", 0.2))},
    )
    (found,) = score(model, reference, CHOICE, of="m", against="p", resamples=0)
    assert found["accuracy"]["value"] == 1.0  # nothing has more weight than "none of these" in j
    (found,) = score(model, reference, MULTI, of="m", against="p", resamples=0)
    assert found["accuracy"]["value"] == 0.5
