"""Whether annotations keep the rules of their task, decided for all rows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from schemas.tables import ANNOTATIONS, REJECTS, conform

if TYPE_CHECKING:
    from schemas.task import Task


def split_by_rules(task: Task, annotations: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`annotations` (ANNOTATIONS) that keep the rules of `task`, and REJECTS that name the rule the others break."""
    ids = pl.col("labels").list.eval(pl.element().struct.field("label"))
    count = ids.list.len().fill_null(0)
    answered = pl.col("labels").is_not_null()
    skipped = pl.col("skipped").fill_null(False)
    outside = ids.list.set_difference(pl.lit(task.label_ids, dtype=pl.List(pl.String)))
    rules: list[tuple[str, pl.Expr]] = [
        ("annotation of another task", pl.col("task") != task.name),
        ("perspective is not the task's", pl.col("perspective").fill_null(task.perspective) != task.perspective),
    ]
    if task.kind == "text":
        rules += [
            ("a text task has no labels", answered),
            ("no answer", pl.col("text").is_null() & ~skipped),
        ]
    else:
        exclusive = pl.lit(list(task.exclusive), dtype=pl.List(pl.String))
        among_exclusive = ids.list.set_intersection(exclusive).list.len() > 0
        rules += [
            ("no answer", ~answered & ~skipped),
            ("label outside the taxonomy", (outside.list.len() > 0).fill_null(False)),
            ("the same label twice", (ids.list.n_unique() < count).fill_null(False)),
            ("an exclusive label stands beside others", (among_exclusive & (count > 1)).fill_null(False)),
        ]
        if task.kind == "choice":
            rules.append(("more than one label", count > 1))
    reason = pl.coalesce([pl.when(broken).then(pl.lit(name)) for name, broken in rules]).alias("_reason")
    judged = annotations.with_columns(reason)
    kept = judged.filter(pl.col("_reason").is_null()).drop("_reason")
    broken_rows = judged.filter(pl.col("_reason").is_not_null())
    rejects = broken_rows.select(
        pl.lit(f"task:{task.name}").alias("stage"),
        pl.col("_reason").alias("reason"),
        "item_id",
        pl.format("{} ({})", "annotator", "annotation_id").alias("detail"),
        pl.struct(pl.exclude("_reason")).struct.json_encode().alias("raw"),
    )
    return conform(kept, ANNOTATIONS), conform(rejects, REJECTS)
