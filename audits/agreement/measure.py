"""Agreement between annotators on one task, with intervals, overall and label by label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from audits.agreement import alpha
from audits.agreement.masi import masi, nominal
from audits.answers import Answers, encode
from audits.arrays import Codes, Flags, Floats
from audits.figures import counted, figure
from audits.intervals import LEVEL, RESAMPLES, acceleration, bca, resamples_of
from schemas.task import Task


def agreement(
    annotations: pl.DataFrame,
    task: Task,
    over: Sequence[str] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Any]:
    """Krippendorff's alpha of `annotations` (ANNOTATIONS) on `task` between the annotators `over` (default: all).

    The distance is the task's: nominal for choice ("none of these" is a category of its own), MASI between sets for
    multi. Every label is judged by itself too, as a yes or a no (nominal); a label that was not put to an annotator
    is missing there, not a no, and an annotation that was asked fewer labels than the others has no part in the
    alpha of whole sets. What counts: the first round, sample 0, not skipped, answered; see `audits.answers`.

    Intervals are BCa at `level` over `resamples` bootstrap samples of the items that have two annotations or more,
    seeded by `seed`; `resamples=0` leaves them out. Undefined figures (no such item, or only one answer among them)
    are None with a note.

    Returns:
        An entry of `agreement` in metrics.json: task, over, metric, distance, value, low, high, level, resamples,
        units (items with two annotations or more), annotations (of these), note, and labels with label, value, low,
        high, units.

    Raises:
        DsbuildError: the task has no labels, or an annotation holds a label that is not the task's.
    """
    answers = encode(annotations, task, over)
    units = _units(answers)
    notes = list(answers.notes)
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
    distance = nominal if task.distance == "nominal" else masi(answers.member)
    counts = alpha.count(units.unit[whole], units.answer[whole], units.times, len(answers.member), distance)
    value = alpha.point(counts)
    by_label = _by_label(answers, units)
    labels = alpha.binary_alpha(_sums(by_label, units.times).reshape(3, -1))
    overall_replicates, label_replicates = _bootstrap(counts, by_label, units, resamples, seed)

    interval = None
    if value is None:
        notes.append(_why_undefined(counts))
    elif resamples:
        accelerated = acceleration(alpha.leave_one_out(counts), units.times)
        interval = bca(value, overall_replicates, accelerated, level)
        undefined = int(np.isnan(overall_replicates).sum())
        if undefined:
            many = counted(undefined, "resample holds", "resamples hold")
            notes.append(f"{many} only one answer and {'is' if undefined == 1 else 'are'} left out of the interval.")
    low, high = interval or (None, None)
    return {
        "task": task.name,
        "over": list(over) if over is not None else answers.annotators,
        "metric": "krippendorff_alpha",
        "distance": task.distance,
        "value": figure(value),
        "low": figure(low),
        "high": figure(high),
        "level": level,
        "resamples": resamples,
        "units": int(units.times[counts.size > 0].sum()),
        "annotations": int((units.times * counts.size).sum()),
        "note": " ".join(notes) or None,
        "labels": _label_entries(answers.labels, labels, label_replicates, by_label, units, level),
    }


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
            label.append(alpha.binary_alpha((weights @ by_label).reshape(-1, 3, labels)))
    return np.concatenate(overall), np.concatenate(label)


def _label_entries(
    names: list[str], values: Floats, replicates: Floats, by_label: Floats, units: _Units, level: float
) -> list[dict[str, Any]]:
    total = _sums(by_label, units.times)
    without = alpha.binary_alpha((total - by_label).reshape(-1, 3, len(names)))
    asked = by_label.reshape(-1, 3, len(names))[:, 1, :]
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
