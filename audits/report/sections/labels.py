"""How often each label was given, in every split, by every aggregate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audits.report.axis import Axis, bars_axis
from audits.report.numbers import share, whole
from audits.report.reading import Entry, Some, entries, some, text
from audits.report.sections.splits import in_order, named

_LABELS = 80
_SPLITS = 8


@dataclass(frozen=True)
class Cell:
    """How often one label was given in one split."""

    n: int
    share: str
    part: float


@dataclass(frozen=True)
class Distribution:
    """Labels (rows) by split (columns) of one aggregate; shares are of all labels given in the split."""

    task: str
    aggregate: str
    splits: Some[str]
    totals: tuple[int, ...]
    rows: Some[tuple[str, tuple[Cell, ...]]]
    axis: Axis


def labels(metrics: Entry, order: Mapping[str, Sequence[str]]) -> tuple[Distribution, ...]:
    """The distributions in the order of the metrics file; labels in the order of their task, also those at zero."""
    groups: dict[tuple[str, str], dict[tuple[str, str], int]] = defaultdict(dict)
    for one in entries(metrics, "distribution"):
        split = named(text(one, "split"))
        groups[text(one, "task"), text(one, "aggregate")][text(one, "label"), split] = whole(one.get("n"))
    return tuple(_distribution(*key, found, order.get(key[0], [])) for key, found in groups.items())


def _distribution(
    task: str, aggregate: str, found: Mapping[tuple[str, str], int], order: Sequence[str]
) -> Distribution:
    splits = in_order(split for _, split in found)
    names = list(dict.fromkeys([*order, *(label for label, _ in found)]))
    totals: dict[str, int] = dict.fromkeys(splits, 0)
    for (_, split), n in found.items():
        totals[split] += n

    def cell(label: str, split: str) -> Cell:
        n, total = found.get((label, split), 0), totals[split]
        return Cell(n, share(n, total), n / total if total else 0.0)

    shown = some(splits, _SPLITS)
    rows = [(label, tuple(cell(label, split) for split in shown.shown)) for label in names]
    return Distribution(
        task=task,
        aggregate=aggregate,
        splits=shown,
        totals=tuple(totals[split] for split in shown.shown),
        rows=some(rows, _LABELS),
        axis=bars_axis(one.part for _, cells in rows for one in cells),
    )
