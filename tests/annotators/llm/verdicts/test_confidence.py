"""The probability of an answer, from the log-probabilities of the tokens that spell it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.llm.reading import Good, read_answer
from schemas.task import Task
from schemas.taxonomy import load_taxonomy, parse_taxonomy

Tokens = list[tuple[str | bytes, float]]

EKMAN = load_taxonomy("ekman-neutral")
CHOICE = Task(name="main", kind="choice", taxonomy=EKMAN, perspective="reader")
MULTI = Task(name="emotion", kind="multi", taxonomy=EKMAN, perspective="reader")
SCALE = Task(name="valence", kind="scale", range=(-3, 3), step=1, perspective="reader")
MARATHI = Task(
    name="main",
    kind="choice",
    taxonomy=parse_taxonomy(
        {
            "name": "own",
            "title": "Own",
            "source": "made",
            "labels": [{"id": "आनंद", "tone_note": "made"}, {"id": 'a "b"\\é', "tone_note": "made"}],
        },
        "made",
    ),
    perspective="reader",
)


def body(tokens: Tokens, content: str | None = None) -> bytes:
    """A chat completion of these tokens with their probabilities; what is no UTF-8 by itself stands as U+FFFD."""
    raw = [token.encode() if isinstance(token, str) else token for token, _ in tokens]
    entries = [
        {"token": one.decode("utf-8", "replace"), "bytes": list(one), "logprob": math.log(p), "top_logprobs": []}
        for one, (_, p) in zip(raw, tokens, strict=True)
    ]
    said = b"".join(raw).decode() if content is None else content
    choice = {"message": {"content": said}, "finish_reason": "stop", "logprobs": {"content": entries}}
    return json.dumps({"choices": [choice]}).encode()


def sure(answer: bytes, *tasks: Task, extra: tuple[str, ...] = ()) -> tuple[float | None, ...]:
    found = read_answer(answer, tasks, extra, logprobs=True)
    assert isinstance(found, Good), found
    return found.confidence


def test_one_token_is_the_label() -> None:
    tokens: Tokens = [('{"', 0.9), ("label", 0.9), ('":', 0.9), (' "', 0.8), ("joy", 0.7), ('"}', 0.6)]
    assert sure(body(tokens), CHOICE) == pytest.approx((0.7,))


def test_a_label_split_over_tokens_is_their_product() -> None:
    tokens: Tokens = [('{"label":"', 0.5), ("sad", 0.8), ("ness", 0.9), ('"', 0.4), ("}", 0.3)]
    assert sure(body(tokens), CHOICE) == pytest.approx((0.72,))


def test_a_token_that_holds_a_quote_and_letters_counts() -> None:
    tokens: Tokens = [('{"label":', 0.5), ('"sad', 0.8), ('ness"', 0.9), ("}", 0.3)]
    assert sure(body(tokens), CHOICE) == pytest.approx((0.72,))


def test_letters_split_inside_their_bytes() -> None:
    word = "आनंद".encode()
    tokens = [('{"label":"', 0.5), (word[:2], 0.5), (word[2:7], 0.8), (word[7:], 0.9), ('"}', 0.1)]
    assert sure(body(tokens), MARATHI) == pytest.approx((0.36,))  # type: ignore[arg-type]


def test_escapes_are_spelt_by_the_tokens_of_the_escapes() -> None:
    tokens: Tokens = [
        ('{"label": "', 0.5),
        ("a ", 0.9),
        ('\\"', 0.8),
        ("b\\", 0.7),
        ('"', 0.9),
        ("\\\\", 0.9),
        ("\\u00", 0.6),
        ("e9", 0.9),
        ('"', 0.5),
        ("}", 0.5),
    ]
    assert sure(body(tokens), MARATHI) == pytest.approx((0.9 * 0.8 * 0.7 * 0.9 * 0.9 * 0.6 * 0.9,), abs=1e-6)


def test_of_several_labels_it_is_the_mean_and_none_of_them_is_the_brackets() -> None:
    two: Tokens = [('{"labels":["', 0.5), ("joy", 0.8), ('","', 0.5), ("fe", 0.5), ("ar", 0.8), ('"]}', 0.5)]
    assert sure(body(two), MULTI) == pytest.approx(((0.8 + 0.4) / 2,))
    assert sure(body([('{"labels":', 0.5), (" []", 0.9), ("}", 0.1)]), MULTI) == pytest.approx((0.9,))
    assert sure(body([('{"label":', 0.5), (" null", 0.9), ("}", 0.1)]), CHOICE) == pytest.approx((0.9,))
    assert sure(body([('{"value":', 0.5), (" -", 0.9), ("2", 0.5), ("}", 0.1)]), SCALE) == pytest.approx((0.45,))


def test_each_of_several_tasks_has_its_own_and_reasons_before_them_have_none() -> None:
    tokens: Tokens = [
        ('```json\n{"why": "', 0.1),
        ("joy", 0.1),
        ('", "main": {"label": "', 0.2),
        ("joy", 0.7),
        ('"}, "valence": {"value": ', 0.3),
        ("2", 0.6),
        ("}}", 0.4),
        ("\n```", 0.5),
    ]
    assert sure(body(tokens), CHOICE, SCALE, extra=("why",)) == pytest.approx((0.7, 0.6))


def test_what_the_server_counts_beside_the_answer_shifts_nothing() -> None:
    tokens: Tokens = [
        (" ", 0.1),
        ('{"label":"', 0.5),
        ("joy", 0.7),
        ('"}', 0.6),
        ("<end>", 0.9),
    ]
    assert sure(body(tokens, '{"label":"joy"}'), CHOICE) == pytest.approx((0.7,))


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        {},
        {"content": None},
        {"content": []},
        {"content": [{"token": "x"}]},
        {"content": [3]},
        "no",
        {"content": [{"token": "{}", "logprob": -0.1, "bytes": None}]},
        {"content": [{"token": '{"label":"joy"}', "logprob": 5.0, "bytes": None}]},
    ],
)
def test_where_a_server_gives_none_or_other_ones_nobody_knows(logprobs: Any) -> None:
    choice = {"message": {"content": '{"label":"joy"}'}, "finish_reason": "stop", "logprobs": logprobs}
    assert sure(json.dumps({"choices": [choice]}).encode(), CHOICE) == (None,)


def test_nobody_asked_nobody_knows() -> None:
    found = read_answer(body([('{"label":"', 0.5), ("joy", 0.7), ('"}', 0.6)]), [CHOICE], [])
    assert isinstance(found, Good)
    assert found.confidence == ()


@given(st.data(), st.sampled_from(EKMAN.ids), st.sampled_from(["", "  ", "\n"]))
def test_however_it_is_split_it_is_the_product_over_the_tokens_that_touch_the_label(
    data: st.DataObject, label: str, blank: str
) -> None:
    content = f'{{"label":{blank}"{label}"}}'.encode()
    cuts = sorted(data.draw(st.sets(st.integers(1, len(content) - 1))))
    parts = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    ps = data.draw(st.lists(st.floats(0.05, 1), min_size=len(parts), max_size=len(parts)))
    first = content.index(label.encode(), content.index(b":"))
    expected, at = 1.0, 0
    for part, p in zip(parts, ps, strict=True):
        if at < first + len(label) and at + len(part) > first:
            expected *= p
        at += len(part)
    assert sure(body(list(zip(parts, ps, strict=True))), CHOICE) == pytest.approx((expected,), abs=1e-6)


def test_as_a_real_server_said_it() -> None:
    """llama.cpp on Gemma 3: a blank before the answer and white space after it are tokens too, the last one empty."""
    tokens: Tokens = [
        (' {"', 0.999), ("labels", 1.0), ('":', 1.0), (' ["', 0.998), ("dis", 0.215), ("gust", 0.967), ('"]}', 0.742),
        ("\n\n", 0.956), ("    ", 1e-9), ("    ", 0.002), ("", 1e-9),
    ]  # fmt: skip
    assert sure(body(tokens, '{"labels": ["disgust"]}'), MULTI) == pytest.approx((0.215 * 0.967,))
