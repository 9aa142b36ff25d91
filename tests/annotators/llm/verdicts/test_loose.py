"""A plain-text answer is read loosely, and only where it can mean one thing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.llm.reading import Bad, Good, read_answer
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EKMAN = load_taxonomy("ekman-neutral")
CHOICE = Task(name="main_emotion", kind="choice", taxonomy=EKMAN, perspective="reader")
MULTI = Task(name="emotion", kind="multi", taxonomy=EKMAN, perspective="reader")
SCALE = Task(name="valence", kind="scale", range=(-3, 3), step=1, perspective="reader")
LABELS = st.sampled_from(EKMAN.ids)
CASES = st.sampled_from([str, str.upper, str.title])


def read(text: str, task: Task = CHOICE, form: str = "text", extra: tuple[str, ...] = ()) -> Good | Bad:
    message = {"role": "assistant", "content": text}
    return read_answer(
        json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode(), [task], extra, form=form
    )


def meant(text: str, task: Task = CHOICE) -> Any:
    """What is read, null where nothing is."""
    found = read(text, task)
    if isinstance(found, Bad):
        assert found.reason == "invalid"
        assert found.raw == text
        return None
    (answer,) = found.answers
    assert not isinstance(answer, Bad)
    return answer.value if task.kind == "scale" else answer.labels


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"label": "joy"}\n```',
        'Sure! Here it is: {"label": "joy"} I hope this helps.',
        '{"label": "joy",}',
        "{'label': 'joy'}",
        "{label: joy}",
        "{“label”: “joy”}",
        '<think>{"label": "fear"}, or not?</think>{"label": "joy",}',
        "joy",
        "  Joy. ",
        "**joy**",
        "`joy`",
        "```\njoy\n```",
        "Label: joy",
        "label = joy",
        "main_emotion: joy",
        "**Label:** Joy",
        "The emotion is joy.",
        "Emotion: joy\n\nThe writer is glad, and neither sad nor angry.",
        "It is not sadness.\nFinal answer: joy",
        "- Label: joy\n- label: JOY",
    ],
)
def test_what_can_only_mean_one_label_is_that_label(text: str) -> None:
    assert meant(text) == ["joy"]


@pytest.mark.parametrize(
    "text",
    [
        "joy or sadness",
        "joy, sadness",
        "Label: joy or sadness",
        "Label: joy\nLabel: sadness",
        "not joy",
        "Label: not joy",
        "The emotion is not joy.",
        "The label is joy, not anger.",
        "It is neither joy nor fear.",
        "I would love to help; there is joy in it.",
        "Choose one of: anger, disgust, fear, joy, sadness, surprise, neutral",
        "Labels:\n- anger\n- disgust\n- fear\n- joy\n- sadness\n- surprise\n- neutral",
        "joyful-ish",
        "",
        "Label:",
        "3",
        '{"label": "joy"} {"label": "fear"}',
        '{"label": "joy", "label": "fear"}',
        "{'label': 'joy', 'label': 'fear'}",
        '{"label": "joy" "fear"}',
        '{"label": "joy or fear"}',
        "{'label': 'it's joy'}",
        '{"label": "joy',
    ],
)
def test_what_could_mean_two_things_or_none_is_invalid(text: str) -> None:
    assert meant(text) is None


def test_null_is_an_answer_and_no_label_is_not() -> None:
    assert meant("{'label': None,}") == []
    assert meant("none of these") is None


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("joy, fear", ["joy", "fear"]),
        ("Labels: joy and fear", ["joy", "fear"]),
        ("- joy\n- fear\n", ["joy", "fear"]),
        ("{'labels': ['joy', 'fear',]}", ["joy", "fear"]),
        ("{labels: [joy, fear]}", ["joy", "fear"]),
        ("{'labels': []}", []),
        ("joy, maybe fear", None),
        ("no joy, no fear", None),
        ("anger, disgust, fear, joy, sadness, surprise, neutral", None),
    ],
)
def test_a_list_of_nothing_but_labels_answers_a_multi(text: str, labels: list[str] | None) -> None:
    assert meant(text, MULTI) == labels


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2.0), ("-2", -2.0), ("Value: -2", -2.0), ("The score is 3.", 3.0), ("about 2", None), ("2 or 3", None),
     ("2.5", None), ("7", None), ("{'value': 1,}", 1.0)],
)  # fmt: skip
def test_a_number_alone_answers_a_scale(text: str, value: float | None) -> None:
    assert meant(text, SCALE) == value


@pytest.mark.parametrize("form", ["json_schema", "json_object"])
@pytest.mark.parametrize("text", ["joy", "Label: joy", "{'label': 'joy'}", '{"label": "joy",}', "{label: joy}"])
def test_what_was_asked_for_as_json_is_read_strictly(text: str, form: str) -> None:
    assert isinstance(read(text, form=form), Bad)
    assert isinstance(read(text), Good)


def test_a_bare_label_says_nothing_about_the_reasons_that_were_asked_for() -> None:
    assert isinstance(read("joy", extra=("reasoning",)), Bad)
    assert isinstance(read("{'reasoning': 'glad', 'label': 'joy'}", extra=("reasoning",)), Good)


@given(LABELS, CASES, st.sampled_from(["{}", "Label: {}", "The answer is {}.", "**{}**", "> {}", "{{'label': '{}',}}"]))
def test_any_label_in_any_of_these_forms_is_read(label: str, case: Any, form: str) -> None:
    assert meant(form.format(case(label))) == [label]


@given(LABELS, LABELS, st.sampled_from([" or ", ", ", " and ", " / ", " rather than ", ", not ", "\n", " "]))
def test_two_labels_are_never_one(first: str, second: str, between: str) -> None:
    if first != second:
        assert meant(f"{first}{between}{second}") is None
        assert meant(f"Label: {first}\nAnswer: {second}") is None


@given(LABELS, st.sampled_from(["not {}", "Label: not {}", "no {}", "never {}", "It isn't {}", "anything but {}"]))
def test_a_negated_label_is_none(label: str, form: str) -> None:
    assert meant(form.format(label)) is None


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_never_breaks(text: str) -> None:
    for task in (CHOICE, MULTI, SCALE):
        found = read(text, task)
        assert isinstance(found, Good | Bad)
        if isinstance(found, Good) and task is CHOICE and "{" not in text:
            assert EKMAN.resolve(found.answers[0].labels[0]) is not None  # type: ignore[union-attr,index]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8).filter(lambda one: one.isprintable()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
        max_leaves=8,
    )
)
def test_sound_json_is_read_loosely_as_it_is_read_strictly(value: Any) -> None:
    from annotators.llm.verdicts.loose import loose_object

    text = json.dumps({"x": value}, ensure_ascii=False)
    assert loose_object(text, 0) == ({"x": value}, len(text))
