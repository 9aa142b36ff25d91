"""What a rule made of annotations, whatever the kind of task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from audits.answers import answer_column, is_answer
from schemas.task import Task

# Shares and means of an iterative fit or of threads that add up in any order are the same everywhere to this many.
DECIMALS = 6


@dataclass(frozen=True)
class Decision:
    """One row for every item with an annotation of the task, and what there is to say about all of them.

    `labels` has `item_id`, sorted, and those columns of LABELS that the rule fills (see `audits.aggregate.combine`);
    the answer's column is null where the rule gives no label.
    """

    labels: pl.DataFrame
    counts: dict[str, int]
    none: int = 0
    ties: int = 0
    fit: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


def voters(annotations: pl.DataFrame, task: Task) -> pl.DataFrame:
    """`item_id` of every item that `annotations` (ANNOTATIONS) of `task` are about, sorted, and how many `annotators`
    (int32) answered or adjudicated it."""
    counted = pl.col("sample").fill_null(0) == 0
    by = (
        annotations.filter(is_answer(task) & counted & (pl.col("round").fill_null("first") != "repeat"))
        .group_by("item_id")
        .agg(pl.col("annotator").n_unique().cast(pl.Int32).alias("annotators"))
    )
    return (
        annotations.select("item_id")
        .unique()
        .sort("item_id")
        .join(by, on="item_id", how="left", maintain_order="left")
        .with_columns(pl.col("annotators").fill_null(0))
    )


def in_task_order(found: pl.DataFrame, task: Task) -> pl.DataFrame:
    """`found` (item_id, label, ...) sorted by item, then in the order of the task's labels, then by label."""
    place = pl.DataFrame({"label": task.label_ids, "_place": range(len(task.label_ids))}, schema_overrides=_PLACE)
    ordered = found.join(place, on="label", how="left").sort("item_id", "_place", "label", nulls_last=True)
    return ordered.drop("_place")


_PLACE = {"label": pl.String, "_place": pl.Int64}


def label_counts(labels: pl.DataFrame, task: Task) -> dict[str, int]:
    """How many items have each label, in the task's order; a label of an intensity task only above its lowest level,
    one of a ranking only as the first. At most `MOST_WORDS` of an open vocabulary, the most frequent."""
    if answer_column(task) != "labels" or "labels" not in labels.columns:
        return {}
    given = labels.select("item_id", "labels").explode("labels").unnest("labels").drop_nulls("label")
    given = given.filter(counts_as_given(task))
    table = given.group_by("label").agg(pl.len().alias("n")).sort("n", "label", descending=[True, False])
    counted = dict(most_frequent(table, task).iter_rows())
    if task.kind == "open":
        return counted
    return {label: counted.get(label, 0) for label in dict.fromkeys([*task.label_ids, *sorted(counted)])}


MOST_WORDS = 100


def most_frequent(counted: pl.DataFrame, task: Task) -> pl.DataFrame:
    """The rows of `counted` (label, n, ...); of an open vocabulary those of its most frequent words."""
    if task.kind != "open":
        return counted
    totals = counted.group_by("label").agg(pl.col("n").sum().alias("_all"))
    first = totals.sort("_all", "label", descending=[True, False]).head(MOST_WORDS).select("label")
    return counted.join(first, on="label", how="semi", maintain_order="left")


def counts_as_given(task: Task) -> pl.Expr:
    """Whether an entry (label, score) of an answer's labels says that the label is there."""
    if task.kind == "intensity":
        return pl.col("score") > (task.range or (0.0, 1.0))[0]
    if task.kind == "ranking":
        return pl.col("score") == 1
    return pl.lit(True)
