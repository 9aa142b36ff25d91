"""Config, prediction, result and Answer of each kind; the results are what the pages of Label Studio 1.23 stored."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.label_studio.question import Question
from annotators.label_studio.wire import parse_result, prediction
from schemas.kinds.registry import KINDS
from schemas.label_studio_config import NONE, OUTSIDE, SPAN, task_config
from schemas.task import Answer, Span, Task
from schemas.taxonomy import Label, Taxonomy

THREE = Taxonomy(
    name="three",
    title="Three",
    source="this test",
    exclusive=("neutral",),
    labels=tuple(Label(id=id, tone_note="a test") for id in ("joy", "fear", "neutral")),
)
DATA = {
    "dsbuild_id": "d-3",
    "dsbuild_hash": "h",
    "text": "😀😀 They closed the whole office.",
    "context": "",
    "candidate_a": "one",
    "candidate_b": "two",
    "turns": [
        {"item_id": "d-1", "speaker": "A", "text": "😀 I lost my job today."},
        {"item_id": "d-2", "speaker": "B", "text": "Oh no! What happened then?"},
    ],
}
LEVELS = {"taxonomy": THREE, "levels": ("none", "some", "much")}
ATTRIBUTES = {
    "scene": {"kind": "choice", "options": ["airport", "beach"]},
    "things": {"kind": "multi", "options": ["sun", "dog", "cat"]},
    "light": {"kind": "scale", "range": [0, 1]},
}


def _boxes(*boxes: str, name: str = "answer", about: str = "text") -> dict[str, Any]:
    return {"from_name": name, "to_name": about, "type": "choices", "value": {"choices": list(boxes)}}


def _number(value: float, name: str = "answer", about: str = "text", **more: Any) -> dict[str, Any]:
    return {"from_name": name, "to_name": about, "type": "number", "value": {**more, "number": value}}


def _words(*words: str) -> dict[str, Any]:
    return {"from_name": "answer", "to_name": "text", "type": "textarea", "value": {"text": list(words)}}


def _own(start: int, end: int, text: str, label: str = SPAN) -> dict[str, Any]:
    value = {"start": start, "end": end, "text": text, "labels": [label]}
    return {"from_name": "answer", "to_name": "text", "type": "labels", "value": value}


def _turn(turn: str, start: int, last: str, end: int, text: str, label: str = SPAN) -> dict[str, Any]:
    value = {"start": turn, "end": last, "startOffset": start, "endOffset": end, "text": text}
    value |= {"paragraphlabels": [label]}
    return {"from_name": "answer_turns", "to_name": "turns", "type": "paragraphlabels", "value": value}


def _stretch(id: str, start: float, end: float, value: float) -> list[dict[str, Any]]:
    where = {"start": start, "end": end}
    marked = {"from_name": "answer", "to_name": "audio", "type": "labels", "value": where | {"labels": [SPAN]}}
    return [{"id": id} | marked, {"id": id} | _number(value, "answer_value", "audio", **where)]


LOST = Span("d-1", 4, 15, None, "lost my job")
CASES: list[tuple[str, dict[str, Any], list[dict[str, Any]], Answer]] = [
    ("choice", {"taxonomy": THREE}, [_boxes("fear")], Answer(labels=["fear"])),
    ("choice", {"taxonomy": THREE}, [_boxes(NONE)], Answer(labels=[])),
    ("multi", {"taxonomy": THREE}, [_boxes("joy", "fear")], Answer(labels=["joy", "fear"])),
    ("multi", {"taxonomy": THREE, "most": 2}, [_boxes(NONE)], Answer(labels=[])),
    (
        "ranking",
        {"taxonomy": THREE},
        [_number(1, "answer_2"), _number(2, "answer_1")],
        Answer(labels=["fear", "joy"], scores=[1.0, 2.0]),
    ),
    (
        "ranking",
        {"taxonomy": THREE},
        [_number(1, "answer_1"), _number(1, "answer_2")],
        Answer(labels=["joy", "fear"], scores=[1.0, 1.0]),
    ),
    ("ranking", {"taxonomy": THREE}, [_boxes(NONE, name="answer_else")], Answer(labels=[], scores=[])),
    (
        "intensity",
        LEVELS,
        [_boxes("2", name="answer_1"), _boxes("0", name="answer_2"), _boxes("1", name="answer_3")],
        Answer(labels=["joy", "fear", "neutral"], scores=[2.0, 0.0, 1.0]),
    ),
    (
        "intensity",
        {"taxonomy": THREE, "range": (0, 100)},
        [_number(99.5, "answer_1"), _number(0, "answer_2"), _number(3, "answer_3")],
        Answer(labels=["joy", "fear", "neutral"], scores=[99.5, 0.0, 3.0]),
    ),
    ("scale", {"range": (1, 7), "step": 1}, [_boxes("5")], Answer(value=5.0)),
    ("scale", {"range": (-1, 1), "step": 0.25}, [_boxes("-0.25")], Answer(value=-0.25)),
    ("scale", {"range": (0, 100)}, [_number(37.5)], Answer(value=37.5)),
    (
        "span",
        {},
        [_turn("0", 5, "0", 16, "lost my job"), _own(8, 18, "closed the")],
        Answer(spans=[LOST, Span("d-3", 8, 18, None, "closed the")]),
    ),
    (
        "span",
        {"taxonomy": THREE},
        [_turn("1", 0, "1", 5, "Oh no", "fear"), _own(3, 7, "They", "joy")],
        Answer(spans=[Span("d-2", 0, 5, "fear", "Oh no"), Span("d-3", 3, 7, "joy", "They")]),
    ),
    ("span", {}, [_boxes(NONE, name="answer_else")], Answer(spans=[])),
    (
        "span",
        {"where": ("other",)},
        [_turn("0", 5, "0", 16, "lost my job"), _boxes(OUTSIDE, name="answer_else")],
        Answer(spans=[LOST, Span(None)]),
    ),
    ("text", {}, [_words("It says\nso 😀.")], Answer(text="It says\nso 😀.")),
    (
        "trace",
        {"range": (-1, 1)},
        [*_stretch("t0", 0.5, 1.5, -0.5), *_stretch("t1", 2.5, 3.5, 0.75)],
        Answer(trace=[(1.0, -0.5), (3.0, 0.75)]),
    ),
    ("open", {}, [_words("Relief", "दुःख")], Answer(labels=["relief", "दुःख"], originals=["Relief", "दुःख"])),
    ("open", {"most": 1}, [_boxes(NONE, name="answer_else")], Answer(labels=[], originals=[])),
    ("pairwise", {}, [_boxes("tie", about="candidate_a")], Answer(labels=["tie"])),
    (
        "attributes",
        {"attributes": ATTRIBUTES},
        [_boxes("beach", name="answer_1"), _boxes("sun", "cat", name="answer_2"), _number(0.4, "answer_3")],
        Answer(labels=["scene:beach", "things:sun", "things:cat", "light"], scores=[None, None, None, 0.4]),
    ),
    (
        "attributes",
        {"attributes": ATTRIBUTES},
        [_boxes(NONE, name="answer_1"), _boxes(NONE, name="answer_2"), _number(0, "answer_3")],
        Answer(labels=["light"], scores=[0.0]),
    ),
]


def _task(kind: str, fields: dict[str, Any]) -> Task:
    return Task.model_validate({"name": "asked", "kind": kind, "perspective": "reader"} | fields)


def test_every_kind_is_here() -> None:
    assert {kind for kind, *_ in CASES} == set(KINDS)


@pytest.mark.parametrize(("kind", "fields", "result", "answer"), CASES)
def test_what_a_page_stores_is_read_and_written_by_the_controls_it_is_drawn_with(
    kind: str, fields: dict[str, Any], result: list[dict[str, Any]], answer: Answer
) -> None:
    task = _task(kind, fields)
    modality: Any = "audio" if kind == "trace" else "text"
    question = Question.of(task)
    assert parse_result(question, [{"origin": "manual", "id": "x"} | region for region in result], DATA) == answer
    shown = prediction(question, answer, version="gpt", data=DATA, modality=modality)
    assert shown["model_version"] == "gpt"
    assert [_bare(region) for region in shown["result"]] == [_bare(region) for region in result]
    assert parse_result(question, shown["result"], DATA) == answer
    drawn = {
        element.get("name"): (element.tag.lower(), element.get("toName"))
        for element in ElementTree.fromstring(task_config(task, modality=modality)).iter()
    }
    for region in result:
        assert drawn[region["from_name"]] == (region["type"], region["to_name"])


@pytest.mark.parametrize(("kind", "fields", "result", "answer"), CASES)
def test_label_studios_own_check_takes_the_prediction(
    kind: str, fields: dict[str, Any], result: list[dict[str, Any]], answer: Answer
) -> None:
    interface = pytest.importorskip("label_studio_sdk.label_interface").LabelInterface
    task = _task(kind, fields)
    modality: Any = "audio" if kind == "trace" else "text"
    shown = prediction(Question.of(task), answer, version="gpt", data=DATA, modality=modality)
    assert interface(task_config(task, modality=modality)).validate_prediction(shown, return_errors=True) == []


def _bare(region: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in region.items() if key not in ("id", "origin")}


@pytest.mark.parametrize(
    ("kind", "fields", "result", "reason"),
    [
        ("multi", {"taxonomy": THREE, "most": 1}, [_boxes("joy", "fear")], "at most 1"),
        ("ranking", {"taxonomy": THREE}, [_number(2, "answer_1")], "no label was ranked first"),
        ("ranking", {"taxonomy": THREE}, [_number(1.5, "answer_1")], "1.5 is no rank"),
        ("ranking", {"taxonomy": THREE}, [_number(4, "answer_1")], "4 is no rank"),
        ("ranking", {"taxonomy": THREE}, [_number(1, "answer_4")], "another question"),
        (
            "ranking",
            {"taxonomy": THREE, "most": 1},
            [_number(1, "answer_1"), _number(2, "answer_2")],
            "at most 1",
        ),
        ("ranking", {"taxonomy": THREE}, [_number(1, "answer_3"), _number(2, "answer_1")], "cannot stand beside"),
        (
            "ranking",
            {"taxonomy": THREE},
            [_number(1, "answer_1"), _boxes(NONE, name="answer_else")],
            "none of these was ticked beside ranks",
        ),
        ("intensity", LEVELS, [_boxes("2", name="answer_1")], "no level was given for 'fear'"),
        ("intensity", LEVELS, [_boxes("3", name="answer_1")], "outside 0..2"),
        ("scale", {"range": (1, 7), "step": 1}, [_boxes("8")], "outside 1..7"),
        ("scale", {"range": (1, 7), "step": 1}, [_boxes("3", "4")], "more than one number"),
        ("scale", {"range": (1, 7), "step": 1}, [_boxes("much")], "'much' is no number"),
        ("scale", {"range": (0, 100)}, [_number(101)], "outside 0..100"),
        ("scale", {"range": (0, 100)}, [_number(True)], "no value"),
        ("scale", {"range": (0, 100)}, [_number(float("nan"))], "no value"),
        ("scale", {"range": (0, 100)}, [_number(1), _number(2)], "answered twice"),
        ("span", {}, [_own(8, 18, "closed it!")], "do not stand at their place"),
        ("span", {}, [_own(8, 80, "closed")], "do not stand at their place"),
        ("span", {}, [_own(8, 8, "")], "do not stand at their place"),
        ("span", {}, [_own(8, 18, "closed the"), _own(8, 18, "closed the")], "marked twice"),
        ("span", {}, [_turn("2", 0, "2", 3, "Who")], "turn 2 was marked, but there are 2"),
        ("span", {}, [_turn("1", 0, "0", 3, "Who")], "do not stand at their place"),
        ("span", {"taxonomy": THREE}, [_own(3, 7, "They", "glee")], "'glee' is no label"),
        ("span", {"taxonomy": THREE}, [_own(3, 7, "They")], "is no label"),
        ("span", {"taxonomy": THREE}, [_boxes(OUTSIDE, name="answer_else")], "is no label"),
        ("span", {"where": ("own",)}, [_turn("1", 0, "1", 5, "Oh no")], "another turn was marked"),
        ("span", {"where": ("other",)}, [_own(3, 7, "They")], "the text itself was marked"),
        ("span", {}, [_own(3, 7, "They"), _boxes(NONE, name="answer_else")], "none of these was ticked beside"),
        ("span", {"most": 1}, [_own(3, 7, "They"), _own(8, 14, "closed")], "at most 1"),
        ("text", {}, [_words(" ")], "empty"),
        ("trace", {"range": (-1, 1)}, _stretch("t0", 0.5, 1.5, -2), "outside -1..1"),
        ("trace", {"range": (-1, 1)}, _stretch("t0", 1.5, 0.5, 0), "ends before it begins"),
        ("trace", {"range": (-1, 1)}, _stretch("t0", 0.5, 1.5, 0)[:1], "a stretch has no number"),
        ("trace", {"range": (-1, 1)}, _stretch("t0", 0.5, 1.5, 0)[1:], "belongs to no stretch"),
        (
            "trace",
            {"range": (-1, 1)},
            [*_stretch("t0", 0, 2, 0), *_stretch("t1", 0.5, 1.5, 0)],
            "must be in order",
        ),
        ("open", {"most": 1}, [_words("joy", "fear")], "at most 1"),
        ("open", {}, [_words("  ")], "nothing was ticked or written"),
        ("open", {}, [_words("joy"), _boxes(NONE, name="answer_else")], "none of these was ticked beside words"),
        ("pairwise", {"ties": False}, [_boxes("tie")], "'tie' is no label"),
        ("pairwise", {}, [_boxes("a", "b")], "more than one label"),
        ("pairwise", {}, [_boxes(NONE)], "is no label"),
        (
            "attributes",
            {"attributes": ATTRIBUTES},
            [_boxes("beach", name="answer_1")],
            "nothing was said about 'things'",
        ),
        ("attributes", {"attributes": ATTRIBUTES}, [_boxes("sea", name="answer_1")], "'sea' is no option of 'scene'"),
        (
            "attributes",
            {"attributes": ATTRIBUTES},
            [_boxes("airport", "beach", name="answer_1")],
            "more than one option of 'scene'",
        ),
        *((kind, fields, [], "nothing was ticked or written") for kind, fields, *_ in CASES),
        *((kind, fields, [_boxes("x", name="other")], "another question") for kind, fields, *_ in CASES),
    ],
)
def test_what_does_not_answer_the_question_is_turned_down_with_the_reason(
    kind: str, fields: dict[str, Any], result: list[dict[str, Any]], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_result(Question.of(_task(kind, fields)), result, DATA)


@pytest.mark.parametrize(
    ("kind", "fields", "answer"),
    [
        ("choice", {"taxonomy": THREE}, Answer(labels=["joy", "fear"], scores=[0.6, 0.4])),
        ("ranking", {"taxonomy": THREE}, Answer(text="joy")),
        ("intensity", LEVELS, Answer(labels=["joy"], scores=[1.0], asked=["joy"])),
        ("scale", {"range": (0, 1)}, Answer(value=2.0)),
        ("scale", {"range": (0, 1)}, Answer()),
        ("span", {}, Answer(spans=[Span("elsewhere", 0, 2, None, "Oh")])),
        ("span", {}, Answer(spans=[Span("d-3", 0, 4, None, "They")])),
        ("span", {"taxonomy": THREE}, Answer(spans=[Span(None, label="joy")])),
        ("trace", {"range": (-1, 1)}, Answer(trace=[(0.0, 0.5)])),
        ("trace", {"range": (-1, 1)}, Answer(trace=[(1.0, 5.0)])),
        ("open", {"most": 1}, Answer(labels=["joy", "fear"])),
        ("pairwise", {}, Answer(labels=[])),
        ("attributes", {"attributes": ATTRIBUTES}, Answer(labels=["scene:beach"], asked=["scene"])),
    ],
)
def test_a_suggestion_that_the_page_cannot_show_is_left_out(kind: str, fields: dict[str, Any], answer: Answer) -> None:
    modality: Any = "audio" if kind == "trace" else "text"
    with pytest.raises(ValueError, match=r"."):
        prediction(Question.of(_task(kind, fields)), answer, version="gpt", data=DATA, modality=modality)


def test_one_mark_over_several_turns_is_a_span_in_each() -> None:
    # What lies between two turns on the page is part of the quote.
    region = _turn("0", 17, "1", 5, "today.\n00:00:00 - 00:00:00\nOh no")
    assert parse_result(Question.of(_task("span", {})), [region], DATA).spans == [
        Span("d-1", 16, 22, None, "today."),
        Span("d-2", 0, 5, None, "Oh no"),
    ]


def test_the_quote_decides_where_a_server_counts_in_another_way() -> None:
    question = Question.of(_task("span", {}))
    for region in (_own(8, 18, "closed the"), _own(10, 20, "closed the")):
        assert parse_result(question, [region], DATA).spans == [Span("d-3", 8, 18, None, "closed the")]
    for region in (_turn("0", 5, "0", 16, "lost my job"), _turn("0", 4, "0", 15, "lost my job")):
        assert parse_result(question, [region], DATA).spans == [LOST]


def test_a_span_of_which_only_the_turn_is_known_is_shown_as_the_whole_turn() -> None:
    question = Question.of(_task("span", {}))
    shown = prediction(question, Answer(spans=[Span("d-2")]), version="gpt", data=DATA)
    assert parse_result(question, shown["result"], DATA).spans == [Span("d-2", 0, 26, None, DATA["turns"][1]["text"])]


@given(st.text(min_size=1, max_size=12), st.data())
def test_offsets_come_back_whatever_the_characters(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    question = Question.of(_task("span", {}))
    page = DATA | {"text": text, "turns": [{"item_id": "d-1", "speaker": "A", "text": text}]}
    spans = [Span(item, start, end, None, text[start:end]) for item in ("d-1", "d-3")]
    shown = prediction(question, Answer(spans=spans), version="gpt", data=page)
    assert parse_result(question, shown["result"], page).spans == spans


@pytest.mark.parametrize(
    ("kind", "fields", "change"),
    [
        ("multi", {"taxonomy": THREE}, {"most": 2}),
        ("scale", {"range": (0, 1)}, {"range": (0, 2)}),
        ("scale", {"range": (0, 1)}, {"step": 0.5}),
        ("scale", {"levels": ("low", "high")}, {"levels": ("high", "low")}),
        ("span", {}, {"where": ("own",)}),
        ("span", {}, {"most": 1}),
        ("pairwise", {}, {"ties": False}),
        ("trace", {"range": (0, 1)}, {"range": (-1, 1)}),
        (
            "attributes",
            {"attributes": ATTRIBUTES},
            {"attributes": ATTRIBUTES | {"light": {"kind": "scale", "range": [0, 2]}}},
        ),
        ("attributes", {"attributes": ATTRIBUTES}, {"attributes": dict(reversed(ATTRIBUTES.items()))}),
        (
            "intensity",
            LEVELS,
            {"taxonomy": THREE.model_copy(update={"labels": tuple(reversed(THREE.labels))})},
        ),
        (
            "ranking",
            {"taxonomy": THREE},
            {"taxonomy": THREE.model_copy(update={"labels": tuple(reversed(THREE.labels))})},
        ),
    ],
)
def test_what_the_meaning_of_an_answer_hangs_on_makes_another_question(
    kind: str, fields: dict[str, Any], change: dict[str, Any]
) -> None:
    assert Question.of(_task(kind, fields)).hash != Question.of(_task(kind, fields | change)).hash


@pytest.mark.parametrize(("kind", "fields"), [(kind, fields) for kind, fields, *_ in CASES])
def test_a_question_that_was_kept_still_reads_its_answers(kind: str, fields: dict[str, Any]) -> None:
    question = Question.of(_task(kind, fields))
    kept = Question.from_json(question.to_json())
    assert kept == question
    assert kept.as_task().label_ids == _task(kind, fields).label_ids
    assert Question.of(kept.as_task()).hash == question.hash
