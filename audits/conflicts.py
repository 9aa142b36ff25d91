"""The same text with different labels."""

from __future__ import annotations

from typing import Any

import polars as pl

from audits.text_key import text_key

EXAMPLES = 10
_SHOWN = 200


def conflicts(items: pl.DataFrame, annotations: pl.DataFrame, *, task: str, examples: int = EXAMPLES) -> dict[str, Any]:
    """Texts of several `items` (ITEMS) whose `annotations` (ANNOTATIONS) on `task` contradict each other.

    Meant for items before deduplication. Texts are the same by `audits.text_key`. A text is in conflict when no answer
    (set of labels) occurs on all of its items that were answered: with one annotation an item, when they differ; where
    several people judged the same item, their disagreement about it is no conflict.

    Returns:
        `conflicts` of metrics.json: texts (in conflict), items (that carry them), examples: by text, each with text
        (cut to 200 characters) and items (item_id, split, answers: lists of labels).
    """
    texts = items.select("item_id", pl.coalesce("split", "source_split").alias("split"), text_key().alias("text"))
    repeated = texts.filter(pl.col("text").is_not_null() & pl.col("text").is_duplicated())
    answered = annotations.filter(
        (pl.col("task") == task) & ~pl.col("skipped").fill_null(False) & pl.col("labels").is_not_null()
    ).select("item_id", pl.col("labels").list.eval(pl.element().struct.field("label")).list.sort().alias("answer"))
    answers = repeated.join(answered, on="item_id", how="inner").unique()
    shared = (
        answers.with_columns(pl.col("item_id").n_unique().over("text").alias("of"))
        .group_by("text", "answer", "of")
        .agg(pl.len().alias("on"))
        .group_by("text", "of")
        .agg(pl.col("on").max())
    )
    contested = shared.filter(pl.col("on") < pl.col("of")).select("text").sort("text")
    found = answers.join(contested, on="text", how="semi")
    shown = (
        found.join(contested.head(examples), on="text", how="semi")
        .group_by("text", "item_id", "split")
        .agg(pl.col("answer"))
        .sort("text", "item_id")
        .with_columns(pl.col("text").str.slice(0, _SHOWN).alias("shown"))
        .group_by("text", "shown", maintain_order=True)
        .agg("item_id", "split", "answer")
    )
    return {
        "texts": contested.height,
        "items": found["item_id"].n_unique(),
        "examples": [
            {
                "text": row["shown"],
                "items": [
                    {"item_id": item, "split": split, "answers": sorted(answer)}
                    for item, split, answer in zip(row["item_id"], row["split"], row["answer"], strict=True)
                ],
            }
            for row in shown.iter_rows(named=True)
        ],
    }
