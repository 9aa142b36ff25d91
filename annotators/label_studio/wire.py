"""What travels to Label Studio and back: an item as a task's data, a suggestion as a prediction, a result as an answer.

The server checks next to nothing (by default it takes a prediction with an unknown choice, and always an annotation
with one), so everything is checked here, in both directions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from annotators.label_studio.question import Question
from schemas.ids import digest, item_hash
from schemas.label_studio_config import CANDIDATES, CONTEXT, CONTROL, NONE, OBJECT
from schemas.task import Answer

ITEM_ID = "dsbuild_id"
ITEM_HASH = "dsbuild_hash"


def hash_of(item: Mapping[str, Any]) -> str:
    """The hash of what is shown of an item (a row of ITEMS)."""
    return item_hash(item["text"], item.get("context"), item.get("media"))


def task_data(item: Mapping[str, Any]) -> dict[str, str]:
    """The `data` of a Label Studio task for an item (a row of ITEMS); `context` holds the turns before it, if any."""
    turns = item.get("context") or ()
    # Always there, so that a project can begin to show it when the first item with a context comes.
    context = "\n".join(": ".join(filter(None, (turn["speaker"], turn["text"]))) for turn in turns)
    return {ITEM_ID: item["item_id"], ITEM_HASH: hash_of(item), OBJECT: item["text"], CONTEXT: context}


def shown_hash(data: Mapping[str, Any]) -> str:
    """A hash of what a task's data shows, to see at reading back whether someone changed it on the server."""
    return digest({key: value for key, value in data.items() if key in (OBJECT, CONTEXT, CANDIDATES)})[:16]


def prediction(question: Question, *, labels: Sequence[str] | None, text: str | None, version: str) -> dict[str, Any]:
    """A suggestion as Label Studio's prediction; `version` is who made it.

    Raises:
        ValueError: the answer does not fit the question.
    """
    if question.kind == "text":
        if not text:
            raise ValueError("there is no text to suggest")
        kind, value = "textarea", {"text": [text]}
    else:
        if labels is None:
            raise ValueError("there are no labels to suggest")
        _check(question, labels)
        kind, value = "choices", {"choices": list(labels) or [NONE]}
    result = {"from_name": CONTROL, "to_name": OBJECT, "type": kind, "value": value}
    return {"model_version": version, "result": [result]}


def parse_result(question: Question, result: Any) -> Answer:
    """What an annotation's `result` says: label ids in the taxonomy's order (empty for "none of these"), or a text.

    Raises:
        ValueError: the result does not answer the question; the message is the reason.
    """
    if not isinstance(result, list):
        raise ValueError("the result is not a list")
    if not result:
        raise ValueError("nothing was ticked or written")
    wanted = "textarea" if question.kind == "text" else "choices"
    for region in result:
        if not isinstance(region, dict) or (region.get("from_name"), region.get("type")) != (CONTROL, wanted):
            raise ValueError("the result belongs to another question")
    if len(result) > 1:
        raise ValueError("the question was answered twice")
    value = result[0].get("value")
    given = value.get("text" if wanted == "textarea" else "choices") if isinstance(value, dict) else None
    if wanted == "textarea" and isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ValueError("the result has no value")
    if question.kind == "text":
        text = "\n".join(given).strip()
        if not text:
            raise ValueError("the text is empty")
        return Answer(text=text)
    if NONE in given:
        if len(given) > 1:
            raise ValueError("none of these was ticked beside labels")
        return Answer(labels=[], originals=[])
    if not given:
        raise ValueError("nothing was ticked or written")
    _check(question, given)
    order = {label: place for place, label in enumerate(question.label_ids)}
    labels = sorted(given, key=order.__getitem__)
    return Answer(labels=labels, originals=list(labels))


def _check(question: Question, labels: Sequence[str]) -> None:
    known = set(question.label_ids)
    for label in labels:
        if label not in known:
            raise ValueError(f"{label!r} is no label of this question")
    if len(set(labels)) != len(labels):
        raise ValueError("the same label was given twice")
    if question.kind == "choice" and len(labels) > 1:
        raise ValueError("more than one label was given")
    alone = [label for label in labels if label in question.exclusive]
    if alone and len(labels) > 1:
        raise ValueError(f"{alone[0]!r} was given beside other labels")
