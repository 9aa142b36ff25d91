"""Agreement on labels of a closed set, with intervals, overall and label by label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from audits.agreement import alpha
from audits.agreement.masi import Distance, masi, nominal
from audits.answers import Answers, encode
from audits.arrays import Codes, Flags, Floats
from audits.figures import counted, figure
from audits.intervals import acceleration, bca, resamples_of
from audits.part import Part


def of_labels(
    annotations: pl.DataFrame,
    part: Part,
    over: Sequence[str] | None,
    resamples: int,
    seed: int,
    level: float,
    *,
    between: Callable[[Flags], Distance] = masi,
    by_label: bool = True,
) -> dict[str, Any]:
    """The figures of `audits.agreement.agreement` for a question with labels; see there.

    Where counts of votes are among the annotations, alpha is computed from the counts: of a choice exactly as if
    every voter had answered alone; of sets only label by label, since counts do not say who gave which together.
    Soft labels are nobody's answer and have no part in it.
    """
    answers = encode(annotations, part, over)
    notes = list(answers.notes)
    soft = int(answers.weighted.soft.sum())
    if soft:
        notes.append(f"{counted(soft, 'soft label is', 'soft labels are')} nobody's answer and left out.")
    if not answers.weighted.soft.all():
        return _of_counts(answers, part, notes, over, resamples, seed, level)
    units = _units(answers)
    paired = int(units.times.sum())
    if 0 < paired < len(answers.items) / 2:
        notes.append(
            f"Only {paired:,} of {len(answers.items):,} items have two annotations; the rest say nothing here."
        )
    whole, left_out = _whole_sets(answers, units)
    if left_out:
        notes.append(
            f"{counted(left_out, 'annotation was', 'annotations were')} asked fewer labels than the others: "
            "counted label by label only."
        )
    distance = nominal if part.kind == "choice" else between(answers.member)
    counts = alpha.count(units.unit[whole], units.answer[whole], units.times, len(answers.member), distance)
    value = alpha.point(counts)
    judged = _by_label(answers if by_label else _without_labels(answers), units)
    labels = alpha.binary_alpha(_sums(judged, units.times).reshape(3, -1))
    overall_replicates, label_replicates = _bootstrap(counts, judged, units, resamples, seed)

    low, high = None, None
    if value is None:
        notes.append(_why_undefined(counts))
    elif resamples:
        low, high, undefined = bounds(value, overall_replicates, alpha.leave_one_out(counts), units.times, level)
        notes += undefined
    return {
        "over": list(over) if over is not None else answers.annotators,
        "distance": part.distance,
        "value": figure(value),
        "low": figure(low),
        "high": figure(high),
        "units": int(units.times[counts.size > 0].sum()),
        "annotations": int((units.times * counts.size).sum()),
        "note": " ".join(notes) or None,
        "labels": _label_entries(answers.labels if by_label else [], labels, label_replicates, judged, units, level),
    }


def bounds(
    value: float, replicates: Floats, without: Floats, times: Codes, level: float
) -> tuple[float | None, float | None, list[str]]:
    """The interval of `value` and what there is to say about its resamples."""
    low, high = bca(value, replicates, acceleration(without, times), level) or (None, None)
    undefined = int(np.isnan(replicates).sum())
    if not undefined:
        return low, high, []
    many = counted(undefined, "resample holds", "resamples hold")
    return low, high, [f"{many} only one answer and {'is' if undefined == 1 else 'are'} left out of the interval."]


def _of_counts(
    answers: Answers, part: Part, notes: list[str], over: Sequence[str] | None, resamples: int, seed: int, level: float
) -> dict[str, Any]:
    """As `of_labels`, where votes are counted. Single answers beside the counts are counted with them."""
    table, yes, asked = _table(answers)
    people = table.sum(axis=1)
    if (people < 2).any():
        alone = counted(int((people < 2).sum()), "item has", "items have")
        notes.append(f"{alone} fewer than two votes and {'says' if (people < 2).sum() == 1 else 'say'} nothing here.")
    # Items with equal counts are one pattern.
    patterns, of_item, times = np.unique(
        np.concatenate([table, yes, asked], axis=1)[people >= 2], axis=0, return_inverse=True, return_counts=True
    )
    width, labels = table.shape[1], len(answers.labels)
    by_label = alpha.binary_features(patterns[:, width : width + labels], patterns[:, width + labels :])
    units = _Units(np.empty(0, np.int64), np.empty(0, np.int64), times.astype(np.int64), of_item.reshape(-1))
    counts = alpha.count_table(patterns[:, :width], units.times)
    whole, label_replicates = _bootstrap(counts, by_label, units, resamples, seed)
    value, low, high = None, None, None
    if part.kind == "multi":
        notes.append("Counts of votes do not say which labels were given together: agreement is label by label only.")
    else:
        value = alpha.point(counts)
        if value is None:
            notes.append(_why_undefined(counts))
        elif resamples:
            low, high, undefined = bounds(value, whole, alpha.leave_one_out(counts), units.times, level)
            notes += undefined
    values = alpha.binary_alpha(_sums(by_label, units.times).reshape(3, -1))
    return {
        "over": list(over) if over is not None else answers.annotators,
        "distance": part.distance,
        "value": figure(value),
        "low": figure(low),
        "high": figure(high),
        "units": int(units.times.sum()),
        "annotations": round(float(people[people >= 2].sum())),
        "note": " ".join(notes) or None,
        "labels": _label_entries(answers.labels, values, label_replicates, by_label, units, level),
    }


def _table(answers: Answers) -> tuple[Floats, Floats, Floats]:
    """By item, of single answers and counts together: votes for each label and for none of them (I, L + 1), people who
    gave each label (I, L), and people it was put to (I, L)."""
    shape = (len(answers.items), len(answers.labels))
    yes: Floats = np.zeros(shape)
    asked: Floats = np.zeros(shape)
    none: Floats = np.zeros(shape[0])
    was_asked = answers.asked[answers.answer]
    np.add.at(asked, answers.item, was_asked)
    np.add.at(yes, answers.item, answers.member[answers.answer] & was_asked)
    np.add.at(none, answers.item, ~answers.member[answers.answer].any(axis=1))
    weighted = answers.weighted
    counted_votes = ~weighted.soft
    place, votes = weighted.item[counted_votes], np.round(weighted.weight[counted_votes])
    put_to = weighted.asked[counted_votes]
    np.add.at(asked, place, weighted.people[counted_votes, None] * put_to)
    np.add.at(yes, place, votes * put_to)
    np.add.at(none, place, weighted.none[counted_votes])
    return np.concatenate([yes, none[:, None]], axis=1), yes, asked


@dataclass(frozen=True)
class _Units:
    """Items with two annotations or more, those with the same answers as one unit. M annotations of P units."""

    unit: Codes
    """(M,) the unit of each annotation; one item stands for all items of the unit."""
    answer: Codes
    """(M,)"""
    times: Codes
    """(P,) how many items are like this."""
    of_item: Codes
    """(items,) the unit of each item."""


def _units(answers: Answers) -> _Units:
    """Group the items that got the same answers, whoever gave them: alpha does not ask who."""
    paired = np.bincount(answers.item, minlength=len(answers.items)) >= 2
    kept = paired[answers.item]
    frame = pl.DataFrame({"item": answers.item[kept], "answer": answers.answer[kept]})
    patterns = (
        frame.sort("item", "answer")
        .group_by("item", maintain_order=True)
        .agg("answer")
        .with_row_index("position")
        .group_by("answer", maintain_order=True)
        .agg(pl.len().alias("times"), "position")
        .with_row_index("unit")
    )
    members = patterns.select("unit", "position").explode("position").sort("position")
    annotations = patterns.select("unit", "answer").explode("answer")
    return _Units(
        annotations["unit"].to_numpy().astype(np.int64),
        annotations["answer"].to_numpy().astype(np.int64),
        patterns["times"].to_numpy().astype(np.int64),
        members["unit"].to_numpy().astype(np.int64),
    )


def _whole_sets(answers: Answers, units: _Units) -> tuple[Flags, int]:
    """Which annotations (M,) of `units` were asked every label that anyone was asked, and how many items' were not."""
    widest = answers.asked.any(axis=0) if len(answers.asked) else np.ones(len(answers.labels), dtype=np.bool_)
    whole = (answers.asked == widest).all(axis=1)[units.answer]
    return whole, int(units.times[units.unit[~whole]].sum())


def _by_label(answers: Answers, units: _Units) -> Floats:
    """(P, 3 L) what `alpha.binary_alpha` needs of each unit."""
    shape = (len(units.times), len(answers.labels))
    yes: Floats = np.zeros(shape)
    asked: Floats = np.zeros(shape)
    if len(units.unit):
        starts = np.flatnonzero(np.r_[True, units.unit[1:] != units.unit[:-1]])
        was_asked = answers.asked[units.answer]
        asked = np.add.reduceat(was_asked, starts, axis=0, dtype=np.float64)
        yes = np.add.reduceat(answers.member[units.answer] & was_asked, starts, axis=0, dtype=np.float64)
    return alpha.binary_features(yes, asked)


def _without_labels(answers: Answers) -> Answers:
    return replace(answers, labels=[], member=answers.member[:, :0], asked=answers.asked[:, :0])


def _sums(features: Floats, times: Codes) -> Floats:
    return np.asarray(times.astype(np.float64) @ features)


def _bootstrap(
    counts: alpha.Counts, by_label: Floats, units: _Units, resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """Alpha of whole answers (B,) and of each label (B, L) in the same resamples."""
    labels = by_label.shape[1] // 3
    overall: list[Floats] = [np.empty(0)]
    label: list[Floats] = [np.empty((0, labels))]
    if len(units.of_item):
        for weights in resamples_of(units.of_item, len(units.times), resamples, seed):
            overall.append(alpha.replicate(counts, weights))
            label.append(alpha.binary_alpha((weights @ by_label).reshape(len(weights), 3, labels)))
    return np.concatenate(overall), np.concatenate(label)


def _label_entries(
    names: list[str], values: Floats, replicates: Floats, by_label: Floats, units: _Units, level: float
) -> list[dict[str, Any]]:
    total = _sums(by_label, units.times)
    without = alpha.binary_alpha((total - by_label).reshape(len(by_label), 3, len(names)))
    asked = by_label.reshape(len(by_label), 3, len(names))[:, 1, :]
    entries = []
    for position, name in enumerate(names):
        accelerated = acceleration(without[:, position], units.times)
        low, high = bca(values[position], replicates[:, position], accelerated, level) or (None, None)
        entries.append(
            {
                "label": name,
                "value": figure(values[position]),
                "low": figure(low),
                "high": figure(high),
                "units": int(units.times[asked[:, position] > 0].sum()),
            }
        )
    return entries


def _why_undefined(counts: alpha.Counts) -> str:
    if not counts.size.any():
        return "Undefined: no item has two annotations that can be compared."
    return "Undefined: only one answer occurs, so there is no disagreement to expect by chance."
