"""What a run would do, and where one stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from dsbuild.engine.graph import graph_of
from dsbuild.engine.node import Context, Node, node_key
from dsbuild.engine.nodes.annotate import AnnotateNode, chosen, environment
from dsbuild.engine.nodes.gold import GoldNode, session_items, session_tasks
from dsbuild.engine.run import execute
from dsbuild.engine.setup import context
from dsbuild.engine.workspace import Output
from schemas.protocols import no_items

State = Literal["done", "to run", "waits for people", "after that"]

# What one answer of one person takes, for the estimate of hours; a guess until a session has measured it.
SECONDS_AN_ANSWER = 20.0


@dataclass(frozen=True)
class Row:
    """A node: `state` is `done`, `to run`, `waits for people`, or `after that` where its inputs are not there yet;
    `figures` say what it made or what it would take."""

    node: str
    stage: str
    state: State
    figures: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The row as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """All nodes, and the sums: LLM calls not answered yet, US dollars at most, hours of people."""

    rows: list[Row]
    calls: int
    usd: float
    likely_usd: float
    hours: float
    budget_usd: float | None
    budget_hours: float | None
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return asdict(self)


def plan(recipe: str | Path, **options: Any) -> Plan:
    """What running `recipe` would do; corpora are read and built, since that costs nothing and is kept.

    Raises:
        DsbuildError: a corpus cannot be read, or the recipe is wrong.
    """
    ctx = context(recipe, **options)
    graph = graph_of(ctx)
    ran = execute([node for node in graph if node.stage in ("corpora", "build")], ctx)
    rows = _rows(graph, ctx, ran.outputs)
    found: list[Row] = []
    notes: list[str] = []
    totals = {"calls": 0, "usd": 0.0, "likely_usd": 0.0}
    hours = 0.0
    for node, row in zip(graph, rows, strict=True):
        if row.state == "done":
            found.append(row)
        elif isinstance(node, AnnotateNode):
            figures = _estimate(node, ctx, ran.outputs["items"])
            totals["calls"] += figures["calls"] - figures["cached"]
            totals["usd"] += figures["usd"]
            totals["likely_usd"] += figures.get("likely_usd", figures["usd"])
            if figures.get("note"):
                notes.append(f"{node.entry.name}: {figures['note']}")
            found.append(Row(row.node, row.stage, row.state, figures))
        elif isinstance(node, GoldNode):
            figures = _people(node, ctx, ran.outputs["items"])
            hours += figures["hours"]
            found.append(Row(row.node, row.stage, "waits for people", figures))
        else:
            found.append(row)
    budget = ctx.recipe.budget
    return Plan(
        found,
        int(totals["calls"]),
        round(totals["usd"], 4),
        round(totals["likely_usd"], 4),
        round(hours, 2),
        budget.usd,
        budget.human_hours,
        notes,
    )


def status(recipe: str | Path, **options: Any) -> list[Row]:
    """Where `recipe` stands. Nothing runs, nothing is pulled but what a corpus needs to be known by its content."""
    ctx = context(recipe, **options)
    return _rows(graph_of(ctx), ctx, {})


def _rows(graph: Sequence[Node], ctx: Context, outputs: dict[str, Output]) -> list[Row]:
    known = dict(outputs)
    rows = []
    for node in graph:
        if any(name not in known for name in node.inputs):
            rows.append(Row(node.name, node.stage, "after that"))
            continue
        output = known.get(node.name) or ctx.workspace.find(node.name, node_key(node, ctx, known))
        stands: Callable[[Context, Output], bool] | None = getattr(node, "stands", None)
        if output is None or (stands is not None and not stands(ctx, output)):
            state: State = "waits for people" if node.stage == "gold" else "to run"
            rows.append(Row(node.name, node.stage, state))
        else:
            known[node.name] = output
            rows.append(Row(node.name, node.stage, "done", output.figures))
    return rows


def _estimate(node: AnnotateNode, ctx: Context, items: Output) -> dict[str, Any]:
    tasks = node.tasks(ctx)
    total: dict[str, Any] = {"items": 0, "calls": 0, "cached": 0, "usd": 0.0}
    env = environment(ctx, node.name)
    for batch in chosen(items, node.entry.on):
        total["items"] += batch.height
        for name, value in node.entry.estimate(env, tasks, batch).items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                total[name] = total.get(name, 0) + value
            else:
                total[name] = value
    return total


def _people(node: GoldNode, ctx: Context, items: Output) -> dict[str, Any]:
    asked = session_items(items, node.entry) if items.parts("items") else no_items()
    answers = asked.select(pl.len()).item() * node.entry.answers_wanted * len(session_tasks(ctx, node.entry))
    return {
        "items": asked.height,
        "answers": answers,
        "hours": round(answers * SECONDS_AN_ANSWER / 3600, 2),
    }
