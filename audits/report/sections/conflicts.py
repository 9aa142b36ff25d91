"""Conflicts: the same text with labels that contradict each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from audits.report.numbers import whole
from audits.report.reading import Entry, Some, entries, entry, some, text
from audits.report.sections.splits import in_order, named

_EXAMPLES = 10
_ANSWERS = 10
_SPLITS = 8


@dataclass(frozen=True)
class Conflict:
    """A text and, for every split, the answers it got and on how many items."""

    text: str
    splits: Some[tuple[str, Some[tuple[str, int]]]]


@dataclass(frozen=True)
class Conflicts:
    """How many texts, on how many items, and some of them."""

    texts: int
    items: int
    examples: Some[Conflict]


def conflicts(metrics: Entry) -> Conflicts:
    """The conflicts of `metrics`."""
    found = entry(metrics, "conflicts")
    examples = [_conflict(one) for one in entries(found, "examples")]
    return Conflicts(whole(found.get("texts")), whole(found.get("items")), some(examples, _EXAMPLES))


def _conflict(one: Entry) -> Conflict:
    given: dict[str, Counter[str]] = defaultdict(Counter)
    for item in entries(one, "items"):
        answers = item.get("answers")
        for answer in answers if isinstance(answers, list | tuple) else []:
            given[named(text(item, "split"))][_said(answer)] += 1
    splits = [
        (split, some(sorted(given[split].items(), key=lambda each: (-each[1], each[0])), _ANSWERS))
        for split in in_order(given)
    ]
    return Conflict(text(one, "text"), some(splits, _SPLITS))


def _said(answer: Any) -> str:
    if not isinstance(answer, list | tuple):
        return str(answer)
    return " + ".join(str(label) for label in answer) or "none of these"
