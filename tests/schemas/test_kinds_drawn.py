"""The pages that Label Studio draws for each kind, beyond what the table of all kinds holds."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest

from schemas.errors import DsbuildError
from schemas.label_studio_config import NONE, OUTSIDE, SPAN, task_config
from schemas.task import Attribute, Task
from schemas.taxonomy import Label, Taxonomy
from tests.schemas.kinds import CASES, EKMAN


def page(kind: str, **options: Any) -> Element:
    return fromstring(task_config(CASES[kind].task, **options))


def test_a_level_is_stored_as_its_number_and_called_by_its_name() -> None:
    boxes = page("intensity").findall("Choices")[0]
    assert [(box.get("alias"), box.get("value")) for box in boxes] == [
        ("0", "0 not at all"),
        ("1", "1 weakly"),
        ("2", "2 strongly"),
    ]


@pytest.mark.parametrize("fields", [{"range": (0, 100), "step": 1}, {"range": (0, 1)}])
def test_many_points_are_a_number_field_with_the_bounds(fields: dict[str, Any]) -> None:
    task = Task(name="t", kind="scale", perspective="reader", **fields)
    (field,) = fromstring(task_config(task)).findall("Number")
    assert (field.get("min"), field.get("max")) == ("0", str(fields["range"][1]))
    assert field.get("step") == ("1" if "step" in fields else None)


def test_spans_in_the_item_only_need_no_turns() -> None:
    task = Task(name="t", kind="span", perspective="reader", where=("own",))
    view = fromstring(task_config(task, context=True))
    assert view.find("Paragraphs") is None
    assert [box.get("alias") for box in view.iter("Choice")] == [NONE]
    (turns_before,) = (text for text in view.findall("Text") if text.get("name") == "context")
    assert turns_before.get("value") == "$context"


def test_spans_elsewhere_only_are_not_marked_in_the_item() -> None:
    task = Task(name="t", kind="span", perspective="reader", where=("other",), taxonomy=EKMAN)
    view = fromstring(task_config(task))
    assert view.find("Labels") is None
    labels = view.find("ParagraphLabels")
    assert labels is not None
    assert [one.get("alias") for one in labels] == EKMAN.ids
    # A span outside would have to have a label, and a box cannot say which.
    assert [box.get("alias") for box in view.iter("Choice")] == [NONE]
    plain = fromstring(task_config(task.model_copy(update={"taxonomy": None})))
    assert [box.get("alias") for box in plain.iter("Choice")] == [OUTSIDE, NONE]


def test_blanks_count_in_spans_so_they_are_shown() -> None:
    style = page("span").find("Style")
    assert style is not None
    assert "white-space: pre-wrap" in (style.text or "")


@pytest.mark.parametrize(
    ("modality", "objects", "about"),
    [
        ("text", {"text": "$text"}, "text"),
        ("audio", {"audio": "$audio"}, "audio"),
        ("image", {"image": "$image"}, "image"),
        ("video", {"video": "$video", "audio": "$video"}, "audio"),
    ],
)
@pytest.mark.parametrize("kind", ["choice", "multi", "ranking", "intensity", "scale", "text", "open", "attributes"])
def test_the_question_is_about_what_is_shown(kind: str, modality: Any, objects: dict[str, str], about: str) -> None:
    view = page(kind, modality=modality)
    assert {e.get("name"): e.get("value") for e in view if e.get("value", "").startswith("$")} == objects
    assert {e.get("toName") for e in view if e.get("toName")} == {about}


def test_a_transcript_is_shown_beside_a_recording_where_it_is_wanted() -> None:
    names = [e.get("name") for e in page("choice", modality="audio", transcript=True) if e.get("value", "")[:1] == "$"]
    assert names == ["text", "audio"]


def test_a_trace_is_asked_for_in_stretches_of_a_recording() -> None:
    view = page("trace", modality="video")
    (stretches,), (value,) = view.findall("Labels"), view.findall("Number")
    assert [label.get("alias") for label in stretches] == [SPAN]
    assert (value.get("perRegion"), value.get("min"), value.get("max")) == ("true", "-1", "1")
    assert {stretches.get("toName"), value.get("toName")} == {"audio"}


def test_a_trace_of_a_text_is_refused_with_where_to_get_one() -> None:
    with pytest.raises(DsbuildError, match="a text has no time") as told:
        page("trace")
    assert "time: COLUMN" in (told.value.fix or "")


def test_a_trace_with_a_rate_is_refused_because_nothing_records_it() -> None:
    task = Task(name="arousal", kind="trace", perspective="evoked", range=(-1, 1), rate=2)
    with pytest.raises(DsbuildError, match="2 times a second"):
        task_config(task, modality="audio")


def test_two_candidates_are_shown_side_by_side_and_are_texts() -> None:
    shown = [e.get("value") for e in page("pairwise").findall("Text")]
    assert shown == ["$candidate_a", "$candidate_b"]
    with pytest.raises(DsbuildError, match="compared as texts"):
        page("pairwise", modality="audio")


def test_other_people_s_answers_are_shown_to_who_decides_between_them() -> None:
    for kind, case in CASES.items():
        names = [e.get("name") for e in fromstring(task_config(case.task, candidates=True, **case.config))]
        assert "candidates" in names, kind


@pytest.mark.parametrize("kind", ["choice", "multi", "ranking", "span"])
def test_no_label_may_be_called_as_what_stands_for_none(kind: Any) -> None:
    taxonomy = Taxonomy(
        name="t", title="T", source="s", labels=(Label(id=NONE, tone_note="-"), Label(id="b", tone_note="-"))
    )
    with pytest.raises(DsbuildError, match=NONE):
        task_config(Task(name="t", kind=kind, taxonomy=taxonomy, perspective="reader"))


def test_no_option_may_be_called_as_what_stands_for_none() -> None:
    options = Attribute(kind="multi", options=(NONE, "b"))
    with pytest.raises(DsbuildError, match=NONE):
        task_config(Task(name="t", kind="attributes", attributes={"x": options}, perspective="reader"))


@pytest.mark.parametrize("language", ["en", "mr", "hi-IN"])
@pytest.mark.parametrize("kind", list(CASES))
def test_every_page_is_in_the_language_of_the_session(kind: str, language: str) -> None:
    case = CASES[kind]
    english = task_config(case.task, language="en", **case.config)
    asked = task_config(case.task, language=language, **case.config)
    assert (asked == english) == (language == "en")
