"""The first thing a reader sees: what this is, whether it passed, and the figures that matter most."""

from __future__ import annotations

from dataclasses import dataclass

from audits.report.numbers import Estimate, count, estimate, number, several, whole
from audits.report.reading import Entry, Some, counts, entries, entry, names, some, text
from audits.report.sections.gates import Gate
from audits.report.sections.splits import in_order, named

_FIGURES = 4
_LANGUAGES = 12


@dataclass(frozen=True)
class KeyFigure:
    """A headline figure: what it is, of whom, over how many items."""

    name: str
    of: str
    estimate: Estimate
    n: int
    section: str


@dataclass(frozen=True)
class Verdict:
    """One line, and what backs it. `state` is passed, failed, or ungated."""

    title: str
    dataset: str
    state: str
    headline: str
    items: int
    sample: int | None
    languages: Some[str]
    splits: Some[tuple[str, int]]
    failed: tuple[Gate, ...]
    figures: tuple[KeyFigure, ...]
    lacking: tuple[str, ...]


def verdict(metrics: Entry, gates: tuple[Gate, ...]) -> Verdict:
    """The verdict on `metrics`, whose gates are `gates`."""
    items = entry(metrics, "items")
    splits = counts(items, "by_split")
    failed = [gate for gate in gates if not gate.passed]
    sample = number(metrics.get("sample"))
    dataset = text(metrics, "dataset")
    state, headline = _state(len(gates), len(failed))
    return Verdict(
        title=text(metrics, "title") or dataset or "Dataset",
        dataset=dataset,
        state=state,
        headline=headline,
        items=whole(items.get("total")),
        sample=None if sample is None else int(sample),
        languages=some(sorted(map(named, counts(items, "by_language"))), _LANGUAGES),
        splits=some([(named(split), splits[split]) for split in in_order(splits)], _LANGUAGES),
        failed=tuple(failed),
        figures=tuple(_key_figures(metrics)),
        lacking=tuple(_lacking(metrics)),
    )


def _state(gates: int, failed: int) -> tuple[str, str]:
    if not gates:
        return "ungated", "No gate was set: nothing below was held against a bound."
    if not failed:
        every = {1: "The gate is passed.", 2: "Both gates are passed."}
        return "passed", every.get(gates, f"All {count(gates)} gates are passed.")
    if gates == 1:
        return "failed", "The gate is not passed."
    return "failed", f"{count(failed)} of {several(gates, 'gate is', 'gates are')} not passed."


def _key_figures(metrics: Entry) -> list[KeyFigure]:
    agreed = [
        KeyFigure(
            "Krippendorff’s alpha",
            f"{text(one, 'task')}: {', '.join(names(one, 'from') or names(one, 'over'))}",
            estimate(one, one.get("level")),
            whole(one.get("units")),
            "agreement",
        )
        for one in entries(metrics, "agreement")
    ]
    scored = [
        KeyFigure(
            "Macro-F1",
            f"{text(one, 'of')} against {text(one, 'against')}",
            estimate(entry(one, "macro_f1")),
            whole(one.get("n")),
            "scores",
        )
        for one in entries(metrics, "scores")
        if not one.get("by")
    ]
    # Not the best first: a high figure over the few items that were easy would stand for the dataset.
    scored.sort(key=lambda one: (-one.n, -(one.estimate.value or 0.0)))
    agreed = [one for one in agreed if one.estimate.value is not None][:2]
    return agreed + [one for one in scored if one.estimate.value is not None][: _FIGURES - len(agreed)]


def _lacking(metrics: Entry) -> list[str]:
    """What a reader would look for and not find."""
    said = []
    if not any(number(one.get("value")) is not None for one in entries(metrics, "agreement")):
        said.append("Agreement between annotators is not known.")
    if not any(number(entry(one, "macro_f1").get("value")) is not None for one in entries(metrics, "scores")):
        said.append("Nothing was measured against labels of people or authors.")
    return said
