"""A gate passes only on a figure that is there and keeps its bound, and says what to do otherwise."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from audits.gates import GateConfig, check

ROOT = Path(__file__).resolve().parents[2]

METRICS: dict[str, Any] = {
    "agreement": [
        {
            "task": "emotion",
            "over": ["p1", "p2", "p3"],
            "value": 0.55,
            "low": 0.5,
            "high": 0.6,
            "units": 300,
            "note": None,
            "labels": [
                {"label": "joy", "value": 0.8},
                {"label": "pride", "value": 0.1},
                {"label": "fear", "value": None},
            ],
        },
        {
            "task": "emotion",
            "over": ["gpt", "llama"],
            "value": None,
            "low": None,
            "high": None,
            "units": 0,
            "note": "Undefined: no item has two annotations that can be compared.",
            "labels": [],
        },
    ],
    "scores": [
        {
            "task": "emotion",
            "of": of,
            "against": "gold",
            "by": by,
            "n": 100,
            "note": None,
            "accuracy": {"value": value},
            "macro_f1": {"value": value},
            "micro_f1": {"value": value},
            "labels": [{"label": "joy", "f1": 0.9, "support": 50}, {"label": "pride", "f1": 0.2, "support": 50}],
            "confusion": {"labels": ["joy", "pride", "(none)"], "counts": [[45, 5, 0], [30, 20, 0], [0, 0, 0]]},
        }
        for of, by, value in [
            ("gpt", {}, 0.7),
            ("llama", {}, 0.6),
            ("gpt", {"language": "mr"}, 0.5),
            ("gpt", {"language": "en"}, 0.9),
        ]
    ],
    "aggregates": [
        {
            "name": "gold",
            "task": "emotion",
            "items": 100,
            "unlabelled": 20,
            "ties": 15,
            "labels": {"joy": 60, "pride": 20},
        }
    ],
    "leakage": {
        "exact": {"pairs": 0, "items": 0, "examples": []},
        "near": {
            "threshold": 0.9,
            "pairs": 1,
            "items": 4,
            "sampled": 300,
            "missed": 2,
            "examples": [{"a": "i1", "b": "i2"}],
        },
        "group": {"pairs": 4, "items": 5, "groups": 1, "examples": []},
    },
}


def checked(
    metrics: dict[str, Any] = METRICS, members: dict[str, list[str]] | None = None, **gate: Any
) -> dict[str, Any]:
    (result,) = check([GateConfig.model_validate(gate)], metrics, members=members)
    return result


def test_a_session_stands_for_its_people() -> None:
    gate = {"metric": "krippendorff_alpha", "task": "emotion", "from": ["main"]}
    members = {"main": ["p1", "p2", "p3"]}
    assert checked(**gate, at_least=0.5, members=members)["passed"]
    failed = checked(**gate, at_least=0.6, members=members)
    assert (failed["seen"], failed["passed"], failed["n"], failed["wanted"]) == (0.55, False, 300, "at_least 0.6")
    assert "pride (0.1)" in failed["fix"]
    assert "0.5 to 0.6" in failed["fix"]


def test_an_undefined_figure_never_passes() -> None:
    for bound in ({"at_least": -1.0}, {"at_most": 1.0}):
        result = checked(metric="krippendorff_alpha", task="emotion", **{"from": ["llama", "gpt"]}, **bound)
        assert (result["seen"], result["passed"]) == (None, False)
        assert "no item has two annotations" in result["fix"]


def test_a_figure_that_was_not_measured_never_passes() -> None:
    for gate in (
        {"metric": "krippendorff_alpha", "task": "emotion", "from": ["p1", "p2"], "at_least": 0},
        {"metric": "macro_f1", "task": "emotion", "from": ["gpt", "nobody"], "against": "gold", "at_least": 0},
        {"metric": "max_share", "task": "emotion", "from": ["silver"], "at_most": 1},
    ):
        result = checked(**gate)
        assert (result["seen"], result["passed"]) == (None, False)
        assert "no such figure" in result["fix"]


def test_the_worst_annotator_decides() -> None:
    result = checked(metric="macro_f1", task="emotion", **{"from": ["gpt", "llama"]}, against="gold", at_least=0.65)
    assert (result["seen"], result["passed"]) == (0.6, False)
    assert "llama is weakest on pride (F1 0.2 of 50)" in result["fix"]
    assert "joy is given for pride (30 times)" in result["fix"]
    assert checked(metric="accuracy", task="emotion", **{"from": ["gpt"]}, against="gold", at_least=0.7)["passed"]


def test_the_worst_language_decides() -> None:
    result = checked(
        metric="macro_f1", task="emotion", **{"from": ["gpt"]}, against="gold", by=["language"], at_least=0.6
    )
    assert (result["seen"], result["passed"]) == (0.5, False)


def test_leakage_adds_up_what_was_found_and_what_was_missed() -> None:
    whole = checked(metric="leakage", at_most=0)
    assert (whole["seen"], whole["passed"], whole["by"]) == (7, False, ["exact", "near", "group"])
    assert "2 that the search missed, such as i1 and i2" in whole["fix"]
    assert "4 group pairs" in whole["fix"]
    assert checked(metric="leakage", by=["exact"], at_most=0)["passed"]
    assert checked(metric="leakage", by=["exact", "near"], at_most=0)["seen"] == 3


def test_a_looser_search_than_the_gate_wants_never_passes() -> None:
    clean = copy.deepcopy(METRICS)
    clean["leakage"]["near"] |= {"pairs": 0, "missed": 0}
    assert checked(clean, metric="leakage", by=["near"], near=0.95, at_most=0)["passed"]
    result = checked(clean, metric="leakage", by=["near"], near=0.8, at_most=0)
    assert (result["seen"], result["passed"]) == (None, False)
    assert "searched from 0.9 up, the gate wants 0.8" in result["fix"]


def test_shares_of_labels_and_of_items_without_one() -> None:
    share = checked(metric="max_share", task="emotion", **{"from": ["gold"]}, at_most=0.7)
    assert (share["seen"], share["n"], share["passed"]) == (0.75, 80, False)
    assert "joy has 60 items" in share["fix"]
    missing = checked(metric="unlabelled_share", task="emotion", **{"from": ["gold"]}, at_most=0.1)
    assert (missing["seen"], missing["passed"]) == (0.2, False)
    assert "20 of 100 items have no label (15 ties)" in missing["fix"]
    assert checked(metric="unlabelled_share", task="emotion", **{"from": ["gold"]}, at_most=0.2)["fix"] == ""


@pytest.mark.parametrize(
    "gate",
    [
        {"metric": "krippendorff_alpha", "task": "emotion"},
        {"metric": "krippendorff_alpha", "task": "emotion", "at_least": 0, "at_most": 1},
        {"metric": "krippendorff_alpha", "at_least": 0},
        {"metric": "krippendorff_alpha", "task": "emotion", "against": "gold", "at_least": 0},
        {"metric": "macro_f1", "task": "emotion", "from": ["gpt"], "at_least": 0},
        {"metric": "leakage", "by": ["speaker"], "at_most": 0},
        {"metric": "leakage", "task": "emotion", "at_most": 0},
        {"metric": "max_share", "task": "emotion", "at_most": 0.5},
        {"metric": "kappa", "task": "emotion", "at_least": 0},
        {"metric": "leakage", "at_most": 0, "atleast": 1},
    ],
)
def test_a_gate_that_cannot_be_meant_is_refused(gate: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GateConfig.model_validate(gate)


def test_gates_load_without_the_frame_libraries() -> None:
    # The recipe's model imports them, and with it every command.
    code = "import sys, audits.gates; sys.exit(any(name in sys.modules for name in ('polars', 'numpy', 'pyarrow')))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
