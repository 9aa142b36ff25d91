from __future__ import annotations

from xml.etree import ElementTree

import pytest

from schemas.errors import DsbuildError
from schemas.label_studio_config import NONE, task_config
from schemas.task import Task
from schemas.taxonomy import Label, Taxonomy


def _boxes(config: str) -> list[tuple[str, str]]:
    return [(box.get("alias", ""), box.get("value", "")) for box in ElementTree.fromstring(config).iter("Choice")]


def test_a_box_stores_the_id_and_shows_the_name_in_the_sessions_language(task: Task) -> None:
    assert _boxes(task_config(task, language="mr-IN"))[:2] == [("joy", "आनंद"), ("anger/disgust", "राग")]
    assert _boxes(task_config(task, language="ta"))[:2] == [("joy", "joy"), ("anger/disgust", "anger/disgust")]


def test_none_of_these_has_to_be_ticked(task: Task) -> None:
    config = task_config(task)
    control = ElementTree.fromstring(config).find("Choices")
    assert control is not None
    assert control.get("required") == "true"
    assert control.get("choice") == "multiple"
    assert _boxes(config)[-1] == (NONE, "none of these")


def test_a_header_stands_before_each_control(task: Task) -> None:
    tags = [element.tag for element in ElementTree.fromstring(task_config(task))]
    assert tags[tags.index("Choices") - 1] == "Header"
    assert tags[tags.index("Text") - 1] == "Header"


def test_instructions_are_shown_in_the_sessions_language(task: Task) -> None:
    headers = [h.get("value") for h in ElementTree.fromstring(task_config(task, language="mr")).iter("Header")]
    assert headers[0] == "तुम्हाला कोणत्या भावना दिसतात?"


def test_hostile_names_and_instructions_stay_text() -> None:
    nasty = '"/><Text name="x" value="$y"/><!-- \x00\x1b $text ]]>'
    taxonomy = Taxonomy(
        name="t",
        title="T",
        source="s",
        labels=(
            Label(id="a", definition=nasty, names={"en": nasty}, tone_note="-"),
            Label(id="b", names={"en": nasty}, tone_note="-"),
        ),
    )
    task = Task(name="t", kind="choice", taxonomy=taxonomy, perspective="writer", instructions={"en": nasty})
    view = ElementTree.fromstring(task_config(task, language="en"))
    assert len(list(view.iter("Text"))) == 1
    shown = [element.get(key) or "" for element in view.iter() for key in ("value", "hint")]
    # A dollar sign followed by a word would be replaced by a field of the item.
    assert [text for text in shown if "$text" in text] == ["$text"]
    assert [text for text in shown if "$y" in text] == []
    names = [name for _, name in _boxes(task_config(task, language="en"))]
    assert len(set(names)) == 3, "two labels of one name are told apart by their ids"


def test_a_text_task_has_a_text_area() -> None:
    view = ElementTree.fromstring(task_config(Task(name="why", kind="text", perspective="reader")))
    assert [e.tag for e in view if e.get("name") == "answer"] == ["TextArea"]


def test_the_turns_before_an_item_are_shown_only_where_there_are_any(task: Task) -> None:
    assert "$context" not in task_config(task)
    assert "$context" in task_config(task, context=True)


def test_the_task_hands_on_the_same_config(task: Task) -> None:
    assert task.label_studio_config() == task_config(task)


def test_no_label_may_be_called_none_of_these() -> None:
    taxonomy = Taxonomy(
        name="t", title="T", source="s", labels=(Label(id=NONE, tone_note="-"), Label(id="b", tone_note="-"))
    )
    with pytest.raises(DsbuildError, match=NONE):
        task_config(Task(name="t", kind="choice", taxonomy=taxonomy, perspective="writer"))
