"""What a prompt shows of an item."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from schemas.task import Shown, Turn


@dataclass(frozen=True)
class Item:
    """What a prompt shows of an item: its text, and the turns before it ({speaker, text, and the item_id of each}); of
    a pairwise comparison the turns a and b are the two candidates. `language` is the text's (BCP 47), `seen` what other
    annotators said about it ({annotator, task, annotation_id, answer, extra}), `media` its recordings and images as
    `annotators.llm.media` attaches them, `cues` what was measured on it (JSON)."""

    text: str
    context: Sequence[Mapping[str, Any]] = ()
    item_id: str | None = None
    language: str | None = None
    seen: Sequence[Mapping[str, Any]] = ()
    media: Sequence[Mapping[str, Any]] = ()
    cues: str | None = None

    @property
    def candidates(self) -> list[str]:
        """Which of the turns are candidates to compare, in their order: a and b, where there is one of each."""
        return [name for turn in self.context if (name := candidate(turn)) is not None]

    @property
    def shown(self) -> Shown:
        """The same for the task, which looks quotes up in it."""
        turns = (Turn(turn.get("item_id"), turn.get("speaker"), turn.get("text")) for turn in self.context)
        return Shown(self.item_id, self.text, tuple(turns))

    def swapped(self) -> Item:
        """The same item with its two candidates in each other's place; any other item as it is."""
        places = {candidate(turn): place for place, turn in enumerate(self.context) if candidate(turn) is not None}
        if sorted(self.candidates) != ["a", "b"]:
            return self
        turns = list(self.context)
        a, b = places["a"], places["b"]
        turns[a] = {**self.context[b], "speaker": self.context[a].get("speaker")}
        turns[b] = {**self.context[a], "speaker": self.context[b].get("speaker")}
        return replace(self, context=turns)


def candidate(turn: Mapping[str, Any]) -> str | None:
    """Which candidate a turn is, if it is one: a or b."""
    name = (turn.get("speaker") or "").strip().lower()
    return name if name in ("a", "b") else None


def seen_entry(entry: Mapping[str, Any], mine: frozenset[str]) -> dict[str, Any]:
    """What templates get of an entry of `seen`: `annotator`, `task`, `answer` (what its JSON holds, without scores),
    `ranked` ([label, score] pairs, the highest score first; empty without scores), `extra` (the words of a by-product),
    and whether it is an answer to a task of one's own (`mine`)."""
    answer = entry.get("answer")
    given = json.loads(answer) if isinstance(answer, str) else answer
    scores = given.pop("scores", None) if isinstance(given, dict) else None
    return {
        "annotator": entry["annotator"],
        "task": entry["task"],
        "answer": given,
        "ranked": _ranked(given, scores),
        "extra": entry.get("extra"),
        "mine": given is not None and entry["task"] in mine,
    }


def _ranked(given: Any, scores: Any) -> list[list[Any]]:
    if isinstance(scores, Mapping):
        pairs = list(scores.items())
    elif isinstance(scores, list) and isinstance(given, dict) and isinstance(given.get("labels"), list):
        pairs = list(zip(given["labels"], scores, strict=False))
    else:
        return []
    known = [(label, round(float(score), 3)) for label, score in pairs if isinstance(score, int | float)]
    return [[label, score] for label, score in sorted(known, key=lambda pair: -pair[1])]
