"""The way of the data: what every node took in, let through and put aside, and what it counted meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from audits.report.axis import Axis
from audits.report.numbers import count, number, share, whole
from audits.report.reading import Entry, Some, counts, entries, entry, some, text
from audits.report.sections.splits import NAMELESS, in_order, named

_NODES = 60
_REASONS = 40
_ENTRIES = 30
_SPLITS = 8
_Stage = tuple[str, dict[str, int], Callable[[int], str]]
"""A name, counts by split, and how they are written."""


@dataclass(frozen=True)
class Counted:
    """What a node counted under one name: a plain value, or named values."""

    name: str
    value: str
    parts: Some[tuple[str, str]]


@dataclass(frozen=True)
class Node:
    """One node of the way. `reasons` are (reason, rows, share of what came in)."""

    name: str
    taken: int
    given: int
    kept: str
    reasons: Some[tuple[str, int, str]]
    counted: tuple[Counted, ...]

    @property
    def rejected(self) -> int:
        """Rows that left here."""
        return max(self.taken - self.given, 0)


@dataclass(frozen=True)
class Way:
    """The nodes, an axis on which the largest stands for all, and counts by split at the stages that know them."""

    nodes: Some[Node]
    axis: Axis
    splits: tuple[str, ...]
    stages: tuple[tuple[str, tuple[str, ...], str], ...]


def way(metrics: Entry) -> Way:
    """The funnel of `metrics`."""
    found = entries(metrics, "funnel")
    nodes = [_node(one) for one in found]
    stages = _stages(metrics, found)
    splits = some(in_order(split for _, row, _ in stages for split in row), _SPLITS).shown
    return Way(
        nodes=some(nodes, _NODES),
        axis=Axis(0.0, float(max([1, *(max(node.taken, node.given) for node in nodes)])), ()),
        splits=tuple(named(split) for split in splits),
        stages=tuple(
            (name, tuple(written(row[split]) if split in row else "" for split in splits), written(sum(row.values())))
            for name, row, written in stages
        )
        if splits
        else (),
    )


def _node(one: Entry) -> Node:
    taken, given = whole(one.get("in")), whole(one.get("out"))
    reasons = sorted(counts(one, "rejects").items(), key=lambda each: (-each[1], each[0]))
    return Node(
        name=node_name(text(one, "node")),
        taken=taken,
        given=given,
        kept=share(given, taken),
        reasons=some([(reason, n, share(n, taken)) for reason, n in reasons], _REASONS),
        counted=tuple(counted(str(name), value) for name, value in list(entry(one, "figures").items())[:_ENTRIES]),
    )


def node_name(name: str) -> str:
    """`corpus:tweets` as "Corpus tweets", `build:3:deduplicate` as "Step 3: deduplicate", anything else as it is."""
    kind, _, rest = name.partition(":")
    if kind == "corpus" and rest:
        return f"Corpus {rest}"
    number_, _, step = rest.partition(":")
    if kind == "build" and number_.isdecimal() and step:
        return f"Step {number_}: {step}"
    return name


def counted(name: str, value: Any) -> Counted:
    """`value` under `name`, as a person reads it."""
    title = name.replace("_", " ")
    if isinstance(value, Mapping):
        parts = [(str(part).replace(" -> ", " \u2192 ") or NAMELESS, _plain(one)) for part, one in value.items()]
        return Counted(title, "" if parts else "none", some(parts, _ENTRIES))
    return Counted(title, _plain(value), some([], 0))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if number(value) is not None:
        return count(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _stages(metrics: Entry, funnel: list[Entry]) -> list[_Stage]:
    """Counts by split: as the corpora came, after each step that says so, as they are now, and what that changed."""
    came: dict[str, int] = {}
    rows: list[_Stage] = []
    for one in funnel:
        figures = entry(one, "figures")
        for split, n in counts(figures, "rows_by_split").items():
            came[split] = came.get(split, 0) + n
        if counts(figures, "items"):
            rows.append((node_name(text(one, "node")), counts(figures, "items"), count))
    now = counts(entry(metrics, "items"), "by_split")
    first: list[_Stage] = [("As the corpora came", came, count)] if came else []
    if not first + rows:
        return []
    last = [("In the dataset", now, count)] if now else []
    # Where the corpora say no split, their rows cannot be held against splits.
    comparable = bool(came and now) and not any(named(split) == NAMELESS for split in came)
    change = {split: now.get(split, 0) - came.get(split, 0) for split in {**came, **now}}
    return first + rows + last + ([("Change", change, _signed)] if comparable else [])


def _signed(n: int) -> str:
    return f"+{count(n)}" if n > 0 else count(n)
