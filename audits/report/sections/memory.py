"""Memory: whether the models that judged know the corpora, or their labels, by heart."""

from __future__ import annotations

from dataclasses import dataclass

from audits.report.numbers import Estimate, figure, number, whole
from audits.report.reading import Entry, Some, entries, some, text

_ROWS = 100


@dataclass(frozen=True)
class Memory:
    """One probe of one annotator; `difference` is how much nearer to the truth its answers are than the controls."""

    annotator: str
    probe: str
    items: int
    value: str
    control: str
    difference: Estimate
    p: str
    known: bool
    note: str


def memory(metrics: Entry) -> Some[Memory]:
    """The probes in the order of the metrics file."""
    return some([_memory(one) for one in entries(metrics, "memory")], _ROWS)


def _memory(one: Entry) -> Memory:
    return Memory(
        annotator=text(one, "annotator"),
        probe=text(one, "probe"),
        items=whole(one.get("items")),
        value=figure(one.get("value")),
        control=figure(one.get("control")),
        difference=Estimate(number(one.get("difference")), number(one.get("low")), number(one.get("high"))),
        p=figure(one.get("p")),
        known=one.get("known") is True,
        note=text(one, "note"),
    )
