"""What travels to Label Studio and back: an item as a task's data, an answer as a prediction and from a result."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from annotators.label_studio.question import Question
from annotators.label_studio.results import read, write
from schemas.ids import digest, item_hash
from schemas.label_studio_config import CANDIDATES, CONTEXT, OBJECT, PREFERRED, TURNS, Modality, task_config
from schemas.task import Answer, Shown, Turn

ITEM_ID = "dsbuild_id"
ITEM_HASH = "dsbuild_hash"
MEDIA: tuple[Modality, ...] = ("audio", "image", "video")
_SHOWN = (OBJECT, CONTEXT, CANDIDATES, TURNS, *PREFERRED, *MEDIA)


def hash_of(item: Mapping[str, Any]) -> str:
    """The hash of what is shown of an item (a row of ITEMS)."""
    return item_hash(item["text"], item.get("context"), item.get("media"))


def task_data(item: Mapping[str, Any], question: Question) -> dict[str, Any]:
    """The `data` of a Label Studio task for an item (a row of ITEMS), without its recordings and pictures.

    `context` holds the turns before it, if any; for spans that may lie in them, `turns` has them with their ids; for a
    pairwise question `candidate_a` and `candidate_b` are the texts of its turns a and b, which `context` leaves out.
    """
    turns = list(item.get("context") or ())
    data: dict[str, Any] = {ITEM_ID: item["item_id"], ITEM_HASH: hash_of(item), OBJECT: item["text"] or ""}
    if question.kind == "pairwise":
        for name, turn in zip(PREFERRED, candidates(item), strict=True):
            data[name] = turn["text"]
            turns.remove(turn)
    # Always there, so that a project can begin to show it when the first item with a context comes.
    data[CONTEXT] = "\n".join(": ".join(filter(None, (turn["speaker"], turn["text"]))) for turn in turns)
    if marks_turns(question):
        data[TURNS] = [
            {"item_id": turn.get("item_id"), "speaker": turn["speaker"] or "", "text": turn["text"] or ""}
            for turn in turns
        ]
    return data


def candidates(item: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The turns a and b of an item that a pairwise question is about.

    Raises:
        ValueError: it has none or several of one, or one without a text.
    """
    found = []
    for speaker in ("a", "b"):
        turns = [turn for turn in item.get("context") or () if (turn["speaker"] or "").strip().casefold() == speaker]
        if len(turns) != 1 or not (turns[0]["text"] or "").strip():
            raise ValueError(f"its context has no one turn {speaker} with a text")
        found.append(turns[0])
    return found[0], found[1]


def marks_turns(question: Question) -> bool:
    """Whether an answer may be spans of the turns before the item."""
    return question.kind == "span" and "other" in question.as_task().where


def shown_hash(data: Mapping[str, Any]) -> str:
    """A hash of what a task's data shows, to see at reading back whether someone changed it on the server."""
    return digest({key: value for key, value in data.items() if key in _SHOWN})[:16]


def shown(data: Mapping[str, Any]) -> Shown:
    """What a task's data shows, as far as spans may lie in it."""
    turns = tuple(Turn(turn["item_id"], turn["speaker"], turn["text"]) for turn in data.get(TURNS) or ())
    return Shown(data[ITEM_ID], data[OBJECT], turns)


@lru_cache(maxsize=64)
def _config(question: Question, modality: Modality) -> str:
    return task_config(question.as_task(), modality=modality, context=True, candidates=True, transcript=True)


def prediction(
    question: Question, answer: Answer, *, version: str, data: Mapping[str, Any], modality: Modality = "text"
) -> dict[str, Any]:
    """A suggestion about a task's `data` as Label Studio's prediction; `version` is who made it.

    Raises:
        ValueError: the answer does not fit the question, or its controls cannot show it.
    """
    result = write(question.as_task(), answer, shown(data), _config(question, modality))
    return {"model_version": version, "result": result}


def parse_result(question: Question, result: Any, data: Mapping[str, Any]) -> Answer:
    """What an annotation's `result` says about a task's `data`: labels in the taxonomy's order (empty for "none of
    these"), a number, spans, ...

    Raises:
        ValueError: the result does not answer the question; the message is the reason.
    """
    return read(question.as_task(), result, shown(data))
