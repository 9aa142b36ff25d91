"""Agreement on every kind of task that has a figure, held against the package that is everyone's reference."""

from __future__ import annotations

from typing import Any

import krippendorff
import numpy as np
import polars as pl
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from audits.agreement import agreement
from audits.methods import MEASURED, METHODS
from tests.audits.kinds import given, labels, span, task, taxonomy

SCALE = task("scale", range=(1, 7))
INTENSITY = task("intensity", taxonomy=taxonomy(), range=(0, 3), step=1)
CHOICE = task("choice", taxonomy=taxonomy())
MULTI = task("multi", taxonomy=taxonomy())
ATTRIBUTES = task(
    "attributes",
    attributes={
        "scene": {"kind": "choice", "options": ["airport", "beach"]},
        "brightness": {"kind": "scale", "range": [0, 1]},
    },
)

RATINGS = st.lists(st.lists(st.one_of(st.none(), st.integers(1, 7)), min_size=3, max_size=3), min_size=2, max_size=8)


def rated(ratings: list[list[int | None]]) -> pl.DataFrame:
    """Three raters, a list for each item."""
    rows = [
        {"by": f"r{who}", "item_id": f"i{item}", "value": float(value)}
        for item, row in enumerate(ratings)
        for who, value in enumerate(row)
        if value is not None
    ]
    return given(*rows) if rows else given({"by": "r0", "value": 1.0}).clear()


@for_all(RATINGS)
@settings(max_examples=200, deadline=None)
def test_the_alpha_of_a_scale_is_krippendorffs_interval_alpha(ratings: list[list[int | None]]) -> None:
    found = agreement(rated(ratings), SCALE, resamples=0)
    matrix = np.array([[np.nan if one is None else one for one in row] for row in ratings], dtype=float).T
    paired = [row for row in matrix.T if (~np.isnan(row)).sum() >= 2]
    values = {one for row in paired for one in row if not np.isnan(one)}
    if len(values) < 2:
        assert found["value"] is None
        assert found["note"].startswith("Undefined")
        return
    wanted = krippendorff.alpha(reliability_data=matrix, level_of_measurement="interval")
    assert found["value"] == pytest.approx(wanted, abs=1e-9)
    assert (found["units"], found["distance"], found["labels"]) == (len(paired), "interval", [])


def test_the_interval_of_a_scales_alpha_holds_it_and_is_the_same_each_time() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(1, 8, size=60)
    ratings = [[int(np.clip(one + rng.integers(-1, 2), 1, 7)) for _ in range(3)] for one in truth]
    found = agreement(rated(ratings), SCALE, resamples=200)
    assert found["low"] < found["value"] < found["high"]
    assert found == agreement(rated(ratings).sample(fraction=1, shuffle=True, seed=1), SCALE, resamples=200)


def test_an_intensity_has_an_alpha_for_every_label_and_one_for_all() -> None:
    rng = np.random.default_rng(5)
    levels = rng.integers(0, 4, size=(30, 3, 3))  # items, raters, labels
    names = INTENSITY.label_ids
    rows = [
        {
            "by": f"r{who}",
            "item_id": f"i{item:02}",
            "labels": labels(*((name, float(levels[item, who, k])) for k, name in enumerate(names))),
        }
        for item in range(30)
        for who in range(3)
    ]
    found = agreement(given(*rows), INTENSITY, resamples=0)
    observed, expected = 0.0, 0.0
    for k, name in enumerate(names):
        alpha = krippendorff.alpha(reliability_data=levels[:, :, k].T, level_of_measurement="interval")
        assert (found["labels"][k]["label"], found["labels"][k]["units"]) == (name, 30)
        assert found["labels"][k]["value"] == pytest.approx(alpha, abs=1e-9)
        values = levels[:, :, k].ravel().astype(float)
        pairwise = (values[:, None] - values[None, :]) ** 2
        chance = pairwise.sum() / (90 * 89)
        expected += chance
        observed += (1 - alpha) * chance
    assert found["value"] == pytest.approx(1 - observed / expected, abs=1e-9)


VOTES = st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4), min_size=2, max_size=7)


@for_all(VOTES)
@settings(max_examples=200, deadline=None)
def test_alpha_of_counted_votes_is_that_of_the_voters_one_by_one(votes: list[list[int]]) -> None:
    names = CHOICE.label_ids
    pools, voters = [], []
    for item, counts in enumerate(votes):
        n = sum(counts)
        if not n:
            continue
        entries = labels(*((name, float(count)) for name, count in zip(names, counts, strict=False)))
        pools.append({"by": "crowd", "item_id": f"i{item}", "labels": entries, "votes": n})
        single = [name for name, count in zip(names, counts, strict=False) for _ in range(count)]
        answers = [labels(one) for one in single] + [labels() for _ in range(counts[3])]
        voters += [{"by": f"v{who}", "item_id": f"i{item}", "labels": one} for who, one in enumerate(answers)]
    if not pools:
        return
    pool, people = (agreement(given(*rows), CHOICE, resamples=20) for rows in (pools, voters))
    for key in ("value", "units", "annotations", "distance"):
        assert pool[key] == (pytest.approx(people[key], abs=1e-9) if key == "value" else people[key])
    for one, other in zip(pool["labels"], people["labels"], strict=True):
        assert one["value"] == (None if other["value"] is None else pytest.approx(other["value"], abs=1e-9))
        assert one["units"] == other["units"]


def test_counts_of_several_labels_have_an_alpha_label_by_label_only() -> None:
    rows = [
        {"by": "crowd", "item_id": item, "labels": labels(("joy", joy), ("fear", fear)), "votes": 5}
        for item, joy, fear in (("a", 5, 0), ("b", 1, 4), ("c", 0, 5))
    ]
    found = agreement(given(*rows), MULTI, resamples=0)
    assert found["value"] is None
    assert "label by label only" in found["note"]
    counts = np.array([[5, 0], [1, 4], [0, 5]])
    wanted = krippendorff.alpha(value_counts=counts, level_of_measurement="nominal")
    assert found["labels"][0]["value"] == pytest.approx(wanted)


def test_soft_labels_are_left_out_of_agreement() -> None:
    rows = [
        {"by": "p", "labels": labels("joy")},
        {"by": "q", "labels": labels("joy")},
        {"by": "model", "labels": labels(("joy", 0.6), ("fear", 0.4))},
        {"by": "p", "item_id": "j", "labels": labels("fear")},
        {"by": "q", "item_id": "j", "labels": labels("fear")},
    ]
    found = agreement(given(*rows), CHOICE, resamples=0)
    assert found["value"] == 1.0
    assert "1 soft label is nobody's answer and left out." in found["note"]


def test_each_attribute_has_its_own_alpha_and_all_together_none() -> None:
    rows = [
        {"by": by, "item_id": item, "labels": labels(f"scene:{scene}", ("brightness", light))}
        for item, answers in {
            "a": [("airport", 0.1), ("airport", 0.2)],
            "b": [("beach", 0.9), ("airport", 0.8)],
            "c": [("beach", 0.5), ("beach", 0.5)],
        }.items()
        for by, (scene, light) in zip("pq", answers, strict=True)
    ]
    found = agreement(given(*rows), ATTRIBUTES, resamples=0)
    assert found["value"] is None
    assert "each has its own" in found["note"]
    scene, brightness = found["labels"]
    nominal = krippendorff.alpha(reliability_data=[[0, 1, 1], [0, 0, 1]], level_of_measurement="nominal")
    interval = krippendorff.alpha(reliability_data=[[0.1, 0.9, 0.5], [0.2, 0.8, 0.5]], level_of_measurement="interval")
    assert (scene["label"], scene["value"]) == ("scene", pytest.approx(nominal))
    assert (brightness["label"], brightness["value"]) == ("brightness", pytest.approx(interval))


def test_open_words_are_compared_as_sets() -> None:
    said = {"a": ["calm", "calm wistful"], "b": ["bored", "bored"], "c": ["calm", "bored"], "d": ["-", "-"]}
    rows = [
        {"by": by, "item_id": item, "labels": labels(*(() if words == "-" else words.split()))}
        for item, answers in said.items()
        for by, words in zip("pq", answers, strict=True)
    ]
    found = agreement(given(*rows), task("open"), resamples=50)
    distinct = [set(), {"bored"}, {"calm"}, {"calm", "wistful"}]
    codes = {frozenset(one): n for n, one in enumerate(distinct)}
    table = np.zeros((4, 4), dtype=int)
    for row, answers in enumerate(said.values()):
        for words in answers:
            table[row, codes[frozenset(set() if words == "-" else words.split())]] += 1

    def metric(_a: Any, _b: Any, i1: Any, i2: Any, n_v: Any, dtype: Any = np.float64) -> Any:
        def apart(a: set[str], b: set[str]) -> float:
            return 0.0 if a == b else 1 - len(a & b) / len(a | b)

        left, right = np.broadcast_arrays(i1, i2)
        flat = [apart(distinct[int(x)], distinct[int(y)]) for x, y in zip(left.ravel(), right.ravel(), strict=True)]
        return np.array(flat).reshape(left.shape)

    wanted = krippendorff.alpha(value_counts=table, level_of_measurement=metric)
    assert found["value"] == pytest.approx(wanted)
    assert (found["distance"], found["labels"]) == ("jaccard", [])


@pytest.mark.parametrize("kind", [kind for kind in METHODS if kind not in MEASURED])
def test_a_kind_without_a_figure_says_so_and_fails_nothing(kind: str) -> None:
    more = {"ranking": {"taxonomy": taxonomy()}, "trace": {"range": (0, 1)}}.get(kind, {})
    answer = {
        "ranking": {"labels": labels(("joy", 1))},
        "trace": {"trace": [{"t": 0.0, "value": 0.5}]},
        "span": {"spans": [span(0, 1, "a")]},
        "text": {"text": "x"},
    }[kind]
    found = agreement(given({"by": "p", **answer}, {"by": "q", **answer}), task(kind, **more))
    assert (found["value"], found["units"], found["annotations"]) == (None, 1, 2)
    assert found["note"] == f"This version of dsbuild computes no agreement for a {kind} task."
