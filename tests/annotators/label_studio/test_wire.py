from __future__ import annotations

from typing import Any

import pytest

from annotators.label_studio.question import Question
from annotators.label_studio.wire import parse_result, prediction, shown_hash, task_data
from schemas.label_studio_config import NONE
from schemas.task import Answer, Task

_DATA = {"dsbuild_id": "i", "text": "it rained", "context": ""}


def _result(*choices: Any, name: str = "answer", type: str = "choices") -> list[dict[str, Any]]:
    return [{"from_name": name, "to_name": "text", "type": type, "value": {"choices": list(choices)}}]


def test_an_answer_is_label_ids_in_the_taxonomys_order(task: Task) -> None:
    assert parse_result(Question.of(task), _result("sadness", "joy"), _DATA).labels == ["joy", "sadness"]


def test_none_of_these_is_an_empty_list(task: Task) -> None:
    assert parse_result(Question.of(task), _result(NONE), _DATA).labels == []


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (None, "not a list"),
        ([], "nothing was ticked"),
        (_result(), "nothing was ticked"),
        (_result("glee"), "'glee' is no label"),
        (_result("JOY"), "'JOY' is no label"),
        (_result("joy", "joy"), "given twice"),
        (_result("joy", "neutral"), "'neutral' was given beside other labels"),
        (_result(NONE, "joy"), "none of these was ticked beside labels"),
        (_result("joy", name="other"), "another question"),
        (_result("joy", type="rating"), "another question"),
        (_result("joy") + _result("sadness"), "answered twice"),
        (_result(3), "no value"),
        ([{"from_name": "answer", "type": "choices", "value": {"choices": "joy"}}], "no value"),
        ([{"from_name": "answer", "type": "choices"}], "no value"),
        (["joy"], "another question"),
    ],
)
def test_what_does_not_answer_the_question_is_turned_down_with_a_reason(task: Task, result: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_result(Question.of(task), result, _DATA)


def test_a_choice_takes_one_label(task: Task) -> None:
    choice = Question.of(task.model_copy(update={"kind": "choice"}))
    assert parse_result(choice, _result("joy"), _DATA).labels == ["joy"]
    with pytest.raises(ValueError, match="more than one label"):
        parse_result(choice, _result("joy", "sadness"), _DATA)


def test_a_text_is_taken_without_the_blanks_around_it() -> None:
    question = Question.of(Task(name="why", kind="text", perspective="reader"))
    region = {"from_name": "answer", "to_name": "text", "type": "textarea", "value": {"text": [" because \n"]}}
    assert parse_result(question, [region], _DATA).text == "because"
    with pytest.raises(ValueError, match="empty"):
        parse_result(question, [region | {"value": {"text": [" "]}}], _DATA)


@pytest.mark.parametrize("labels", [["joy", "sadness"], ["joy"], []])
def test_a_suggestion_is_read_back_as_what_it_was(task: Task, labels: list[str]) -> None:
    question = Question.of(task)
    shown = prediction(question, Answer(labels=labels), version="gpt", data=_DATA)
    assert shown["model_version"] == "gpt"
    assert parse_result(question, shown["result"], _DATA).labels == labels


@pytest.mark.parametrize("labels", [["glee"], ["joy", "neutral"], None])
def test_a_suggestion_that_does_not_fit_is_not_shown(task: Task, labels: list[str] | None) -> None:
    with pytest.raises(ValueError, match=r"label|beside"):
        prediction(Question.of(task), Answer(labels=labels), version="gpt", data=_DATA)


def test_a_page_changed_on_the_server_is_noticed(task: Task) -> None:
    item = {"item_id": "i", "text": "fine", "context": [{"speaker": "A", "text": "how are you?"}], "media": None}
    data = task_data(item, Question.of(task))
    assert data["context"] == "A: how are you?"
    assert shown_hash(data) == shown_hash(data | {"note": "of no importance"})
    assert shown_hash(data) != shown_hash(data | {"text": "not fine"})


def test_a_question_is_the_same_in_whatever_order_and_language_its_boxes_stand(task: Task) -> None:
    assert task.taxonomy is not None
    turned = task.taxonomy.model_copy(update={"labels": tuple(reversed(task.taxonomy.labels))})
    same = task.model_copy(update={"taxonomy": turned})
    assert Question.of(same).hash == Question.of(task).hash
    other = task.model_copy(update={"instructions": {"en": "Which emotions does the writer feel?"}})
    assert Question.of(other).hash != Question.of(task).hash
    assert Question.from_json(Question.of(task).to_json()) == Question.of(task)


@pytest.mark.parametrize(
    ("kind", "hash"),
    [("choice", "6c9908b2b2a35086"), ("multi", "9b179963a09ab700"), ("text", "68f65831cd784af9")],
)
def test_questions_of_before_there_were_other_kinds_keep_their_hash(task: Task, kind: str, hash: str) -> None:
    taxonomy = None if kind == "text" else task.taxonomy
    fields = {"name": "emotion", "kind": kind, "taxonomy": taxonomy, "perspective": "reader"}
    asked = Task.model_validate(fields | {"instructions": {"en": "Which emotions do you see?"}})
    assert Question.of(asked, "en").hash == hash
