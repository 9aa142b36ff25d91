"""Scores against labels that people or authors gave: headlines with intervals, labels, confusions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from audits.figures import NONE
from audits.report.numbers import Estimate, count, estimate, figure, number, whole
from audits.report.reading import Entry, Some, entries, entry, names, some, text

_REFERENCES = 12
_GIVEN = 30
_PARTS = 40
_LABELS = 80
_CONFUSED = 40
SHADES = 6
"""Steps of the heat map above empty."""

_LIGHT = 4  # steps for figures most of which are high: a page of the darkest ones shouts


@dataclass(frozen=True)
class Line:
    """Headline figures over some items."""

    name: str
    n: int
    macro_f1: Estimate
    micro_f1: Estimate
    accuracy: Estimate
    note: str


@dataclass(frozen=True)
class LabelLine:
    """One label's figures; `support` and `predicted` are items."""

    label: str
    precision: str
    recall: str
    f1: float
    support: int
    predicted: int


@dataclass(frozen=True)
class Heat:
    """A number in a heat map; `shade` is 0 (nothing) to SHADES."""

    text: str
    shade: int
    remark: str = ""


@dataclass(frozen=True)
class Confusion:
    """Rows are the reference's labels, columns what was given."""

    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Heat, ...]], ...]


@dataclass(frozen=True)
class Given:
    """One annotator or aggregate against one reference. `parts` splits its items, by language for instance."""

    line: Line
    labels: Some[LabelLine]
    confusion: Confusion | None
    confused: int
    parts: Some[Line]
    property: str
    by_part: tuple[tuple[str, tuple[Heat, ...]], ...]


@dataclass(frozen=True)
class Reference:
    """Everything measured against one set of labels, over most items first."""

    task: str
    against: str
    given: Some[Given]

    @property
    def uneven(self) -> bool:
        """Whether the figures are over different numbers of items, hence over different items."""
        return len({one.line.n for one in self.given.shown}) > 1

    @property
    def parted(self) -> tuple[Given, ...]:
        """Those that are measured part by part too."""
        return tuple(one for one in self.given.shown if one.parts.shown)


def scores(metrics: Entry) -> Some[Reference]:
    """The references in the order of the metrics file."""
    groups: dict[tuple[str, str], dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for one in entries(metrics, "scores"):
        groups[text(one, "task"), text(one, "against")][text(one, "of")].append(one)
    found = []
    for (task, against), by_name in groups.items():
        given = [_given(name, own) for name, own in by_name.items()]
        given.sort(key=lambda one: (-one.line.n, -(one.line.macro_f1.value or 0.0)))
        found.append(Reference(task, against, some(given, _GIVEN)))
    return some(found, _REFERENCES)


def _given(name: str, own: Sequence[Entry]) -> Given:
    whole_ = next((one for one in own if not one.get("by")), own[0])
    parts = [one for one in own if one.get("by") and one is not whole_][:_PARTS]
    confusion = entry(whole_, "confusion")
    size = len(names(confusion, "labels"))
    properties = dict.fromkeys(str(key) for one in parts for key in entry(one, "by"))
    return Given(
        line=_line(name, whole_),
        labels=some([_label_line(one) for one in entries(whole_, "labels")], _LABELS),
        confusion=_confusion(confusion) if 0 < size <= _CONFUSED else None,
        confused=size,
        parts=some([_line(_part_name(one), one) for one in parts], _PARTS),
        property=", ".join(properties),
        by_part=_by_part(parts),
    )


def _part_name(one: Entry) -> str:
    return ", ".join(str(value) for value in entry(one, "by").values())


def _line(name: str, one: Entry) -> Line:
    return Line(
        name=name,
        n=whole(one.get("n")),
        macro_f1=estimate(entry(one, "macro_f1")),
        micro_f1=estimate(entry(one, "micro_f1")),
        accuracy=estimate(entry(one, "accuracy")),
        note=text(one, "note"),
    )


def _label_line(one: Entry) -> LabelLine:
    return LabelLine(
        label=text(one, "label"),
        precision=figure(one.get("precision")),
        recall=figure(one.get("recall")),
        f1=number(one.get("f1")) or 0.0,
        support=whole(one.get("support")),
        predicted=whole(one.get("predicted")),
    )


def _shade(share: float) -> int:
    return min(max(math.ceil(share * SHADES), 0), SHADES)


def _confusion(one: Entry) -> Confusion:
    labels = ["none of these" if label == NONE else label for label in names(one, "labels")]
    counts = one.get("counts")
    rows = []
    for label, row in zip(labels, counts if isinstance(counts, list | tuple) else [], strict=False):
        cells = [number(cell) or 0.0 for cell in (row if isinstance(row, list | tuple) else [])]
        total = sum(cells)
        rows.append((label, tuple(Heat(count(cell), _shade(cell / total if total else 0.0)) for cell in cells)))
    return Confusion(tuple(labels), tuple(rows))


def _by_part(parts: Sequence[Entry]) -> tuple[tuple[str, tuple[Heat, ...]], ...]:
    """F1 of every label (row) in every part (column)."""
    tables = [{line.label: line for line in map(_label_line, entries(one, "labels"))} for one in parts]
    labels = list(dict.fromkeys(label for table in tables for label in table))[:_LABELS]

    def cell(line: LabelLine | None) -> Heat:
        if line is None or not line.support + line.predicted:
            return Heat("", 0)
        return Heat(figure(line.f1, 2), math.ceil(line.f1 * _LIGHT), f"n {line.support:,}")

    return tuple((label, tuple(cell(table.get(label)) for table in tables)) for label in labels)
