"""What annotators without a chat hand back: rows of ANNOTATIONS, dead letters and provenance, made column by column."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from schemas.ids import annotation_id, digest, item_hash
from schemas.kinds.points import Points
from schemas.protocols import AnnotatorOutput, no_dead_letters
from schemas.tables import ANNOTATIONS, PROVENANCE, conform, empty, polars_schema
from schemas.task import Task

LABELS = polars_schema(ANNOTATIONS)["labels"]
_SHOWN = "_item_hash"


def with_hashes(items: pl.DataFrame) -> pl.DataFrame:
    """`items` (ITEMS) with the hash of what is shown of each, which several tasks then share."""
    shown = items.select("text", "context", "media").iter_rows()
    return items.with_columns(pl.Series(_SHOWN, [item_hash(*row) for row in shown], dtype=pl.String))


class Hand:
    """Whoever answers, as provenance has it: `annotator` is its name in the recipe, `kind` a word of ANNOTATOR_KINDS,
    `model` and `identity` say what answers, `params` what else decides the answers; `id` is a hash of it all."""

    def __init__(
        self,
        annotator: str,
        kind: str,
        *,
        model: str,
        identity: str,
        params: Mapping[str, Any],
        strategy: str,
        code: str,
        prompt: str | None = None,
    ) -> None:
        self.annotator = annotator
        self.kind = kind
        row = {
            "annotator": annotator,
            "kind": kind,
            "model": model,
            "identity": identity,
            "params": json.dumps(params, sort_keys=True, ensure_ascii=False),
            "prompt": prompt,
            "prompt_hash": None if prompt is None else digest(prompt),
            "strategy": strategy,
            "code": code,
        }
        self.id = digest(row)[:16]
        self.provenance = conform(pl.DataFrame([{"provenance": self.id, **row}]), PROVENANCE)

    def answers(
        self, items: pl.DataFrame, task: Task | str, shown: str = "text", **answer: pl.Expr | pl.Series
    ) -> pl.DataFrame:
        """One row of ANNOTATIONS for each of `items` (ITEMS `with_hashes`); `answer` holds its columns by name, as
        expressions over `items` or as series of their height. A name instead of a task is a by-product's."""
        name, perspective = (task, None) if isinstance(task, str) else (task.name, task.perspective)
        ids = [annotation_id(item, name, self.annotator) for item in items["item_id"].to_list()]
        answer = {"skipped": pl.lit(False), **answer}
        return conform(
            items.select(
                pl.Series("annotation_id", ids, dtype=pl.String),
                "item_id",
                pl.col(_SHOWN).alias("item_hash"),
                pl.lit(name).alias("task"),
                pl.lit(perspective, dtype=pl.String).alias("perspective"),
                pl.lit(self.annotator).alias("annotator"),
                pl.lit(self.kind).alias("annotator_kind"),
                pl.lit(0).alias("sample"),
                pl.lit("first").alias("round"),
                pl.lit(shown).alias("shown"),
                pl.lit(self.id).alias("provenance"),
                *(column.alias(key) for key, column in answer.items()),
            ),
            ANNOTATIONS,
        )

    def words(self, items: pl.DataFrame, name: str, texts: pl.Expr | pl.Series) -> pl.DataFrame:
        """Rows of the text task `name`, a by-product; items whose text is null or empty have none."""
        rows = self.answers(items, name, text=texts)
        return rows.filter(pl.col("text").fill_null("") != "")

    def letters(
        self, items: pl.DataFrame, tasks: Sequence[Task], reason: pl.Expr | str, detail: pl.Expr | str
    ) -> pl.DataFrame:
        """A dead letter for each of `items` and `tasks`; `reason` and `detail` are the same for all, or expressions
        over `items`."""
        why = pl.lit(reason) if isinstance(reason, str) else reason
        more = pl.lit(detail) if isinstance(detail, str) else detail
        parts = [
            items.select(
                "item_id",
                pl.lit(task.name).alias("task"),
                pl.lit(self.annotator).alias("annotator"),
                why.alias("reason"),
                more.alias("detail"),
                pl.lit(None, dtype=pl.String).alias("raw"),
            )
            for task in tasks
        ]
        return pl.concat([no_dead_letters(), *parts])

    def output(
        self,
        asked: int,
        annotations: Sequence[pl.DataFrame],
        letters: Sequence[pl.DataFrame],
        **figures: Any,
    ) -> AnnotatorOutput:
        """All of a batch, with the figures `asked` and `answered` (rows that answer a task) and those given."""
        rows = pl.concat([empty(ANNOTATIONS), *annotations])
        answered = rows.filter(~pl.col("skipped") & pl.col("perspective").is_not_null()).height
        return AnnotatorOutput(
            annotations=rows,
            dead_letters=pl.concat([no_dead_letters(), *letters]),
            provenance=self.provenance,
            figures={"asked": asked, "answered": answered, **figures},
        )


def no_text(items: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`items` that have a text, and those that have none."""
    missing = items["text"].is_null()
    return items.filter(~missing), items.filter(missing)


def on_scale(task: Task, values: pl.Expr, low: float, high: float) -> pl.Expr:
    """`values` of the range `low`..`high`, moved linearly into the range of the scale `task` (values outside go to its
    ends), and to the nearest of its points where it has a step."""
    points = Points.of(task)
    moved = (points.low + (values - low) / (high - low) * points.width).clip(points.low, points.high)
    if points.step is None:
        return moved
    return (points.low + ((moved - points.low) / points.step).round() * points.step).clip(points.low, points.high)
