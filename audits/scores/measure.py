"""Scores of given labels against reference labels, with intervals, as a whole and by a property of the items."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from audits.arrays import Flags, Floats
from audits.figures import NONE, figure
from audits.intervals import LEVEL, RESAMPLES, acceleration, bca, resamples_of
from audits.scores.confusion import confusion
from audits.scores.f1 import FIGURES, by_label, features, headlines
from audits.scores.pairs import Pairs, pair
from schemas.task import Task


def score(
    given: pl.DataFrame,
    reference: pl.DataFrame,
    task: Task,
    *,
    of: str,
    against: str,
    by: pl.DataFrame | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> list[dict[str, Any]]:
    """Score `given` against `reference`, on the items that both answered.

    Args:
        given, reference: ANNOTATIONS of one annotator (first answers count), LABELS of one aggregate, or any frame of
            `item_id`, `labels` list<struct{label, ...}> and perhaps `asked` list<str> with one row an item. Null
            labels are no answer; a label that was not put to one side is left out on both.
        of, against: the names of the two sides.
        by: `item_id` and one further column (language, say): each of its values is scored by itself too.
        resamples, seed, level: BCa intervals over bootstrap samples of the items; `resamples=0` leaves them out.

    Returns:
        Entries of `scores` in metrics.json, all items first (by: {}), then each value of `by` in ascending order: task,
        of, against, by, n, accuracy, macro_f1, micro_f1 (each value, low, high), labels (label, precision, recall, f1,
        support, predicted), confusion (labels, counts), note. The conventions are those of `audits.scores.f1` and
        `audits.scores.confusion`; "none of these" counts in accuracy and in the confusion, and has no F1 of its own.

    Raises:
        DsbuildError: an item has several rows on one side, or a label is not the task's.
    """
    pairs = pair(given, reference, task)
    everything = np.ones(len(pairs.items), dtype=np.bool_)
    head = {"task": task.name, "of": of, "against": against}
    result = [{**head, "by": {}, **_entry(pairs, everything, task, resamples, seed, level)}]
    if by is not None:
        (column,) = (name for name in by.columns if name != "item_id")
        values = pl.DataFrame({"item_id": pairs.items}).join(
            by.select("item_id", column), on="item_id", how="left", maintain_order="left"
        )[column]
        for value in values.drop_nulls().unique().sort():
            chosen = (values == value).fill_null(False).to_numpy()
            part = _entry(pairs, chosen, task, resamples, seed, level)
            result.append({**head, "by": {column: value}, **part})
    return result


def _entry(pairs: Pairs, chosen: Flags, task: Task, resamples: int, seed: int, level: float) -> dict[str, Any]:
    """The figures over the `chosen` (I,) items."""
    present, pattern = np.unique(pairs.pattern[chosen], return_inverse=True)
    given, reference = pairs.given[present], pairs.reference[present]
    times = np.bincount(pattern, minlength=len(present))
    counts = features(given, reference)
    totals = times.astype(np.float64) @ counts
    values = headlines(totals[None, :])[0]
    without = headlines(totals - counts)
    replicates = np.concatenate(
        [np.empty((0, len(FIGURES)))]
        + [headlines(weights @ counts) for weights in resamples_of(pattern, len(present), resamples, seed)]
        if len(pattern)
        else [np.empty((0, len(FIGURES)))]
    )
    table = by_label(totals)
    return {
        "n": int(chosen.sum()),
        **{
            name: _headline(values[k], replicates[:, k], acceleration(without[:, k], times), level)
            for k, name in enumerate(FIGURES)
        },
        "labels": [
            {
                "label": label,
                **{name: figure(table[name][k]) for name in ("precision", "recall", "f1")},
                **{name: int(table[name][k]) for name in ("support", "predicted")},
            }
            for k, label in enumerate(task.label_ids)
        ],
        "confusion": {
            "labels": [*task.label_ids, NONE],
            "counts": [[figure(cell) for cell in row] for row in confusion(given, reference, times).tolist()],
        },
        "note": None if chosen.any() else "Undefined: no item has an answer on both sides.",
    }


def _headline(value: float, replicates: Floats, accelerated: float, level: float) -> dict[str, float | None]:
    low, high = bca(value, replicates, accelerated, level) or (None, None)
    return {"value": figure(value), "low": figure(low), "high": figure(high)}
