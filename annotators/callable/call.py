"""A function over a frame, without a recipe: what a notebook wants."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import polars as pl
from pydantic import JsonValue

from annotators.callable.annotator import CallableAnnotator
from annotators.callable.config import CallableConfig, Function
from schemas.errors import DsbuildError
from schemas.ids import item_id_from_content
from schemas.protocols import AnnotatorOutput
from schemas.tables import ITEMS, conform
from schemas.task import Task


def annotate(
    items: pl.DataFrame,
    function: Function,
    tasks: Task | Sequence[Task],
    *,
    name: str = "function",
    batch_size: int = 1000,
    options: dict[str, JsonValue] | None = None,
) -> AnnotatorOutput:
    """The answers of `function` about `items`, checked as in a run: `annotations` that keep the rules of `tasks`, and
    `dead_letters` for the rest, each with its reason.

    `items` needs a column `text`; other columns of ITEMS are taken as they are, and `item_id` is made where it is
    missing. See `annotators.callable.annotator` for what `function(items, tasks, **options)` may return. Inside of a
    running event loop (a notebook) it is run in a thread of its own.

    Raises:
        DsbuildError: there is no text, every call failed, or the function has no source to be known by.
    """
    if "text" not in items.columns:
        raise DsbuildError("The frame has no column text.", fix="Rename the column that holds what is to be judged.")
    asked = [tasks] if isinstance(tasks, Task) else list(tasks)
    whole = items.select(column for column in items.columns if column in ITEMS.names)
    if "item_id" not in whole.columns:
        before = whole.select(pl.int_range(pl.len()).over("text")).to_series()
        pairs = zip(whole["text"].to_list(), before.to_list(), strict=True)
        ids = [item_id_from_content(name, text or "", count) for text, count in pairs]
        whole = whole.with_columns(pl.Series("item_id", ids, dtype=pl.String))
    defaults = {"corpus": pl.lit("frame"), "modality": pl.lit("text")}
    whole = whole.with_columns(value.alias(key) for key, value in defaults.items() if key not in whole.columns)
    where = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', type(function).__name__)}"
    config = CallableConfig(name=name, function=where, batch_size=batch_size, options=options or {})
    output = _finished(CallableAnnotator(config, function), conform(whole, ITEMS), asked)
    kept, letters = [], [output.dead_letters]
    for task in asked:
        mine = output.annotations.filter(pl.col("task") == task.name)
        good, rejects = task.validate_annotations(mine)
        kept.append(good)
        letters.append(
            rejects.select(
                "item_id",
                pl.lit(task.name).alias("task"),
                pl.lit(name).alias("annotator"),
                "reason",
                "detail",
                "raw",
            )
        )
    return AnnotatorOutput(pl.concat(kept), pl.concat(letters), output.provenance, output.figures)


def _finished(annotator: CallableAnnotator, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(annotator.annotate(items, tasks))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, annotator.annotate(items, tasks)).result()
