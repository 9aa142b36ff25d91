"""Open vocabulary: the words that enough annotators gave."""

from __future__ import annotations

import polars as pl

from audits.aggregate.decision import DECIMALS, Decision, label_counts, voters
from audits.aggregate.rule import Rule
from audits.answers import first_answers
from schemas.tables import LABELS, polars_schema
from schemas.task import Task


def words(rule: Rule, annotations: pl.DataFrame, task: Task) -> Decision:
    """The words of each item by `rule`, the most given first, then by the alphabet; words are equal once folded.

    - majority: given by at least half of those who answered. A word given by exactly half is a tie and is kept, unlike
      a label of a closed set: two people hardly ever choose the same word, and two who answer would leave nothing.
    - union: given by anyone.
    - intersection: given by all, where at least two answered.

    "None of these" where no word passes and more than half gave none. `soft` has every word that anyone gave. Counts
    weigh as many as voted, soft labels share one vote. `most` of the task cuts the list.
    """
    answers = first_answers(annotations, task).select("item_id", "annotator", "votes", "labels")
    scored = pl.col("labels").list.eval(pl.element().struct.field("score").is_not_null()).list.any().fill_null(False)
    answers = answers.with_columns(
        pl.when(scored).then(pl.col("votes").fill_null(1)).otherwise(1).cast(pl.Float64).alias("_people")
    )
    answered = answers.group_by("item_id").agg(
        pl.col("_people").sum().alias("_answered"),
        pl.col("_people").filter(pl.col("labels").list.len() == 0).sum().alias("_none"),
    )
    shares = (
        answers.explode("labels")
        .unnest("labels")
        .drop_nulls("label")
        .group_by("item_id", "label")
        .agg(pl.col("score").fill_null(1.0).sum().alias("_given"))
        .join(answered, on="item_id")
        .with_columns((pl.col("_given") / pl.col("_answered")).round(DECIMALS).alias("p"))
        .sort(["item_id", "p", "label"], descending=[False, True, False])
    )
    enough = {
        "majority": pl.col("p") >= 0.5,
        "union": pl.col("p") > 0,
        "intersection": (pl.col("p") == 1) & (pl.col("_answered") >= 2),
    }[rule.rule]
    kept = shares.filter(enough)
    if task.most is not None:
        kept = kept.group_by("item_id", maintain_order=True).head(task.most)
    kinds = polars_schema(LABELS)
    listed = kept.group_by("item_id", maintain_order=True).agg(
        pl.struct("label", "p", pl.lit(None, dtype=pl.Float64).alias("score")).alias("labels")
    )
    soft = shares.group_by("item_id", maintain_order=True).agg(pl.struct("label", "p").alias("soft"))
    labels = (
        voters(annotations, task)
        .join(listed, on="item_id", how="left", maintain_order="left")
        .join(soft, on="item_id", how="left", maintain_order="left")
        .join(answered, on="item_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("labels").is_null() & (2 * pl.col("_none") > pl.col("_answered")))
            .then(pl.lit([], dtype=kinds["labels"]))
            .otherwise("labels")
            .cast(kinds["labels"])
            .alias("labels"),
            pl.when(pl.col("_answered").is_not_null()).then(pl.col("soft").fill_null([])).alias("soft"),
        )
        .drop("_answered", "_none")
    )
    ties = shares.filter(pl.col("p") == 0.5)["item_id"].n_unique() if rule.rule == "majority" else 0
    return Decision(labels, label_counts(labels, task), int((labels["labels"].list.len() == 0).sum()), ties)
