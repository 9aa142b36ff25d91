"""Comparing two annotators of a recipe: what they said in its last run, held against each other and against gold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from dsbuild.compare import compare, one_annotator
from dsbuild.engine.graph import graph_of
from dsbuild.engine.node import Context
from dsbuild.engine.plan import outputs_of
from dsbuild.engine.setup import context
from dsbuild.engine.sources import annotations_of, node_of
from dsbuild.engine.workspace import Output
from schemas.errors import DsbuildError, RecipeError
from schemas.task import Task

BY: Final = ("language", "split", "corpus", "modality")


def compare_in_recipe(
    recipe: str | Path,
    a: str,
    b: str,
    *,
    gold: str | None = None,
    task: str | None = None,
    by: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """What `a` and `b` (annotators, sessions, CORPUS:ANNOTATOR) say in the recipe's last run. Nothing runs.

    `gold` is an aggregate, a session or a corpus; of several annotators of a session or a corpus the majority (of
    numbers: the mean) is taken. `task` is one task; default: all that both answer. `by` is one of `BY`. `options` are
    those of `dsbuild.engine.setup.context`.

    Returns:
        a, b, gold, tasks (see `dsbuild.compare.compare`, one entry for each task), and cost: for each of the two that
        is an LLM {rows, answers, prompt_tokens, completion_tokens, usd, usd_an_item}, else null. The tokens are those
        of every answer that was used, unusable ones included.

    Raises:
        RecipeError: the recipe has nobody of that name, or no such task.
        DsbuildError: what is asked for has not run yet, or stands for several annotators.
    """
    if by is not None and by not in BY:
        raise RecipeError(f"There is no column '{by}' to divide the items by.", fix=f"There is: {', '.join(BY)}.")
    ctx = context(recipe, **options)
    outputs = outputs_of(graph_of(ctx), ctx)
    if task is not None and task not in ctx.tasks:
        raise RecipeError(f"The recipe has no task '{task}'.", fix=f"It has: {', '.join(ctx.tasks)}.")
    items = _output("items", outputs, ctx).frame("items")
    found = []
    for one in ctx.tasks.values():
        if task not in (None, one.name):
            continue
        sides = [one_annotator(_said(name, one, ctx, outputs), name) for name in (a, b)]
        if task is None and any(side.is_empty() for side in sides):
            continue
        reference = None if gold is None else _gold(gold, one, ctx, outputs)
        if reference is not None and reference.is_empty():
            reference = None
        found.append(compare(sides[0], sides[1], one, names=(a, b), items=items, gold=reference, by=by, seed=ctx.seed))
    if not found:
        raise DsbuildError(f"There is no task that both {a} and {b} have answered.")
    if gold is not None and all(one["gold"] is None and "note" not in one for one in found):
        raise DsbuildError(f"'{gold}' has no answer to anything that {a} and {b} were asked.")
    return {"a": a, "b": b, "gold": gold, "tasks": found, "cost": [_cost(name, ctx, outputs) for name in (a, b)]}


def _output(node: str, outputs: Mapping[str, Output], ctx: Context) -> Output:
    if node not in outputs:
        raise DsbuildError(
            f"The node '{node}' has not run on just this yet.",
            fix=f"Run it first: dsbuild run {ctx.command()}",
        )
    return outputs[node]


def _said(name: str, task: Task, ctx: Context, outputs: Mapping[str, Output]) -> pl.DataFrame:
    _output(node_of(name, ctx.recipe), outputs, ctx)
    return annotations_of([name], task.name, ctx.recipe, outputs)


def _gold(name: str, task: Task, ctx: Context, outputs: Mapping[str, Output]) -> pl.DataFrame:
    """LABELS of an aggregate, or made of what the people behind a session or a corpus said."""
    if any(entry.name == name for entry in ctx.recipe.aggregate):
        labels = _output(f"aggregate:{name}", outputs, ctx).frame("labels")
        return labels.filter(pl.col("task") == task.name)
    from audits.aggregate import aggregate
    from audits.methods import METHODS

    said = _said(name, task, ctx, outputs)
    if said.is_empty():
        return said
    made: pl.DataFrame = aggregate(said, task, name=name, method=METHODS[task.kind][0])[0]
    return made


def _cost(name: str, ctx: Context, outputs: Mapping[str, Output]) -> dict[str, Any] | None:
    figures = outputs[node_of(name, ctx.recipe)].figures.get("more", {})
    if "usd" not in figures:
        return None
    rows = figures.get("asked", 0)
    return {
        "rows": rows,
        **{key: figures[key] for key in ("answers", "prompt_tokens", "completion_tokens", "usd")},
        "usd_an_item": figures["usd"] / rows if rows else None,
    }
