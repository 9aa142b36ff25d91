"""Spans: the characters that most annotators marked."""

from __future__ import annotations

import polars as pl

from audits.aggregate.decision import Decision, voters
from audits.aggregate.rule import Rule
from audits.answers import first_answers
from schemas.tables import LABELS, polars_schema
from schemas.task import Task

_PLACE = ["item_id", "_in", "_label"]


def spans(rule: Rule, annotations: pl.DataFrame, task: Task) -> Decision:
    """Every character of the item or of its context that more than half of those who answered marked with the same
    label; neighbouring ones are one span. No span, where no character passes and more than half marked none.

    A span without offsets (only the turn is known, or the cause lies outside the dialogue) passes by itself where more
    than half gave it. What was quoted is put together from the annotators' quotes. A tie is an item with a character
    that exactly half marked.
    """
    answers = first_answers(annotations, task).select("item_id", "annotator", "spans")
    answered = answers.group_by("item_id").agg(
        pl.len().alias("_answered"), (pl.col("spans").list.len() == 0).sum().alias("_none")
    )
    marked = answers.filter(pl.col("spans").list.len() > 0).explode("spans")
    given = marked.select(
        "item_id",
        "annotator",
        *(pl.col("spans").struct.field(name).alias(f"_{name}") for name in ("start", "end", "label", "text")),
        pl.col("spans").struct.field("item_id").alias("_in"),
    )
    # One row for each annotator and character (int32 offset), or for each annotator and span that has no offsets.
    cited = pl.col("_text").str.len_chars() == pl.col("_end") - pl.col("_start")
    placed = (
        given.filter(pl.col("_start").is_not_null())
        .with_columns(pl.when(cited).then(pl.col("_text").str.split("")).alias("_chars"))
        .with_columns(
            pl.int_ranges("_start", "_end").alias("_at"),
            pl.coalesce("_chars", pl.lit(None, dtype=pl.String).repeat_by(pl.col("_end") - pl.col("_start"))),
        )
        .explode("_at", "_chars")
        .select("item_id", "annotator", "_in", "_label", pl.col("_at").cast(pl.Int64), "_chars")
    )
    whole = given.filter(pl.col("_start").is_null()).select(
        "item_id",
        "annotator",
        "_in",
        "_label",
        pl.lit(None, dtype=pl.Int64).alias("_at"),
        pl.col("_text").alias("_chars"),
    )
    votes = (
        pl.concat([placed, whole])
        .group_by(*_PLACE, "_at")
        .agg(pl.col("annotator").n_unique().alias("_votes"), pl.col("_chars").drop_nulls().sort().first())
        .join(answered, on="item_id")
        .sort(*_PLACE, "_at", nulls_last=True)
    )
    ties = votes.filter(2 * pl.col("_votes") == pl.col("_answered"))["item_id"].n_unique()
    runs = votes.filter(2 * pl.col("_votes") > pl.col("_answered")).with_columns(
        (pl.col("_at") != pl.col("_at").shift() + 1).fill_null(True).cum_sum().over(_PLACE).alias("_run")
    )
    merged = runs.group_by(*_PLACE, "_run", maintain_order=True).agg(
        pl.col("_at").first().cast(pl.Int32).alias("start"),
        (pl.col("_at").last() + 1).cast(pl.Int32).alias("end"),
        pl.when(pl.col("_chars").is_null().any()).then(None).otherwise(pl.col("_chars").str.join("")).alias("text"),
    )
    listed = (
        merged.sort("item_id", "_in", "start", "_label", nulls_last=True)
        .group_by("item_id", maintain_order=True)
        .agg(
            pl.struct(pl.col("_in").alias("item_id"), "start", "end", pl.col("_label").alias("label"), "text").alias(
                "spans"
            )
        )
    )
    if task.most is not None:
        listed = listed.with_columns(pl.col("spans").list.head(task.most))
    kind = polars_schema(LABELS)["spans"]
    labels = (
        voters(annotations, task)
        .join(listed.with_columns(pl.col("spans").cast(kind)), on="item_id", how="left", maintain_order="left")
        .join(answered, on="item_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("spans").is_null() & (2 * pl.col("_none") > pl.col("_answered")))
            .then(pl.lit([], dtype=kind))
            .otherwise("spans")
            .alias("spans")
        )
        .drop("_answered", "_none")
    )
    return Decision(labels, {}, int((labels["spans"].list.len() == 0).sum()), ties)
