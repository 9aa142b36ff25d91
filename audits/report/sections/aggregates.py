"""Aggregates: what each rule made of the annotations, beside what other rules would have made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audits.report.numbers import count, share, whole
from audits.report.reading import Entry, Some, counts, entries, entry, names, some, text
from audits.report.sections.way import Counted, counted

_ENTRIES = 40
_METHODS = 12
_LABELS = 80
_NAMES = 12


@dataclass(frozen=True)
class Aggregate:
    """One aggregate. `columns` are methods, its own first; `rows` pair a label with its counts under each."""

    name: str
    task: str
    method: str
    tier: str
    sources: Some[str]
    items: int
    labelled_share: str
    ties: int
    note: str
    details: tuple[Counted, ...]
    columns: tuple[str, ...]
    totals: tuple[tuple[str, tuple[str, ...]], ...]
    rows: Some[tuple[str, tuple[str, ...]]]


def aggregates(metrics: Entry, order: Mapping[str, Sequence[str]]) -> Some[Aggregate]:
    """The aggregates in the recipe's order."""
    found = entries(metrics, "aggregates")
    return some([_aggregate(one, order.get(text(one, "task"), [])) for one in found], _ENTRIES)


def _aggregate(one: Entry, order: Sequence[str]) -> Aggregate:
    methods = [one, *entries(one, "compare")[: _METHODS - 1]]
    by_label = [counts(method, "labels") for method in methods]
    labels = list(dict.fromkeys([*order, *(label for found in by_label for label in found)]))
    items, unlabelled = whole(one.get("items")), whole(one.get("unlabelled"))
    return Aggregate(
        name=text(one, "name"),
        task=text(one, "task"),
        method=text(one, "method"),
        tier=text(one, "tier"),
        sources=some(names(one, "from"), _NAMES),
        items=items,
        labelled_share=share(items - unlabelled, items),
        ties=whole(one.get("ties")),
        note=text(one, "note"),
        details=tuple(
            counted(f"{what}: {name}", value)
            for what in ("options", "values", "fit")
            for name, value in entry(one, what).items()
        ),
        columns=tuple(text(method, "method") for method in methods),
        totals=tuple(
            (title, tuple(count(method[key]) if key in method else "" for method in methods))
            for key, title in (
                ("items", "Items"),
                ("unlabelled", "Unlabelled"),
                ("none", "None of these"),
                ("ties", "Ties"),
            )
        ),
        rows=some([(label, tuple(count(found.get(label, 0)) for found in by_label)) for label in labels], _LABELS),
    )
