"""Attributes: several small questions in one task, each decided by itself."""

from __future__ import annotations

import polars as pl

from audits.aggregate.decision import Decision, voters
from audits.aggregate.majority import Majority
from audits.aggregate.mean import Mean
from audits.aggregate.numbers import middle, weighed
from audits.aggregate.rule import Rule
from audits.aggregate.votes import votes
from audits.answers import first_answers
from audits.attributes import of_attribute, parts_of
from schemas.tables import LABELS, polars_schema
from schemas.task import Task


def attributes(rule: Rule, annotations: pl.DataFrame, task: Task) -> Decision:
    """The options of every choice and multi attribute by majority, the number of every scale attribute by mean.

    `labels` are in the order of the attributes, then of their options; an item has none where no attribute has any and
    none was answered with "none". `soft` has the p of all options.
    """
    assert isinstance(rule, Majority)
    made: list[pl.DataFrame] = []
    counts: dict[str, int] = {}
    notes: list[str] = []
    ties = 0
    parts = parts_of(task)
    for name in task.attributes:
        mine = of_attribute(annotations, name)
        if name not in parts:
            made.append(_number(mine, task, name))
            continue
        decision = votes(rule, mine, parts[name])
        made.append(decision.labels.select("item_id", "labels", "soft"))
        counts |= decision.counts
        ties += decision.ties
        notes += [note for note in decision.notes if note not in notes]
    kinds = polars_schema(LABELS)
    joined = (
        pl.concat([frame.with_columns(_place=pl.lit(place)) for place, frame in enumerate(made)], how="diagonal")
        .sort("item_id", "_place")
        .group_by("item_id", maintain_order=True)
        .agg(
            *(
                pl.col(column).drop_nulls().list.explode(keep_nulls=False, empty_as_null=False).alias(column)
                for column in ("labels", "soft")
            ),
            *(pl.col(column).is_not_null().any().alias(f"_{column}") for column in ("labels", "soft")),
        )
        .select(
            "item_id",
            *(
                pl.when(f"_{column}").then(pl.col(column).cast(kinds[column])).alias(column)
                for column in ("labels", "soft")
            ),
        )
    )
    labels = voters(annotations, task).join(joined, on="item_id", how="left", maintain_order="left")
    none = int((labels["labels"].list.len() == 0).sum())
    return Decision(labels, counts, none, ties, notes=tuple(notes))


def _number(annotations: pl.DataFrame, task: Task, name: str) -> pl.DataFrame:
    """`item_id` and `labels` with the mean of a scale attribute; null where nobody gave it."""
    answers = weighed(first_answers(annotations, task)).explode("labels").unnest("labels").drop_nulls("score")
    mean = answers.group_by("item_id").agg(middle(Mean(), answers, task, "score").alias("score")).sort("item_id")
    entry = pl.struct(pl.lit(name).alias("label"), pl.lit(None, dtype=pl.Float64).alias("p"), "score")
    return mean.select("item_id", pl.concat_list(entry).cast(polars_schema(LABELS)["labels"]).alias("labels"))
