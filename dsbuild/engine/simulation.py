"""A simulation of a recipe: its machines' labels, its reference, and its conditions, from what its nodes have made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from audits.methods import METHODS
from dsbuild.engine.choosing import route
from dsbuild.engine.graph import graph_of
from dsbuild.engine.node import Context
from dsbuild.engine.plan import outputs_of
from dsbuild.engine.run import execute
from dsbuild.engine.session_items import SECONDS_AN_ANSWER
from dsbuild.engine.setup import context
from dsbuild.engine.sources import annotations_of, makers_of, node_of
from dsbuild.engine.workspace import Output
from dsbuild.recipe.problems import quoted, suggestion
from dsbuild.simulate import METRICS, RESAMPLES, Metric, Simulation, curve, sums_of
from schemas.errors import DsbuildError, RecipeError
from schemas.selection import Selection
from schemas.task import Task
from schemas.where import names_in, parse


def simulate(
    recipe: str | Path,
    *,
    where: Sequence[str] = (),
    task: str | None = None,
    gold: str | None = None,
    machines: str | None = None,
    metric: Metric | None = None,
    people: int = 1,
    resamples: int = RESAMPLES,
    **options: Any,
) -> Simulation:
    """What the conditions in `where` (default: those of the recipe's sessions) would gain as policies.

    Args:
        recipe: the recipe; corpora are read and built, nobody is asked anything.
        where: conditions, as `on: {where: ...}` has them.
        task: the task; may be left out where only one can be simulated.
        gold: whose labels count as right: an aggregate, a session, a corpus or CORPUS:ANNOTATOR; default: the first
            aggregate made of people's or authors' answers alone.
        machines: whose labels stand where people see nothing: an aggregate or an annotator; default: the first
            aggregate that is made of the annotators in the conditions, else the first of these.
        metric: see `dsbuild.simulate.METRICS`.
        people: how many judge each item, for the hours.

    Raises:
        RecipeError: a name or a condition refers to nothing, or nothing says what is to be simulated.
        DsbuildError: an annotator has not run yet, or there is no reference label.
    """
    ctx = context(recipe, **options)
    conditions = list(where) or [one.on.where for one in ctx.recipe.gold if one.on.where is not None]
    if not conditions:
        raise RecipeError(
            "No session of the recipe has a condition to simulate.",
            where=str(recipe),
            fix="Give one: --where 'disagree(A, B)', or --where 'uncertain(A)'.",
        )
    selections = [_selection(ctx, text) for text in dict.fromkeys(conditions)]
    names = tuple(dict.fromkeys(name for one in selections for name in names_in(_condition(one))))
    asked = _task(ctx, task)
    reference = gold or _reference(ctx, asked)
    machine = machines or _machines(ctx, asked, names)
    outputs = _outputs(ctx, [name for name in (*names, reference, machine) if name not in _aggregates(ctx)])
    items = outputs["items"].frame("items").select("item_id")
    right, mine = (_labels(name, asked, ctx, outputs) for name in (reference, machine))
    right = items.join(right, on="item_id", how="inner", maintain_order="left")
    sums = sums_of(mine, right, asked, metric)
    used: Metric = metric or METRICS[asked.kind][0]
    curves = []
    for one in selections:
        routed = route(one, [asked], ctx.recipe, outputs)
        assert routed is not None  # it has a condition
        seconds = people * SECONDS_AN_ANSWER
        curves.append(
            curve(sums, routed, str(one.where), seconds=seconds, metric=used, resamples=resamples, seed=ctx.seed)
        )
    spent = {node: outputs[node].figures for node in makers_of(names, ctx.recipe) if node.startswith("annotate:")}
    usd = sum(float(figures.get("more", {}).get("usd", 0.0)) for figures in spent.values())
    return Simulation(
        asked.name,
        used,
        machine,
        reference,
        len(sums.items),
        round(usd, 6),
        sums.unlabelled,
        sums.left_out,
        tuple(curves),
    )


def _condition(on: Selection) -> Any:
    return parse(str(on.where))


def _selection(ctx: Context, text: str) -> Selection:
    try:
        on = Selection(where=str(parse(text)))
    except ValueError as error:
        raise RecipeError(f"The condition cannot be read: {error}.", where="--where") from error
    for name in names_in(_condition(on)):
        _known(ctx, name, "--where")
    return on


def _aggregates(ctx: Context) -> list[str]:
    return [entry.name for entry in ctx.recipe.aggregate]


def _known(ctx: Context, name: str, where: str) -> None:
    recipe = ctx.recipe
    known = [
        entry.name for section in (recipe.annotate, recipe.gold, recipe.corpora, recipe.aggregate) for entry in section
    ]
    if name not in known and name.partition(":")[0] not in known:
        raise RecipeError(
            f"Nobody in the recipe is called {quoted(name)}; {suggestion(name, known, kind='there are')}", where=where
        )


def _task(ctx: Context, name: str | None) -> Task:
    if name is not None and name not in ctx.tasks:
        raise RecipeError(
            f"The recipe has no task {quoted(name)}; {suggestion(name, ctx.tasks, kind='it has')}", where="--task"
        )
    fitting = [task for task in ctx.tasks.values() if task.kind in METRICS]
    if name is None and len(fitting) != 1:
        names = ", ".join(task.name for task in fitting) or "none that can be simulated"
        raise RecipeError(f"Which task is meant? The recipe has: {names}.", fix="Name one with --task.")
    return ctx.tasks[name] if name is not None else fitting[0]


def _reference(ctx: Context, task: Task) -> str:
    machines = {entry.name for entry in ctx.recipe.annotate}
    for entry in ctx.recipe.aggregate:
        if entry.task == task.name and not set(entry.from_) & machines:
            return entry.name
    raise RecipeError(
        f"Nothing in the recipe says what is right of {task.name}.",
        fix="Name it with --gold: an aggregate, a session, a corpus or CORPUS:ANNOTATOR.",
    )


def _machines(ctx: Context, task: Task, names: Sequence[str]) -> str:
    for entry in ctx.recipe.aggregate:
        if entry.task == task.name and set(entry.from_) <= set(names):
            return entry.name
    return names[0]


def _outputs(ctx: Context, names: Sequence[str]) -> Mapping[str, Output]:
    for name in names:
        _known(ctx, name, "--gold or --machines")
    graph = graph_of(ctx)
    wanted = set(makers_of(names, ctx.recipe))
    free = [node for node in graph if node.stage in ("corpora", "build") or node.name in wanted - _asking(ctx)]
    ran = execute(free, ctx)
    outputs = {**outputs_of(graph, ctx), **ran.outputs}
    missing = sorted(wanted - set(outputs))
    if missing:
        raise DsbuildError(
            f"Not everybody has answered yet: {', '.join(missing)}.",
            fix=f"Run first: dsbuild run {ctx.command()} --until annotate",
        )
    return outputs


def _asking(ctx: Context) -> set[str]:
    """The nodes that ask somebody, and that a simulation does not run."""
    return {
        *(f"annotate:{entry.name}" for entry in ctx.recipe.annotate),
        *(f"gold:{entry.name}" for entry in ctx.recipe.gold),
    }


def _labels(name: str, task: Task, ctx: Context, outputs: Mapping[str, Output]) -> pl.DataFrame:
    """The labels (LABELS of `task`) of an aggregate, or those that a session, an annotator or a corpus comes to."""
    from audits.aggregate import aggregate

    entry = next((one for one in ctx.recipe.aggregate if one.name == name), None)
    if entry is None:
        session = node_of(name, ctx.recipe).startswith("gold:")
        found = annotations_of([name], task.name, ctx.recipe, outputs)
        return aggregate(found, task, name=name, method="adjudicated" if session else METHODS[task.kind][0])[0]
    missing = sorted(set(makers_of(entry.from_, ctx.recipe)) - set(outputs))
    if missing:
        raise DsbuildError(
            f"The aggregate {quoted(name)} cannot be made yet: {', '.join(missing)} has not run.",
            fix=f"Run first: dsbuild run {ctx.command()} --until gold",
        )
    found = annotations_of(entry.from_, task.name, ctx.recipe, outputs)
    method = {"rule": entry.method, **entry.options}
    return aggregate(found, task, name=name, method=method)[0]
