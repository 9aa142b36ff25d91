"""Scales, intensities and traces: the mean or the median of what the annotators gave."""

from __future__ import annotations

import polars as pl

from audits.aggregate.decision import DECIMALS, Decision, in_task_order, label_counts, voters
from audits.aggregate.mean import Median
from audits.aggregate.rule import Rule
from audits.answers import first_answers
from audits.figures import counted
from schemas.errors import DsbuildError
from schemas.tables import LABELS, polars_schema
from schemas.task import Task


def scale(rule: Rule, annotations: pl.DataFrame, task: Task) -> Decision:
    """`value` of every item."""
    answers = weighed(first_answers(annotations, task))
    found = answers.group_by("item_id").agg(middle(rule, answers, task, "value").alias("value"))
    labels = voters(annotations, task).join(found, on="item_id", how="left", maintain_order="left")
    return Decision(labels, {})


def intensity(rule: Rule, annotations: pl.DataFrame, task: Task) -> Decision:
    """`labels` of every item: each label that was put to anyone, with its level as `score`, over those asked it."""
    answers = weighed(first_answers(annotations, task))
    levels = answers.select("item_id", "_weight", "votes", "annotator", "labels").explode("labels").unnest("labels")
    levels = levels.drop_nulls("label")
    found = levels.group_by("item_id", "label").agg(middle(rule, levels, task, "score").alias("score"))
    entry = pl.struct("label", pl.lit(None, dtype=pl.Float64).alias("p"), "score").alias("labels")
    listed = in_task_order(found, task).group_by("item_id", maintain_order=True).agg(entry)
    listed = listed.with_columns(pl.col("labels").cast(polars_schema(LABELS)["labels"]))
    labels = voters(annotations, task).join(listed, on="item_id", how="left", maintain_order="left")
    return Decision(labels, label_counts(labels, task))


def trace(rule: Rule, annotations: pl.DataFrame, task: Task) -> Decision:
    """`trace` of every item, at each time that any annotator's trace has, within the time that all of them cover.

    Between two of its points a trace is a straight line. Annotators whose traces have no time in common give no label.
    """
    answers = weighed(first_answers(annotations, task))
    points = (
        answers.select("item_id", "annotator", "votes", "_weight", "trace")
        .filter(pl.col("trace").list.len() > 0)
        .explode("trace")
        .unnest("trace")
        .unique(["item_id", "annotator", "t"], keep="first", maintain_order=True)
    )
    spans = points.group_by("item_id", "annotator", "votes", "_weight", maintain_order=True).agg(
        pl.col("t").min().alias("_from"), pl.col("t").max().alias("_to")
    )
    common = spans.group_by("item_id").agg(pl.col("_from").max(), pl.col("_to").min())
    times = (
        points.select("item_id", "t")
        .unique()
        .join(common, on="item_id")
        .filter(pl.col("t").is_between("_from", "_to"))
        .select("item_id", "t")
    )
    # Every annotator at every time of the item: (item, annotator, t), with gaps where the trace has no point.
    grid = (
        times.join(spans.drop("_from", "_to"), on="item_id")
        .join(
            points.select("item_id", "annotator", "t", "value"),
            on=["item_id", "annotator", "t"],
            how="full",
            coalesce=True,
        )
        .sort("item_id", "annotator", "t")
        .with_columns(pl.col("value").interpolate_by("t").over("item_id", "annotator"))
        .join(times, on=["item_id", "t"], how="semi")
    )
    found = (
        grid.group_by("item_id", "t")
        .agg(middle(rule, answers, task, "value").alias("value"))
        .sort("item_id", "t")
        .group_by("item_id", maintain_order=True)
        .agg(pl.struct("t", "value").alias("trace"))
    )
    labels = voters(annotations, task).join(found, on="item_id", how="left", maintain_order="left")
    apart = answers["item_id"].n_unique() - found.height
    note = (f"{counted(apart, 'item has', 'items have')} traces without any time in common: no label.",)
    return Decision(labels, {}, notes=note if apart else ())


def weighed(answers: pl.DataFrame) -> pl.DataFrame:
    """`answers` (ANNOTATIONS) with `_weight` (float64), the people behind each."""
    return answers.with_columns(pl.col("votes").fill_null(1).cast(pl.Float64).alias("_weight"))


def middle(rule: Rule, answers: pl.DataFrame, task: Task, column: str) -> pl.Expr:
    """The mean or median of `column`, weighed by `_weight`."""
    if isinstance(rule, Median):
        several = answers.filter(pl.col("votes") > 1)
        if several.height:
            raise DsbuildError(
                f"The median is taken over people, but {several.height:,} annotations of {task.name} stand for several "
                "people each.",
                where=f"annotator {several['annotator'][0]}",
                fix="Use mean, which weighs them, or the individual annotations if the corpus has them.",
            )
        return pl.col(column).median().round(DECIMALS)
    return ((pl.col(column) * pl.col("_weight")).sum() / pl.col("_weight").sum()).round(DECIMALS)
