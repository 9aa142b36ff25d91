"""Answers taken as they were given, for tasks whose answers are more than labels of a closed set."""

from __future__ import annotations

import polars as pl

from audits.aggregate.ballot import last_adjudicated
from audits.aggregate.decision import Decision, label_counts, voters
from audits.answers import answer_column, first_answers
from schemas.tables import LABELS, polars_schema
from schemas.task import Task


def stated(annotations: pl.DataFrame, task: Task) -> Decision:
    """The one answer that `annotations` (ANNOTATIONS of authors) give to an item; several different ones are a tie and
    no label."""
    column = answer_column(task)
    answers = first_answers(annotations, task)
    repeated = answers.filter(pl.col("item_id").is_duplicated())
    contradicted = (
        repeated.select("item_id", pl.struct(column).struct.json_encode().alias("said"))
        .group_by("item_id")
        .agg(pl.col("said").n_unique())
        .filter(pl.col("said") > 1)
        .select("item_id")
    )
    one = answers.unique("item_id", keep="first", maintain_order=True).join(contradicted, on="item_id", how="anti")
    return _decision(annotations, task, as_labels(one, task), contradicted.height)


def adjudicated(annotations: pl.DataFrame, task: Task, otherwise: Decision) -> Decision:
    """The adjudicator's last answer where there is one, else what `otherwise` decided."""
    judged = as_labels(last_adjudicated(annotations, task), task)
    rest = otherwise.labels.join(judged, on="item_id", how="anti")
    both = pl.concat([judged, rest.drop("annotators")], how="diagonal")
    decided = _decision(annotations, task, both, 0)
    ties = (
        otherwise.ties if not judged.height else min(otherwise.ties, decided.labels[answer_column(task)].null_count())
    )
    return Decision(decided.labels, decided.counts, decided.none, ties, otherwise.fit, otherwise.notes)


def as_labels(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    """`item_id` and the answer of each of `rows` (ANNOTATIONS) in the form of LABELS.

    A label without a score has p = 1; one with a score (a rank, a level, a number) has no p.
    """
    column = answer_column(task)
    if column != "labels":
        return rows.select("item_id", column)
    entry = pl.element().struct
    given = pl.col("labels").list.eval(
        pl.struct(
            entry.field("label"),
            pl.when(entry.field("score").is_null()).then(1.0).alias("p"),
            entry.field("score"),
        )
    )
    return rows.select("item_id", given.cast(polars_schema(LABELS)["labels"]).alias("labels"))


def _decision(annotations: pl.DataFrame, task: Task, found: pl.DataFrame, ties: int) -> Decision:
    labels = voters(annotations, task).join(found, on="item_id", how="left", maintain_order="left")
    column = answer_column(task)
    none = int((labels[column].list.len() == 0).sum()) if column in ("labels", "spans") else 0
    return Decision(labels, label_counts(labels, task), none, ties)
