"""Reading what a model answered: from the server's JSON to a checked answer to each task, or the reason why not.

Pure functions of the stored bytes: a better parser here reads old answers again, nothing is asked anew for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from schemas.task import Answer, Shown, Task

Reason = Literal[
    "invalid",
    "truncated",
    "refused",
    "http",
    "deadline",
    "no_text",
    "no_candidates",
    "nothing_seen",
    "no_media",
    "media_missing",
    "media_outside",
    "media_too_large",
    "media_type",
    "media_changed",
    "media_empty",
]

# What servers call it when they, and not the model's own end or its limit, stop an answer.
_STOPPED = frozenset({"content_filter", "refusal", "safety"})


@dataclass(frozen=True)
class Reply:
    """What the model said: its `content`, why it stopped, its `refusal` if it refused, and tokens as counted by the
    server (null where it did not)."""

    content: str | None
    finish_reason: str | None
    refusal: str | None
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True)
class Good:
    """A usable answer: one for each task, in the tasks' order, and the text fields a strategy asked for beside them.

    Of several tasks some may have failed: there stands why, and `complete` is false. `confidence` is how probable each
    answer was to the model, null where nobody knows; empty where nobody asked.
    """

    answers: tuple[Answer | Bad, ...]
    extra: dict[str, str]
    confidence: tuple[float | None, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class Bad:
    """An unusable answer: why, in words the model can use to repair it, and what it said."""

    reason: Reason
    detail: str
    raw: str


@lru_cache(maxsize=1024)  # read once for its tokens when it comes, and once for its answer soon after
def read_reply(body: bytes) -> Reply | None:
    """The parts of a chat completion that matter; null if `body` is none."""
    try:
        completion = json.loads(body)
        choice = completion["choices"][0]
        message = choice["message"]
        usage = completion.get("usage") or {}
        content, refusal = message.get("content"), message.get("refusal")
        if not isinstance(content, str) or not content:
            content = _elsewhere(message)
        finish = choice.get("finish_reason")
        tokens = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    prompt, answer = (count if isinstance(count, int) and count >= 0 else None for count in tokens)
    return Reply(
        _whole(content) if isinstance(content, str) else None,
        finish if isinstance(finish, str) else None,
        _whole(refusal) if isinstance(refusal, str) and refusal else None,
        prompt,
        answer,
    )


def _elsewhere(message: dict[str, Any]) -> str | None:
    """The answer where it is no plain content: in a tool call's arguments, or in parts."""
    for call in message.get("tool_calls") or ():
        arguments = call["function"]["arguments"]
        return arguments if isinstance(arguments, str) else json.dumps(arguments)
    parts = message.get("content")
    if not isinstance(parts, list):
        return None
    return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def _whole(text: str) -> str:
    """`text` with halves of characters, which no file can hold, replaced; the store keeps the answer as it came."""
    return text.encode("utf-8", "replace").decode("utf-8")


def read_answer(
    body: bytes,
    tasks: Sequence[Task],
    extra: Sequence[str],
    shown: Shown | None = None,
    *,
    form: str = "json_schema",
    logprobs: bool = False,
) -> Good | Bad:
    """What the body of a 200 answer says about `tasks`, beside the text fields `extra`; quotes are looked up in what
    was `shown`.

    `form` is the response format that was asked for: only what was asked for as plain "text" is read loosely (see
    `annotators.llm.verdicts.loose`). With `logprobs` the answer has its confidence. One task of several that fails is
    a `Bad` beside the others' answers; if all of them fail, or a text field is missing, the whole is.
    """
    reply = read_reply(body)
    if (wrong := unusable(reply, body)) is not None:
        return wrong
    raw = reply.content or "" if reply is not None else ""
    try:
        fields, start = _loosely(raw, tasks, extra) if form == "text" else _object_in(raw)
    except ValueError as error:
        return Bad("invalid", str(error), raw)
    found = read_fields(fields, raw, tasks, extra, shown)
    if logprobs and start >= 0 and isinstance(found, Good):
        return replace(found, confidence=_confidence(body, raw, start, tasks))
    return found


def unusable(reply: Reply | None, body: bytes) -> Bad | None:
    """Why a server's answer holds nothing to be read, whatever was asked; null where it does."""
    if reply is None:
        return Bad("invalid", "the server's answer is not a chat completion", body.decode("utf-8", "replace"))
    raw = reply.content or ""
    if reply.refusal is not None:
        return Bad("refused", "the model refused", reply.refusal)
    if reply.finish_reason in _STOPPED:
        return Bad("refused", "the server's content filter stopped the answer", raw)
    if reply.finish_reason == "length":
        return Bad("truncated", "the answer was cut off: it is longer than max_tokens allows", raw)
    return None


def read_fields(
    fields: dict[str, Any], raw: str, tasks: Sequence[Task], extra: Sequence[str], shown: Shown | None
) -> Good | Bad:
    """What an answer's object says about `tasks`; `raw` is the answer as it was."""
    try:
        beside = {name: _text(fields, name) for name in extra}
        if len(tasks) == 1:
            return Good((tasks[0].parse(fields, shown),), beside)
    except ValueError as error:
        return Bad("invalid", str(error), raw)
    answers = tuple(_answer(fields, task, raw, shown) for task in tasks)
    failed = [answer for answer in answers if isinstance(answer, Bad)]
    if failed and len(failed) == len(tasks):
        return Bad("invalid", "; ".join(answer.detail for answer in failed), raw)
    return Good(answers, beside, complete=not failed)


def _answer(fields: dict[str, Any], task: Task, raw: str, shown: Shown | None) -> Answer | Bad:
    # Several tasks answer in an object each, under the task's name.
    try:
        part = fields.get(task.name)
        if not isinstance(part, dict):
            raise ValueError("it must hold an object")
        return task.parse(part, shown)
    except ValueError as error:
        return Bad("invalid", f'under the key "{task.name}": {error}', raw)


def _confidence(body: bytes, raw: str, start: int, tasks: Sequence[Task]) -> tuple[float | None, ...]:
    from annotators.llm.verdicts.confidence import confidences

    return confidences(json.loads(body)["choices"][0].get("logprobs"), raw, start, tasks)


def one_object(text: str) -> dict[str, Any]:
    """The one JSON object in `text`; reasoning in <think> tags and a Markdown fence around it do not matter.

    Raises:
        ValueError: there is none, it is broken, or there is more than one: which of them is meant is not guessed.
    """
    return _object_in(text)[0]


def _object_in(text: str) -> tuple[dict[str, Any], int]:
    """The one object, and where it begins."""
    start = text.find("{", thought(text))
    if start < 0:
        raise ValueError("there is no JSON object in the answer")
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"the JSON is broken: {error.msg} at character {error.pos - start}") from error
    return _whole_object(value, text[end:], "\\u" in text), start


def thought(text: str) -> int:
    """Where the answer begins behind a reasoning in <think> tags."""
    match = _THOUGHT.match(text)
    return 0 if match is None else match.end()


def _whole_object(value: Any, rest: str, escaped: bool = True) -> dict[str, Any]:
    if "{" in rest:
        raise ValueError("there is more than one JSON object in the answer")
    if not isinstance(value, dict):
        raise ValueError("the answer is not a JSON object")
    try:
        if escaped:  # without an escape there is none, for the content itself was made whole
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("the answer holds half of a character (a lone surrogate)") from error
    return value


def _loosely(text: str, tasks: Sequence[Task], extra: Sequence[str]) -> tuple[dict[str, Any], int]:
    """What a plain-text answer says, and where its JSON begins (-1 where it holds none that is sound)."""
    from annotators.llm.verdicts.loose import bare_answer, loose_object

    start = text.find("{", thought(text))
    if start >= 0:
        try:
            return _object_in(text)
        except ValueError as strict:
            try:
                value, end = loose_object(text, start)
            except ValueError:
                raise strict from None
            return _whole_object(value, text[end:]), -1
    if len(tasks) > 1 or extra:
        raise ValueError("there is no JSON object in the answer")
    return bare_answer(text[thought(text) :], tasks[0]), -1


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands in the JSON object twice")
    return fields


_DECODER = json.JSONDecoder(object_pairs_hook=_no_doubles)
_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'the key "{name}" must hold a text')
    return value.strip()


def answer_schema(tasks: Sequence[Task], extra: Sequence[str], after: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON Schema of one answer to all `tasks`, behind the text fields `extra` and before those in `after`."""
    before: dict[str, Any] = {name: {"type": "string"} for name in extra}
    if len(tasks) == 1:
        schema = tasks[0].json_schema()
        properties = before | schema["properties"]
    else:
        properties = before | {task.name: task.json_schema() for task in tasks}
    properties |= {name: {"type": "string"} for name in after}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
