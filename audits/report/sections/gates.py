"""Gates: what was wanted, what was seen."""

from __future__ import annotations

from dataclasses import dataclass

from audits.report.numbers import UNDEFINED, count, figure, number, whole
from audits.report.reading import Entry, entries, names, text

_METRICS = {
    "krippendorff_alpha": ("Krippendorff’s alpha", "agreement"),
    "accuracy": ("Accuracy", "scores"),
    "macro_f1": ("Macro-F1", "scores"),
    "micro_f1": ("Micro-F1", "scores"),
    "leakage": ("Leaks across splits", "leakage"),
    "max_share": ("Largest share of one label", "aggregates"),
    "unlabelled_share": ("Share of items without a label", "aggregates"),
}


@dataclass(frozen=True)
class Gate:
    """One bound. `section` is where its figure stands."""

    name: str
    scope: str
    wanted: str
    seen: str
    passed: bool
    n: int
    fix: str
    section: str


def gates(metrics: Entry) -> tuple[Gate, ...]:
    """The gates, those that are not passed first."""
    return tuple(sorted((_gate(one) for one in entries(metrics, "gates")), key=lambda gate: gate.passed))


def _gate(one: Entry) -> Gate:
    metric = text(one, "metric")
    name, section = _METRICS.get(metric, (metric or "Gate", "gates"))
    said = [
        f"on {text(one, 'task')}" if text(one, "task") else "",
        f"of {', '.join(names(one, 'from'))}" if names(one, "from") else "",
        f"against {text(one, 'against')}" if text(one, "against") else "",
        f"by {', '.join(names(one, 'by'))}" if names(one, "by") else "",
    ]
    seen = number(one.get("seen"))
    return Gate(
        name=name,
        scope=" ".join(part for part in said if part),
        wanted=text(one, "wanted").replace("_", " "),
        seen=UNDEFINED if seen is None else count(seen) if metric == "leakage" else figure(seen),
        passed=one.get("passed") is True,
        n=whole(one.get("n")),
        fix=text(one, "fix"),
        section=section,
    )
