"""Where figures stand on the axis of a chart, in percent of its width."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from audits.report.numbers import Estimate


@dataclass(frozen=True)
class Axis:
    """A line from `low` to `high` with labelled `ticks`, and `marks` that a reader may compare with."""

    low: float
    high: float
    ticks: tuple[float, ...]
    marks: tuple[float, ...] = ()

    def place(self, value: float) -> str:
        """The position of `value` as an SVG percentage; what lies outside stands at the edge."""
        share = (value - self.low) / (self.high - self.low)
        return f"{100 * min(max(share, 0.0), 1.0):.2f}%"

    def minor(self, tick: float) -> bool:
        """Whether a narrow chart can do without this tick."""
        return (2 * tick) % 1 != 0

    def length(self, value: float) -> str:
        """How long a bar from `low` to `value` is."""
        return self.place(value)


UNIT = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
"""Shares, accuracy, F1."""


def agreement_axis(estimates: Iterable[Estimate]) -> Axis:
    """From 0 to 1, or from -1 where one of the figures or bounds is below 0; with Krippendorff's two thresholds."""
    lowest = min((x for one in estimates for x in (one.value, one.low) if x is not None), default=0.0)
    if lowest >= 0:
        return Axis(0.0, 1.0, UNIT.ticks, (2 / 3, 0.8))
    if lowest >= -0.25:
        return Axis(-0.25, 1.0, (-0.25, 0.0, 0.25, 0.5, 0.75, 1.0), (2 / 3, 0.8))
    return Axis(-1.0, 1.0, (-1.0, -0.5, 0.0, 0.5, 1.0), (2 / 3, 0.8))


def bars_axis(values: Iterable[float]) -> Axis:
    """From 0 to the largest of `values`, without ticks: the numbers stand beside the bars."""
    return Axis(0.0, max(max(values, default=0.0), 1e-12), ())
