"""Annotations as arrays: what share each annotator gives each label of each item."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.errors import DsbuildError

Floats = NDArray[np.float64]
_KEPT = ("item_id", "task", "labels", "value", "confidence", "votes")


def first_answers(annotations: pl.DataFrame) -> pl.DataFrame:
    """The answers of `annotations` (ANNOTATIONS) that are fused: of each item and task the first one given, sample 0 of
    the first round, without those that were passed over."""
    kept = annotations.filter(
        ~pl.col("skipped").fill_null(False)
        & (pl.col("sample").fill_null(0) == 0)
        & (pl.col("round").fill_null("first") == "first")
    )
    return kept.sort("annotation_id").select(_KEPT).unique(["item_id", "task"], keep="first", maintain_order=True)


def label_shares(
    answers: pl.DataFrame, items: pl.Series, labels: Sequence[str], *, one: bool, by_confidence: bool, where: str
) -> Floats:
    """(items, labels) the share that `answers` (of one annotator and task) gives each of `labels`; NaN for no answer.

    Scores are shares, with `votes` counts of so many people. A label without a score has the share 1 or, with
    `by_confidence`, the confidence of its answer, and where `one` label is wanted the others have the rest evenly.

    Raises:
        DsbuildError: an answer holds a label that is none of `labels`.
    """
    rows = pl.DataFrame({"item_id": items}).with_row_index("_row")
    mine = rows.join(answers, on="item_id", how="inner", maintain_order="left").filter(pl.col("labels").is_not_null())
    found = np.full((len(items), len(labels)), np.nan)
    found[mine["_row"].to_numpy()] = 0.0
    given = (
        mine.filter(pl.col("labels").list.len() > 0)
        .explode("labels")
        .select(
            "_row",
            pl.col("labels").struct.field("label"),
            (pl.col("labels").struct.field("score") / pl.col("votes").fill_null(1)).alias("share"),
            pl.col("confidence").fill_null(1.0),
        )
    )
    place = given["label"].replace_strict(list(labels), list(range(len(labels))), default=None, return_dtype=pl.Int64)
    if place.null_count():
        strange = given["label"].filter(place.is_null())[0]
        raise DsbuildError(
            f'An answer holds the label "{strange}", which is none of: {", ".join(labels)}.',
            where=where,
            fix="Fuse annotators that answer the same task, or name the labels' taxonomy.",
        )
    row, column = given["_row"].to_numpy(), place.to_numpy()
    bare = given["share"].is_null().to_numpy()
    share = given["share"].fill_null(1.0).to_numpy().copy()
    if by_confidence:
        sure = given["confidence"].to_numpy()
        if one and bare.any():
            found[row[bare]] = ((1 - sure[bare]) / max(len(labels) - 1, 1))[:, None]
        share[bare] = sure[bare]
    found[row, column] = share
    return found


def held(p: Floats, one: bool) -> Floats:
    """As p (annotators, items, labels): 1 for the labels an annotator stands for. Of `one` label that with the largest
    share (the first of equals), unless "none of these" has more; of sets every label over one half."""
    if not one:
        return np.where(np.isnan(p), np.nan, (p > 0.5).astype(np.float64))
    none = 1 - np.nan_to_num(p).sum(axis=2)
    top = np.nan_to_num(p, nan=-1.0).argmax(axis=2)
    chosen = np.zeros_like(p)
    np.put_along_axis(chosen, top[:, :, None], 1.0, axis=2)
    most = np.nan_to_num(p).max(axis=2, initial=0.0)
    chosen[(most <= 0) | (most < none)] = 0.0
    return np.where(np.isnan(p), np.nan, chosen)


def values(answers: pl.DataFrame, items: pl.Series) -> Floats:
    """(items,) the number that `answers` (of one annotator and task) gives each; NaN for none."""
    rows = pl.DataFrame({"item_id": items}).join(
        answers.select("item_id", "value"), on="item_id", how="left", maintain_order="left"
    )
    return rows["value"].cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)
