"""From the share of every label to an answer: a soft label, or the labels decided on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from schemas.task import Task

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def soft_labels(task: Task, shares: Floats) -> pl.Series:
    """(rows,) the column `labels` with the share of every label of `task` that has one, the largest first. `shares`:
    (rows, labels); those of a choice that add up to more than 1 are divided by their sum."""
    shares = np.clip(shares, 0.0, 1.0)
    if task.kind == "choice":
        shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
    return label_lists(shares > 0, task.label_ids, scores=shares, best_first=shares)


def decided(task: Task, shares: Floats, threshold: float = 0.5) -> Flags:
    """(rows, labels) the labels decided on. `shares`: (rows, labels).

    A choice has the label with the largest share (the first of equals), unless what is missing to 1, "none of these",
    has more; a multi every label over `threshold`. A label that never stands with others stands if it has the largest
    share, and is left out if not.
    """
    rows = np.arange(len(shares))
    if not shares.size:
        return np.zeros_like(shares, dtype=np.bool_)
    top = shares.argmax(axis=1)
    if task.kind == "choice":
        most = shares[rows, top]
        given = np.zeros_like(shares, dtype=np.bool_)
        given[rows, top] = (most > 0) & (most >= 1 - shares.sum(axis=1) - 1e-9)
        return given
    given = shares > threshold
    alone = [task.label_ids.index(label) for label in task.exclusive]
    lone = np.isin(top, alone) & given[rows, top]
    given[:, alone] = False
    given[lone] = False
    given[lone, top[lone]] = True
    return given


def label_lists(
    given: NDArray[np.bool_],
    names: Sequence[str],
    *,
    scores: NDArray[np.float64] | None = None,
    originals: Sequence[str] | None = None,
    best_first: NDArray[np.float64] | None = None,
) -> pl.Series:
    """(rows,) the column `labels`: of each row the `names` that `given` (rows, labels) marks, in their order or the
    best first by `best_first` (rows, labels), each with its score and the original it came as, where there are any."""
    row, label = np.nonzero(given)
    if best_first is not None:
        order = np.lexsort((label, -best_first[row, label], row))
        row, label = row[order], label[order]
    entries = pa.StructArray.from_arrays(
        [
            pa.array(list(names), pa.large_string()).take(pa.array(label)),
            pa.nulls(len(label), pa.float64()) if scores is None else pa.array(scores[row, label]),
            pa.nulls(len(label), pa.large_string())
            if originals is None
            else pa.array(list(originals), pa.large_string()).take(pa.array(label)),
        ],
        names=["label", "score", "original"],
    )
    # A row without labels is an empty list and not null: none of these is an answer.
    offsets = np.concatenate([[0], np.cumsum(given.sum(axis=1))])
    return pl.Series(pa.LargeListArray.from_arrays(pa.array(offsets), entries))
