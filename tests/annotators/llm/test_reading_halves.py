"""Half of a character in an answer is told as such, and never reaches a table."""

from __future__ import annotations

import json

from annotators.llm.reading import Bad, read_answer
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

TASK = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="reader")


def _body(content: str) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}).encode()


def test_a_lone_surrogate_in_an_answer_is_invalid_and_can_be_written_down() -> None:
    found = read_answer(_body('{"english": "bad \\ud83d here", "labels": ["joy"]}'), [TASK], ["english"])
    assert isinstance(found, Bad)
    assert found.reason == "invalid"
    assert "half of a character" in found.detail
    f"{found.detail}{found.raw}".encode()


def test_a_lone_surrogate_around_an_answer_does_not_stop_its_being_written_down() -> None:
    found = read_answer(_body("\ud83d no JSON"), [TASK], [])
    assert isinstance(found, Bad)
    found.raw.encode()
