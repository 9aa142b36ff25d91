"""The crosswalk: what the answers of corpora became in the dataset's own labels and scales, and what that lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audits.report.numbers import UNDEFINED, count, figure, number, share, whole
from audits.report.reading import Entry, Some, counts, entries, names, some, text

_CONVERSIONS = 60
_LABELS = 80
_REASONS = 40
_TARGETS = 12
# The kinds of mapping, the ones that keep most first.
_KINDS = ("exact", "broader", "narrower", "several", "none")


@dataclass(frozen=True)
class Row:
    """A label: how many answers have it, what it becomes, how, what that loses, how many answers kept it, and why."""

    label: str
    n: int
    targets: Some[str]
    becomes: bool
    kind: str
    loss: str
    converted: int
    path: str


@dataclass(frozen=True)
class Conversion:
    """One task of a corpus that fills one of the dataset. `kinds` are (kind of mapping, labels, answers with them)."""

    source: str
    task: str
    taxonomies: tuple[str, str]
    perspective: str
    taken: int
    converted: int
    kept: str
    rejected: int
    left_out: int
    loss: str
    before: str
    scale: str
    kinds: tuple[tuple[str, int, int], ...]
    reasons: Some[tuple[str, int, str]]
    rows: Some[Row]


def crosswalk(metrics: Entry) -> Some[Conversion]:
    """The conversions in the recipe's order."""
    return some([_conversion(one) for one in entries(metrics, "conversions")], _CONVERSIONS)


def _conversion(one: Entry) -> Conversion:
    taken, converted = whole(one.get("in")), whole(one.get("converted"))
    rows = [_row(each) for each in entries(one, "labels")]
    reasons = sorted(counts(one, "reasons").items(), key=lambda each: (-each[1], each[0]))
    taxonomies = [*names(one, "taxonomies"), "", ""]
    bits, before = number(one.get("bits")), number(one.get("before"))
    return Conversion(
        source=text(one, "from"),
        task=text(one, "task"),
        taxonomies=(taxonomies[0], taxonomies[1]),
        perspective=text(one, "perspective"),
        taken=taken,
        converted=converted,
        kept=share(converted, taken),
        rejected=whole(one.get("rejected")),
        left_out=whole(one.get("left_out")),
        loss="" if bits is None else figure(bits),
        before="" if before is None else figure(before),
        scale=_scale(one.get("scale")),
        kinds=tuple(
            (kind, len(found), sum(row.n for row in found))
            for kind in _KINDS
            if (found := [row for row in rows if row.kind == kind])
        ),
        reasons=some([(reason, n, share(n, taken)) for reason, n in reasons], _REASONS),
        rows=some(rows, _LABELS),
    )


def _row(one: Entry) -> Row:
    loss = number(one.get("loss"))
    return Row(
        label=text(one, "label"),
        n=whole(one.get("n")),
        targets=some(names(one, "targets"), _TARGETS),
        becomes=one.get("becomes") is True,
        kind=text(one, "kind"),
        loss="" if loss is None else figure(loss),
        converted=whole(one.get("converted")),
        path=text(one, "path"),
    )


def _scale(value: Any) -> str:
    """Two ranges as "1 to 7 became 0 to 1"; empty where there are none."""
    found = value if hasattr(value, "get") else {}
    ends = [[*(found.get(key) or []), None, None][:2] for key in ("from", "to")]
    said = [" to ".join(count(end) for end in pair) for pair in ends]
    return "" if any(UNDEFINED in pair for pair in said) else " became ".join(said)
