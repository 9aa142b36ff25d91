"""A task of attributes as the several small questions that it is."""

from __future__ import annotations

import polars as pl

from audits.part import Part
from schemas.tables import ANNOTATIONS, polars_schema
from schemas.task import Task


def parts_of(task: Task) -> dict[str, Part]:
    """The choice and multi attributes of `task` by name, each as a question whose labels are ATTRIBUTE:OPTION."""
    return {
        name: Part(task.name, one.kind, [f"{name}:{option}" for option in one.options])
        for name, one in task.attributes.items()
        if one.kind != "scale"
    }


def of_attribute(annotations: pl.DataFrame, name: str) -> pl.DataFrame:
    """`annotations` (ANNOTATIONS) as answers to one attribute: its labels alone, null where it was not asked."""
    mine = pl.col("labels").list.filter(
        (pl.element().struct.field("label") == name) | pl.element().struct.field("label").str.starts_with(f"{name}:")
    )
    asked = pl.col("asked").is_null() | pl.col("asked").list.contains(name)
    nothing = pl.lit(None, dtype=polars_schema(ANNOTATIONS)["asked"])
    return annotations.with_columns(pl.when(asked).then(mine).alias("labels"), nothing.alias("asked"))
