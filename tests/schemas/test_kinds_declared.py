"""A task's declaration has what its kind needs and nothing that means nothing to it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.task import Attribute, Task
from tests.schemas.kinds import CASES, EKMAN

SCENE = Attribute(kind="choice", options=("in", "out"))
EXTRA: dict[str, Any] = {
    "taxonomy": EKMAN,
    "range": (0, 1),
    "step": 1,
    "rate": 2.0,
    "where": ("own",),
    "most": 2,
    "ties": False,
    "attributes": {"scene": SCENE},
}


TAKEN = {
    "choice": {"taxonomy"},
    "multi": {"taxonomy", "most"},
    "ranking": {"taxonomy", "most"},
    "intensity": {"taxonomy", "range", "step"},
    "scale": {"range", "step"},
    "span": {"taxonomy", "where", "most"},
    "text": set(),
    "trace": {"range", "rate"},
    "open": {"most"},
    "pairwise": {"ties"},
    "attributes": {"attributes"},
}


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind in CASES for field in EXTRA])
def test_a_field_that_means_nothing_to_a_kind_is_refused(kind: str, field: str) -> None:
    declared = {name: value for name, value in CASES[kind].task if name not in ("levels", "step")}
    if field in TAKEN[kind]:
        assert getattr(Task.model_validate({**declared, field: EXTRA[field]}), field) is not None
        return
    with pytest.raises(ValidationError, match=f"{kind} task has no {field}"):
        Task.model_validate({**declared, field: EXTRA[field]})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "ranking"}, "a ranking task needs a taxonomy"),
        ({"kind": "intensity", "taxonomy": EKMAN}, "an intensity task needs a range"),
        ({"kind": "scale"}, "a scale task needs a range"),
        ({"kind": "trace"}, "a trace task needs a range"),
        ({"kind": "attributes"}, "an attributes task needs attributes"),
        ({"kind": "scale", "range": (7, 1)}, "holds no two numbers"),
        ({"kind": "scale", "range": (0, float("inf"))}, "holds no two numbers"),
        ({"kind": "scale", "range": (1, 7), "step": 4}, "no whole number of steps of 4"),
        ({"kind": "scale", "range": (1, 7), "step": 0}, "greater than 0"),
        ({"kind": "scale", "range": (1, 7), "step": 1, "levels": ("low", "high")}, "2 names of levels for 7 points"),
        ({"kind": "scale", "levels": ("low", "Low ")}, "two different names"),
        ({"kind": "scale", "levels": ("low",), "range": (0, 1), "step": 1}, "two different names"),
        ({"kind": "text", "levels": ("low", "high")}, "a text task has no levels"),
        ({"kind": "span", "where": ()}, "at least 1"),
        ({"kind": "span", "most": 0}, "greater than or equal to 1"),
        ({"kind": "attributes", "attributes": {"a:b": SCENE}}, "letters, digits"),
        ({"kind": "attributes", "attributes": {"a": Attribute(kind="scale")}}, "a scale has a range"),
        ({"kind": "attributes", "attributes": {"a": Attribute(kind="multi")}}, "needs 1 different options"),
        (
            {"kind": "attributes", "attributes": {"a": Attribute(kind="choice", options=("x", "X"))}},
            "needs 2 different",
        ),
        (
            {"kind": "attributes", "attributes": {"a": Attribute(kind="multi", options=("x",), step=1)}},
            "only a scale has",
        ),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as told:
        Task(name="t", perspective="reader", **fields)
    assert message in str(told.value)


def test_levels_without_a_range_count_from_nought() -> None:
    task = Task(name="t", kind="scale", perspective="reader", levels=("none", "weak", "strong"))
    assert (task.range, task.step) == ((0, 2), 1)
    assert task.json_schema()["properties"]["value"] == {"enum": ["none", "weak", "strong"]}
    assert task.parse({"value": "Weak"}).value == 1
    assert task.parse({"value": 2}).value == 2


def test_levels_of_a_range_are_evenly_spaced() -> None:
    task = Task(name="t", kind="scale", perspective="reader", range=(1, 5), levels=("low", "middle", "high"))
    assert [task.parse({"value": name}).value for name in task.levels] == [1, 3, 5]


@pytest.mark.parametrize(
    ("fields", "schema"),
    [
        ({"range": (1, 7), "step": 1}, {"type": "integer", "minimum": 1, "maximum": 7}),
        ({"range": (-2, 2), "step": 0.5}, {"enum": [-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2]}),
        ({"range": (0, 1), "step": 0.1}, {"enum": [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]}),
        ({"range": (0, 1), "step": 0.001}, {"type": "number", "minimum": 0, "maximum": 1}),
        ({"range": (0.5, 9.5)}, {"type": "number", "minimum": 0.5, "maximum": 9.5}),
    ],
)
def test_the_points_of_a_scale_are_what_may_be_answered(fields: dict[str, Any], schema: dict[str, Any]) -> None:
    task = Task(name="t", kind="scale", perspective="reader", **fields)
    assert task.json_schema()["properties"]["value"] == schema


def test_a_point_that_was_added_up_is_that_point() -> None:
    task = Task(name="t", kind="scale", perspective="reader", range=(0, 1), step=0.1)
    assert task.parse({"value": 0.1 + 0.2}).value == task.parse({"value": 0.3}).value


@pytest.mark.parametrize("kind", list(CASES))
def test_a_declaration_can_be_written_down_and_read_again(kind: str) -> None:
    task = CASES[kind].task
    assert Task.model_validate_json(task.model_dump_json()) == task


def test_every_label_an_answer_may_hold_is_known_in_order() -> None:
    assert CASES["pairwise"].task.label_ids == ["a", "tie", "b"]
    assert Task(name="t", kind="pairwise", perspective="reader", ties=False).label_ids == ["a", "b"]
    assert CASES["attributes"].task.label_ids == [
        "scene:airport",
        "scene:beach",
        "object:cat",
        "object:dog",
        "object:sky",
        "brightness",
    ]
    assert CASES["open"].task.label_ids == []
