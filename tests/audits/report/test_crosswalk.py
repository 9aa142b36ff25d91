"""The report's crosswalk: what the answers of corpora became, whatever their labels are called."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from markup import assert_inert
from test_hostile import HOSTILE

from audits.report import render

CONVERSION: dict[str, Any] = {
    "task": "emotion",
    "from": "tweets.feeling",
    "corpus": "tweets",
    "kinds": ["multi", "multi"],
    "taxonomies": ["own", "ekman-neutral"],
    "perspective": "reader",
    "in": 12345,
    "converted": 10000,
    "rejected": 2345,
    "left_out": 7,
    "reasons": {"no place in ekman-neutral": 2345, "no place in ekman-neutral, for one of several labels": 7},
    "bits": 0.961171,
    "before": 3.241231,
    "after": 2.28006,
    "labels": [
        {"label": "glad", "n": 9000, "converted": 8900, "kind": "exact", "targets": ["joy"], "becomes": True,
         "loss": 0.25, "path": "at joy (tier 1) in both"},
        {"label": "mad", "n": 1500, "converted": 0, "kind": "narrower", "targets": ["anger", "disgust"],
         "becomes": False, "loss": None, "path": "anger (tier 1), above disgust"},
        {"label": "sly", "n": 2345, "converted": 0, "kind": "none", "targets": [], "becomes": False, "loss": None,
         "path": "no place in TONE: cunning is no feeling"},
    ],
}  # fmt: skip
SCALE = {
    "task": "arousal", "from": "songs.arousal", "taxonomies": [None, None], "in": 10, "converted": 10, "rejected": 0,
    "left_out": 0, "reasons": {}, "scale": {"from": [1, 7], "to": [-1, 1]},
}  # fmt: skip


def section(metrics: dict[str, Any]) -> str:
    text = assert_inert(render(metrics, [])).text
    start = text.index("Crosswalk", text.index("The way of the data", text.index("Contents") + 200))
    return text[start:]


def test_each_conversion_says_how_much_arrived_what_it_lost_and_why() -> None:
    text = section({"conversions": [CONVERSION]})
    assert "tweets.feeling made into emotion" in text
    assert "10,000 of 12,345 converted (81.0%), 2,345 rejected" in text
    assert "7 labels without a place, beside others that have one" in text
    assert "0.961 of 3.241 bits a label" in text
    assert "exact : 1 label in 9,000 answers" in text
    assert "no place in ekman-neutral 2,345 19.0%" in text


def test_each_label_says_what_it_became_and_by_which_path() -> None:
    text = section({"conversions": [CONVERSION]})
    assert "glad 9,000 joy exact 0.250 8,900 at joy (tier 1) in both" in text
    assert "mad 1,500 nothing; it may be any of anger , disgust narrower 0 anger (tier 1), above disgust" in text
    assert "sly 2,345 nothing none 0 no place in TONE: cunning is no feeling" in text


def test_a_change_of_scale_says_which() -> None:
    assert "1 to 7 became −1 to 1, in between a straight line" in section({"conversions": [SCALE]})


def test_without_conversions_one_sentence_says_so() -> None:
    assert "No task is filled from tasks of corpora" in section({})


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_of_labels_stay_text(name: str) -> None:
    one = copy.deepcopy(CONVERSION)
    one |= {"from": name, "task": name, "taxonomies": [name, name], "perspective": name, "reasons": {name: 3}}
    for label in one["labels"]:
        label |= {"label": name, "targets": [name, name], "kind": name, "path": name}
    page = render({"conversions": [one]}, [])
    assert_inert(page)
    assert "<script" not in page
    assert "onerror=alert" not in page.replace("onerror=alert(1)&gt;", "")


@pytest.mark.parametrize(
    "broken", [None, "x", [None, 3, "x"], [{"in": "many", "labels": "none", "scale": 3, "bits": float("nan")}]]
)
def test_figures_that_are_none_cost_nobody_the_report(broken: Any) -> None:
    assert_inert(render({"conversions": broken}, []))
