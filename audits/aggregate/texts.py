"""Texts: the one that most gave."""

from __future__ import annotations

import polars as pl

from audits.aggregate.decision import Decision, voters
from audits.aggregate.rule import Rule
from audits.answers import first_answers
from schemas.task import Task


def texts(rule: Rule, annotations: pl.DataFrame, task: Task) -> Decision:
    """The text that most of those who answered gave; texts are equal after NFC and with every run of blanks as one.

    So a single annotator's text is the label, and of several different ones none is: a tie. `agreement` is the share
    of those who answered who gave it, where there are two or more.
    """
    answers = first_answers(annotations, task).select(
        "item_id",
        "text",
        pl.col("text").str.normalize("NFC").str.replace_all(r"\s+", " ").str.strip_chars().alias("_same"),
    )
    votes = (
        answers.group_by("item_id", "_same")
        .agg(pl.len().alias("_votes"), pl.col("text").sort().first())
        .with_columns(
            pl.col("_votes").max().over("item_id").alias("_most"), pl.col("_votes").sum().over("item_id").alias("_of")
        )
        .filter(pl.col("_votes") == pl.col("_most"))
    )
    alone = votes.filter(pl.col("item_id").is_unique())
    found = alone.select(
        "item_id", "text", pl.when(pl.col("_of") > 1).then(pl.col("_votes") / pl.col("_of")).alias("agreement")
    )
    labels = voters(annotations, task).join(found, on="item_id", how="left", maintain_order="left")
    return Decision(labels, {}, ties=votes["item_id"].n_unique() - alone.height)
