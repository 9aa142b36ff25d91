"""The config `data`: one row an item, ready to train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from schemas.errors import DsbuildError
from schemas.task import Task

ITEM_COLUMNS = ("item_id", "corpus", "language", "text")
TIERS = ("gold", "stated", "mixed", "silver")  # whose label is taken first


def wide_schema(tasks: Sequence[Task]) -> tuple[pa.Schema, dict[str, list[str]]]:
    """The Arrow schema of `data` for `tasks`, and the class names of its integer columns.

    A choice is an int64 (the label's place in the taxonomy), a multi a list of them, a text a string. `TASK_p` is a
    list of float32, one for each label in the taxonomy's order; a text task has none. `TASK_tier` is a string.

    Raises:
        DsbuildError: two columns would have one name.
    """
    fields: list[pa.Field] = [
        pa.field(name, pa.string(), nullable=name in {"language", "text"}) for name in ITEM_COLUMNS
    ]
    classes: dict[str, list[str]] = {}
    for task in tasks:
        if task.kind == "text":
            fields.append(pa.field(task.name, pa.string()))
        else:
            classes[task.name] = task.label_ids
            fields.append(pa.field(task.name, pa.list_(pa.int64()) if task.kind == "multi" else pa.int64()))
            fields.append(pa.field(f"{task.name}_p", pa.list_(pa.float32())))
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
    "none of these" is a null in an item whose tier is set. A soft label is the label's p (1 where the aggregate gives
    none) and 0 for the labels an aggregate does not give.

    Args:
        recipe_order: the aggregates as the recipe lists them, which decides within a tier.
        data_order: for a task, the only aggregates to take, best first, whatever their tier.

    Raises:
        DsbuildError: a label lies outside its task's taxonomy, or a choice has several.
    """
    frame = items.select(ITEM_COLUMNS)
    for task in tasks:
        chosen = _chosen(labels, task, recipe_order, (data_order or {}).get(task.name))
        if task.kind == "text":
            tier = pl.col("tier").alias(f"{task.name}_tier")
            columns = chosen.select("item_id", pl.col("text").alias(task.name), tier)
        else:
            columns = _encoded(chosen, task)
        frame = frame.join(columns, on="item_id", how="left", maintain_order="left", validate="1:1")
    return frame


def _chosen(labels: pl.DataFrame, task: Task, recipe_order: Sequence[str], only: Sequence[str] | None) -> pl.DataFrame:
    """The label of `task` that each item is released with: rows of `labels`, one an item at most."""
    answer = "text" if task.kind == "text" else "labels"
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


def _encoded(chosen: pl.DataFrame, task: Task) -> pl.DataFrame:
    """`item_id` and the columns TASK, TASK_p, TASK_tier of the rows in `chosen`."""
    ids = task.label_ids
    given = chosen.select("item_id", "labels").with_row_index("row").explode("labels").unnest("labels")
    given = given.drop_nulls("label")  # what an empty list leaves behind
    index = pl.col("label").replace_strict(ids, list(range(len(ids))), default=None, return_dtype=pl.Int64)
    given = given.with_columns(index.alias("index"), pl.col("p").fill_null(1.0))
    outside = given.filter(pl.col("index").is_null())
    if outside.height:
        raise DsbuildError(
            f"{outside['label'][0]!r} is no label of the task {task.name}.", where=f"item {outside['item_id'][0]}"
        )
    # has: (rows of chosen, labels) bool; soft: the same, float32
    has = np.zeros((chosen.height, len(ids)), dtype=np.bool_)
    soft = np.zeros(has.shape, dtype=np.float32)
    at = given["row"].to_numpy(), given["index"].to_numpy()
    has[at] = True
    soft[at] = given["p"].to_numpy()
    several = np.flatnonzero(has.sum(axis=1) > 1)
    if task.kind == "choice" and several.size:
        raise DsbuildError(
            f"The task {task.name} is a choice, but an item has several labels.",
            where=f"item {chosen['item_id'][int(several[0])]}",
        )
    ends = np.concatenate([[0], has.sum(axis=1).cumsum()]).astype(np.int32)
    lists = pl.Series(task.name, pa.ListArray.from_arrays(ends, np.nonzero(has)[1].astype(np.int64)))
    return pl.DataFrame(
        {
            "item_id": chosen["item_id"],
            task.name: lists if task.kind == "multi" else lists.list.first(),
            f"{task.name}_p": pl.Series(soft, dtype=pl.Array(pl.Float32, len(ids))).arr.to_list(),
            f"{task.name}_tier": chosen["tier"],
        }
    )
