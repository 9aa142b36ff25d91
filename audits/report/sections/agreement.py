"""Agreement between annotators: overall and label by label, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

from audits.report.axis import Axis, agreement_axis
from audits.report.numbers import Estimate, estimate, whole
from audits.report.reading import Entry, Some, entries, names, some, text

_ENTRIES = 40
_LABELS = 80
_NAMES = 12


@dataclass(frozen=True)
class Agreement:
    """One alpha and those of the labels: (label, estimate, items)."""

    task: str
    over: Some[str]
    sources: Some[str]
    distance: str
    estimate: Estimate
    units: int
    annotations: int
    resamples: int
    note: str
    labels: Some[tuple[str, Estimate, int]]
    axis: Axis

    @property
    def undefined(self) -> bool:
        """Neither the whole nor a label has a figure."""
        return self.estimate.value is None and all(label[1].value is None for label in self.labels.shown)

    @property
    def level(self) -> str:
        """The level of the intervals as a percentage."""
        return f"{100 * self.estimate.level:g}%"


def agreement(metrics: Entry) -> Some[Agreement]:
    """The entries in the order of the metrics file."""
    return some([_agreement(one) for one in entries(metrics, "agreement")], _ENTRIES)


def _agreement(one: Entry) -> Agreement:
    level = one.get("level")
    overall = estimate(one, level)
    labels = [
        (text(label, "label"), estimate(label, level), whole(label.get("units"))) for label in entries(one, "labels")
    ]
    over, sources = names(one, "over"), names(one, "from")
    return Agreement(
        task=text(one, "task"),
        over=some(over, _NAMES),
        # Named only where they say something else than the annotators themselves.
        sources=some(sources if set(sources) != set(over) else [], _NAMES),
        distance=text(one, "distance"),
        estimate=overall,
        units=whole(one.get("units")),
        annotations=whole(one.get("annotations")),
        resamples=whole(one.get("resamples")),
        note=text(one, "note"),
        labels=some(labels, _LABELS),
        axis=agreement_axis([overall, *(label[1] for label in labels)]),
    )
