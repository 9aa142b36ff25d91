"""Where people differ: majorities, disputes, and the one person who decides."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from annotators.label_studio import SessionConfig
from annotators.label_studio.human_store import HumanStore
from annotators.label_studio.outcome import Outcome, outcome
from annotators.label_studio.pull import pull
from annotators.label_studio.push import push, push_adjudication
from annotators.label_studio.verdict import majority
from schemas.errors import DsbuildError
from schemas.label_studio_config import NONE
from schemas.task import Task

SESSION = SessionConfig.model_validate(
    {"name": "main", "people": ["p1", "p2", "p3"], "adjudicate": {"rule": "majority", "else": "p0"}}
)


def _decided(found: Outcome) -> dict[str, list[str] | None]:
    return {item: answer.labels for item, answer in found.adjudicated.items()}


@pytest.fixture
def pushed(items: pl.DataFrame, task: Task, store: HumanStore, server: Any) -> Any:
    push(SESSION, items, task, None, server, store)
    return server


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([["joy"], ["joy", "sadness"], []], ["joy"]),
        ([["joy", "sadness"], ["joy", "sadness"], ["neutral"]], ["joy", "sadness"]),
        ([["joy"], ["sadness"], ["neutral"]], None),
        ([["joy"], []], None),
        ([["joy"], [], []], []),
        ([["joy"], ["sadness"]], None),
        ([[], [], []], []),
        ([["joy"]], ["joy"]),
        ([], None),
    ],
)
def test_majority(answers: list[list[str]], expected: list[str] | None) -> None:
    found = majority(answers)
    assert (None if found is None else sorted(found)) == expected


def test_a_dispute_goes_to_one_person_whose_answer_stands_beside_the_others(
    items: pl.DataFrame, task: Task, store: HumanStore, pushed: Any
) -> None:
    for person, label in (("p1", "joy"), ("p2", "sadness"), ("p3", "anger/disgust")):
        pushed.answer(person, "i0", label)
        pushed.answer(person, "i1", "joy")
        pushed.answer(person, "i2", skip=True)
    pull(SESSION, pushed, store)
    before = outcome(store, SESSION, items, task)
    assert [dispute.item_id for dispute in before.disputed] == ["i0", "i2"]
    assert (before.missing, before.waiting) == (0, 2)
    assert _decided(before) == {"i1": ["joy"]}

    found = push_adjudication(SESSION, items, task, pushed, store)
    assert found is not None
    assert found.imported == 2
    assert pushed.projects[2]["overlap"] == 1
    shown = [one["result"][0]["value"]["choices"] for one in pushed.task_of("i0", project=2)["predictions"]]
    assert sorted(shown) == [["anger/disgust"], ["joy"], ["sadness"]]
    names = {one["model_version"] for one in pushed.task_of("i0", project=2)["predictions"]}
    assert not any(person in name for name in names for person in SESSION.people), "nobody's name is shown"
    again = push_adjudication(SESSION, items, task, pushed, store)
    assert again is not None
    assert again.imported == 0

    pushed.answer("p1", "i0", "joy", project=2)  # not for p1 to decide
    pushed.answer("p0", "i0", "sadness", project=2)
    pushed.answer("p0", "i2", skip=True, project=2)
    pull(SESSION, pushed, store)
    after = outcome(store, SESSION, items, task)
    assert after.waiting == 0
    assert _decided(after) == {"i0": ["sadness"], "i1": ["joy"]}
    rounds = {(row["annotator"], row["round"]) for row in after.annotations.to_dicts() if row["item_id"] == "i0"}
    assert rounds == {("p1", "first"), ("p2", "first"), ("p3", "first"), ("p0", "adjudication")}
    assert after.annotations["annotation_id"].is_unique().all()
    assert push_adjudication(SESSION, items, task, pushed, store) is None


def test_without_somebody_to_decide_a_dispute_waits_for_nobody(
    items: pl.DataFrame, task: Task, store: HumanStore, server: Any
) -> None:
    session = SessionConfig(name="s", people=("p1", "p2"))
    push(session, items.head(1), task, None, server, store)
    server.answer("p1", "i0", "joy")
    server.answer("p2", "i0", "sadness")
    pull(session, server, store)
    result = outcome(store, session, items.head(1), task)
    assert (len(result.disputed), result.waiting, _decided(result)) == (1, 0, {})
    with pytest.raises(DsbuildError, match="names nobody to decide"):
        push_adjudication(session, items.head(1), task, server, store)


def test_a_choice_of_one_is_disputed_only_without_a_majority(
    items: pl.DataFrame, task: Task, store: HumanStore, server: Any
) -> None:
    choice = task.model_copy(update={"kind": "choice"})
    push(SESSION, items, choice, None, server, store)
    for person, labels in (("p1", "joy"), ("p2", NONE), ("p3", NONE)):
        server.answer(person, "i0", labels)
        server.answer(person, "i1", {"p1": "joy", "p2": "sadness", "p3": NONE}[person])
    pull(SESSION, server, store)
    result = outcome(store, SESSION, items, choice)
    assert _decided(result) == {"i0": []}
    assert [dispute.item_id for dispute in result.disputed] == ["i1"]
    assert [(answer.labels, count) for answer, count in result.disputed[0].candidates] == [
        (["joy"], 1),
        (["sadness"], 1),
        ([], 1),
    ]
