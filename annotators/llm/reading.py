"""Reading what a model answered: from the server's JSON to a checked answer to each task, or the reason why not.

Pure functions of the stored bytes: a better parser here reads old answers again, nothing is asked anew for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from schemas.task import Answer, Shown, Task

Reason = Literal["invalid", "truncated", "refused", "http", "deadline"]


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
    """A usable answer: one for each task, in the tasks' order, and the fields a strategy asked for before them."""

    answers: tuple[Answer, ...]
    extra: dict[str, str]


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


def _whole(text: str) -> str:
    """`text` with halves of characters, which no file can hold, replaced; the store keeps the answer as it came."""
    return text.encode("utf-8", "replace").decode("utf-8")


def read_answer(body: bytes, tasks: Sequence[Task], extra: Sequence[str], shown: Shown | None = None) -> Good | Bad:
    """What the body of a 200 answer says about `tasks`, after the text fields `extra`; quotes are looked up in what was
    `shown`."""
    reply = read_reply(body)
    if reply is None:
        return Bad("invalid", "the server's answer is not a chat completion", body.decode("utf-8", "replace"))
    raw = reply.content or ""
    if reply.refusal is not None:
        return Bad("refused", "the model refused", reply.refusal)
    if reply.finish_reason == "content_filter":
        return Bad("refused", "the server's content filter stopped the answer", raw)
    if reply.finish_reason == "length":
        return Bad("truncated", "the answer was cut off: it is longer than max_tokens allows", raw)
    try:
        fields = one_object(raw)
        before = {name: _text(fields, name) for name in extra}
        answers = tuple(task.parse(_part(fields, task, len(tasks)), shown) for task in tasks)
    except ValueError as error:
        return Bad("invalid", str(error), raw)
    return Good(answers, before)


def one_object(text: str) -> dict[str, Any]:
    """The one JSON object in `text`; reasoning in <think> tags and a Markdown fence around it do not matter.

    Raises:
        ValueError: there is none, it is broken, or there is more than one: which of them is meant is not guessed.
    """
    text = re.sub(r"^\s*<think>.*?</think>", "", text, flags=re.DOTALL)
    start = text.find("{")
    if start < 0:
        raise ValueError("there is no JSON object in the answer")
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"the JSON is broken: {error.msg} at character {error.pos - start}") from error
    if "{" in text[end:]:
        raise ValueError("there is more than one JSON object in the answer")
    if not isinstance(value, dict):
        raise ValueError("the answer is not a JSON object")
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("the answer holds half of a character (a lone surrogate)") from error
    return value


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands in the JSON object twice")
    return fields


_DECODER = json.JSONDecoder(object_pairs_hook=_no_doubles)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'the key "{name}" must hold a text')
    return value.strip()


def _part(fields: dict[str, Any], task: Task, count: int) -> dict[str, Any]:
    # One task answers at the top level; several answer in an object each, under the task's name.
    if count == 1:
        return fields
    part = fields.get(task.name)
    if not isinstance(part, dict):
        raise ValueError(f'the key "{task.name}" must hold an object')
    return part


def answer_schema(tasks: Sequence[Task], extra: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema of one answer to all `tasks`, after the text fields `extra`, in this order."""
    before: dict[str, Any] = {name: {"type": "string"} for name in extra}
    if len(tasks) == 1:
        schema = tasks[0].json_schema()
        properties = before | schema["properties"]
    else:
        properties = before | {task.name: task.json_schema() for task in tasks}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
