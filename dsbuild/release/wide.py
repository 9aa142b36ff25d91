"""The config `data`: one row an item, ready to train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
import pyarrow as pa

from schemas.errors import DsbuildError
from schemas.kinds import kind_of
from schemas.task import Task

ITEM_COLUMNS = ("item_id", "corpus", "language", "text")
TIERS = ("gold", "stated", "mixed", "silver")  # whose label is taken first


def column_names(task: Task) -> list[str]:
    """The columns of `task`: those of its kind, and TASK_tier."""
    return [*(column.name for column in task.wide_columns()), f"{task.name}_tier"]


def wide_schema(tasks: Sequence[Task]) -> tuple[pa.Schema, dict[str, list[str]]]:
    """The Arrow schema of `data` for `tasks`, and the class names of its integer columns.

    What columns a task has is its kind's affair (`Task.wide_columns`); behind them stands `TASK_tier`, a string.

    Raises:
        DsbuildError: two columns would have one name.
    """
    fields: list[pa.Field] = [
        pa.field(name, pa.string(), nullable=name in {"language", "text"}) for name in ITEM_COLUMNS
    ]
    classes: dict[str, list[str]] = {}
    for task in tasks:
        for column in task.wide_columns():
            fields.append(pa.field(column.name, column.type))
            if column.classes is not None:
                classes[column.name] = column.classes
        fields.append(pa.field(f"{task.name}_tier", pa.string()))
    names = [field.name for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise DsbuildError(
                f"Two columns of the config data would be called {name!r}.",
                fix="Rename the task: a task's name, with _p and _tier behind it, must not be another column's.",
            )
    return pa.schema(fields), classes


def wide(
    items: pl.DataFrame,
    labels: pl.DataFrame,
    tasks: Sequence[Task],
    recipe_order: Sequence[str] = (),
    data_order: Mapping[str, Sequence[str]] | None = None,
) -> pl.DataFrame:
    """`items` (ITEMS) with what `labels` (LABELS) say about them, one row an item, in the order of `items`.

    A column is null where no aggregate has a label for the item; an empty list is "none of these". For a choice,
    "none of these" is a null in an item whose tier is set. What the columns hold is said by the kinds (`Task.widen`).

    Args:
        recipe_order: the aggregates as the recipe lists them, which decides within a tier.
        data_order: for a task, the only aggregates to take, best first, whatever their tier.

    Raises:
        DsbuildError: a label is none of its task's, or a choice has several.
    """
    frame = items.select(ITEM_COLUMNS)
    for task in tasks:
        chosen = _chosen(labels, task, recipe_order, (data_order or {}).get(task.name))
        columns = task.widen(chosen).with_columns(chosen["tier"].alias(f"{task.name}_tier"))
        frame = frame.join(columns, on="item_id", how="left", maintain_order="left", validate="1:1")
    return frame


def _chosen(labels: pl.DataFrame, task: Task, recipe_order: Sequence[str], only: Sequence[str] | None) -> pl.DataFrame:
    """The label of `task` that each item is released with: rows of `labels`, one an item at most."""
    answer = kind_of(task).column
    found = labels.filter((pl.col("task") == task.name) & pl.col(answer).is_not_null())
    if only is not None:
        found = found.filter(pl.col("aggregate").is_in(list(only))).with_columns(_place("aggregate", only).alias("_1"))
    else:
        found = found.with_columns(_place("tier", TIERS).alias("_1"))
    found = found.with_columns(_place("aggregate", recipe_order).alias("_2"))
    order = ["_1", "_2", "aggregate"]
    return found.sort(order).unique("item_id", keep="first", maintain_order=True).drop("_1", "_2")


def _place(column: str, order: Sequence[str]) -> pl.Expr:
    """Where the column's value stands in `order` (int64); what is not in it comes last."""
    if not order:
        return pl.lit(0, dtype=pl.Int64)
    places = list(range(len(order)))
    return pl.col(column).replace_strict(list(order), places, default=len(order), return_dtype=pl.Int64)
