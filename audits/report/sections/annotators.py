"""Who judged: how much each annotator was asked, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from audits.report.numbers import share, whole
from audits.report.reading import Entry, Some, counts, entries, names, some, text

_ROWS = 200
_REASONS = 12


@dataclass(frozen=True)
class Annotator:
    """One annotator; `answered_share` is of what it was asked."""

    name: str
    kind: str
    model: str
    strategy: str
    asked: int
    answered: int
    answered_share: str
    dead_letters: int
    reasons: Some[tuple[str, int]]
    warnings: tuple[str, ...] = ()


def annotators(metrics: Entry) -> Some[Annotator]:
    """The annotators in the order of the metrics file."""
    return some([_annotator(one) for one in entries(metrics, "annotators")], _ROWS)


def _annotator(one: Entry) -> Annotator:
    asked, answered = whole(one.get("asked")), whole(one.get("answered"))
    reasons = sorted(counts(one, "reasons").items(), key=lambda each: (-each[1], each[0]))
    return Annotator(
        name=text(one, "name"),
        kind=text(one, "kind"),
        model=text(one, "model"),
        strategy=text(one, "strategy"),
        asked=asked,
        answered=answered,
        answered_share=share(answered, asked),
        dead_letters=whole(one.get("dead_letters")),
        reasons=some(reasons, _REASONS),
        warnings=tuple(names(one, "warnings")),
    )
