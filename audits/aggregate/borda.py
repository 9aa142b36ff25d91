"""Borda: labels in the order of their mean rank.

Borda (1784), "Mémoire sur les élections au scrutin". Equal ranks share the mean of the places they take (mid-ranks:
Kendall (1945), "The treatment of ties in ranking problems", Biometrika 33(3)), and so do the labels an annotator was
asked about and did not rank: behind k ranked ones of L, each of them has the rank (k + 1 + L) / 2.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from audits.aggregate.decision import DECIMALS, Decision, label_counts, voters
from audits.aggregate.rule import Rule
from audits.answers import first_answers
from schemas.tables import LABELS, polars_schema
from schemas.task import Task


class Borda(Rule):
    """The labels that at least half of those asked ranked, in the order of their mean rank.

    `score` is the place (1 is best; equal mean ranks have the same place and stand in the taxonomy's order), `p` the
    share of those asked who ranked the label. "None of these" where no label passes and more than half ranked none.
    A tie is an item where two labels share the first place.
    """

    rule: Literal["borda"] = "borda"


def borda(rule: Rule, annotations: pl.DataFrame, task: Task) -> Decision:
    """See `Borda`."""
    answers = first_answers(annotations, task).select("item_id", "annotator", "asked", "labels")
    ids = task.label_ids
    places = pl.DataFrame({"label": ids, "_place": range(len(ids))}, schema={"label": pl.String, "_place": pl.Int64})
    # One row for each annotator and label that was put to them.
    asked = (
        answers.select(
            "item_id", "annotator", pl.coalesce("asked", pl.lit(ids, dtype=pl.List(pl.String))).alias("label")
        )
        .with_columns(pl.col("label").list.len().cast(pl.Float64).alias("_of"))
        .explode("label")
    )
    ranked = answers.drop("asked").explode("labels").unnest("labels").drop_nulls("label")
    own = ["item_id", "annotator"]
    ranked = ranked.select(*own, "label", pl.col("score").rank("average").over(own).alias("_rank"))
    many = ranked.group_by(own).agg(pl.len().cast(pl.Float64).alias("_ranked"))
    every = (
        asked.join(ranked, on=[*own, "label"], how="left")
        .join(many, on=own, how="left")
        .with_columns(
            pl.coalesce("_rank", (pl.col("_ranked").fill_null(0.0) + 1 + pl.col("_of")) / 2).alias("_mean"),
            pl.col("_rank").is_not_null().alias("_is"),
        )
    )
    found = (
        every.group_by("item_id", "label")
        .agg(pl.col("_mean").mean().round(DECIMALS), pl.col("_is").mean().round(DECIMALS).alias("p"))
        .filter(pl.col("p") >= 0.5)
        .with_columns(pl.col("_mean").rank("min").over("item_id").cast(pl.Float64).alias("score"))
        .join(places, on="label", how="left")
        .sort("item_id", "score", "_place")
    )
    ties = found.filter(pl.col("score") == 1).group_by("item_id").len().filter(pl.col("len") > 1).height
    if task.most is not None:
        found = found.group_by("item_id", maintain_order=True).head(task.most)
    listed = found.group_by("item_id", maintain_order=True).agg(pl.struct("label", "p", "score").alias("labels"))
    nothing = answers.group_by("item_id").agg((pl.col("labels").list.len() == 0).mean().alias("_none"))
    kind = polars_schema(LABELS)["labels"]
    labels = (
        voters(annotations, task)
        .join(listed.with_columns(pl.col("labels").cast(kind)), on="item_id", how="left", maintain_order="left")
        .join(nothing, on="item_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("labels").is_null() & (pl.col("_none") > 0.5))
            .then(pl.lit([], dtype=kind))
            .otherwise("labels")
            .alias("labels")
        )
        .drop("_none")
    )
    return Decision(labels, label_counts(labels, task), int((labels["labels"].list.len() == 0).sum()), ties)
