"""Agreement on numbers: a scale's value, or the level of every label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from audits.agreement import numbers
from audits.agreement.labels import bounds
from audits.answers import first_answers
from audits.arrays import Codes, Floats
from audits.figures import counted, figure
from audits.intervals import acceleration, bca, resamples_of
from schemas.task import Task


def of_numbers(
    annotations: pl.DataFrame, task: Task, over: Sequence[str] | None, resamples: int, seed: int, level: float
) -> dict[str, Any]:
    """The figures of `audits.agreement.agreement` for a scale (no labels) or an intensity task (its labels)."""
    answers = first_answers(annotations, task, over)
    if task.kind == "scale":
        return of_values(
            answers.select("item_id", "annotator", "votes", label=pl.lit(""), score="value"),
            (),
            over,
            resamples,
            seed,
            level,
        )
    levels = answers.select("item_id", "annotator", "votes", "labels").explode("labels").unnest("labels")
    return of_values(levels.drop_nulls("label"), task.label_ids, over, resamples, seed, level)


def of_values(
    given: pl.DataFrame, names: Sequence[str], over: Sequence[str] | None, resamples: int, seed: int, level: float
) -> dict[str, Any]:
    """Alpha of `given` (item_id, annotator, votes, label, score), for each of `names` and for all of them; a single
    scale has no names and the label "". Rows that stand for several people are nobody's answer and left out."""
    notes = []
    several = given.filter(pl.col("votes") > 1)["item_id"].len()
    if several:
        left_out = "is" if several == 1 else "are"
        notes.append(
            f"{counted(several, 'number stands', 'numbers stand')} for several people and {left_out} left out."
        )
        given = given.filter(pl.col("votes").fill_null(1) <= 1)
    features, items, used = _features(given, names or ("",))
    # Items with the same numbers are one pattern: (P, L, SUMS).
    patterns, of_item, times = np.unique(
        features.reshape(len(items), len(names or ("",)) * numbers.SUMS),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    shape = (len(names) or 1, numbers.SUMS)
    totals = (times.astype(np.float64) @ patterns).reshape(shape)
    without = (totals.reshape(-1) - patterns).reshape(-1, *shape)
    value = float(numbers.joint_alpha(totals))
    by_label = numbers.alpha(totals)
    whole: list[Floats] = [np.empty(0)]
    parts: list[Floats] = [np.empty((0, shape[0]))]
    if len(items):
        for weights in resamples_of(of_item.reshape(-1), len(times), resamples, seed):
            drawn = (weights @ patterns).reshape(-1, *shape)
            whole.append(numbers.joint_alpha(drawn))
            parts.append(numbers.alpha(drawn))
    low, high = None, None
    if not np.isfinite(value):
        notes.append(
            "Undefined: all numbers are the same." if len(items) else "Undefined: no item has two numbers to compare."
        )
    elif resamples:
        low, high, undefined = bounds(value, np.concatenate(whole), numbers.joint_alpha(without), times, level)
        notes += undefined
    replicates, without_one, size = np.concatenate(parts), numbers.alpha(without), patterns.reshape(-1, *shape)[..., 1]
    return {
        "over": list(over) if over is not None else sorted(given["annotator"].unique()),
        "distance": "interval",
        "value": figure(value),
        "low": figure(low),
        "high": figure(high),
        "units": len(items),
        "annotations": used,
        "note": " ".join(notes) or None,
        "labels": [
            _entry(name, by_label[n], replicates[:, n], without_one[:, n], size[:, n], times, level)
            for n, name in enumerate(names)
        ],
    }


def _entry(
    name: str, value: float, replicates: Floats, without: Floats, size: Floats, times: Codes, level: float
) -> dict[str, Any]:
    low, high = bca(float(value), replicates, acceleration(without, times), level) or (None, None)
    return {
        "label": name,
        "value": figure(float(value)),
        "low": figure(low),
        "high": figure(high),
        "units": int(times[size > 0].sum()),
    }


def _features(given: pl.DataFrame, names: Sequence[str]) -> tuple[Floats, list[str], int]:
    """(I, L, SUMS) of the items that have two numbers for a label or more, their ids, and the annotations of these."""
    rows = given.filter(pl.col("label").is_in(list(names))).drop_nulls("score")
    rows = rows.filter(pl.len().over("item_id", "label") >= 2)
    items = rows["item_id"].unique().sort()
    place = items.search_sorted(rows["item_id"]).to_numpy().astype(np.int64) if len(items) else np.empty(0, np.int64)
    found = np.zeros((len(items), len(names), numbers.SUMS))
    labels, scores = rows["label"].to_numpy(), rows["score"].to_numpy()
    for n, name in enumerate(names):
        mine = labels == name
        if mine.any():
            values = scores[mine].astype(np.float64)
            found[:, n] = numbers.features(place[mine], values - values.mean(), len(items))
    return found, items.to_list(), rows.select("item_id", "annotator").n_unique()
