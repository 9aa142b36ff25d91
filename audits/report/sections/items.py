"""How many items there are, by split, language and corpus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audits.report.axis import Axis, bars_axis
from audits.report.numbers import share
from audits.report.reading import Entry, Some, counts, entry, some
from audits.report.sections.splits import in_order, named

_ROWS = 60


@dataclass(frozen=True)
class Bar:
    """A named count and its share of the whole."""

    name: str
    n: int
    share: str


@dataclass(frozen=True)
class Bars:
    """Counts by one property."""

    by: str
    bars: Some[Bar]
    axis: Axis


def items(metrics: Entry) -> tuple[Bars, ...]:
    """One group of bars for each property that items have."""
    found = entry(metrics, "items")
    groups = [
        _bars(by, counts(found, key))
        for key, by in (("by_split", "split"), ("by_language", "language"), ("by_corpus", "corpus"))
    ]
    return tuple(group for group in groups if group.bars.shown)


def _bars(by: str, found: Mapping[str, int]) -> Bars:
    total = sum(found.values())
    by_size = sorted(found, key=lambda name: (-found[name], name))
    ordered = [(name, found[name]) for name in (in_order(found) if by == "split" else by_size)]
    bars = [Bar(named(name), n, share(n, total)) for name, n in ordered]
    return Bars(by, some(bars, _ROWS), bars_axis(found.values()))
