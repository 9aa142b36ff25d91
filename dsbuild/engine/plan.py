"""What a run would do, and where one stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from annotators.llm.spending.ledger import lost
from dsbuild.engine.graph import graph_of
from dsbuild.engine.node import Context, Node, node_key
from dsbuild.engine.nodes.annotate import AnnotateNode, environment
from dsbuild.engine.nodes.gold import GoldNode
from dsbuild.engine.nodes.probe import ProbeNode
from dsbuild.engine.others import Others
from dsbuild.engine.run import execute
from dsbuild.engine.session_items import SECONDS_AN_ANSWER, at_most, seconds_an_item, session_items
from dsbuild.engine.setup import context
from dsbuild.engine.workspace import Output

State = Literal["done", "to run", "waits for people", "after that"]


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
    """All nodes, and the sums over what is not answered yet.

    `calls` and `usd` are an upper bound for one ask each, `likely_usd` a guess at it, `hours` those of people. Where
    annotators have been asked a part of their items, `forecast` sums up what they are likely to take: {annotators,
    without (LLM annotators of which nothing is measured), and calls, prompt_tokens, completion_tokens, usd, hours,
    dead_letters, each {value, low, high}}; the ends of the intervals are added up, since annotators see the same items
    and err together. `lost_usd` was paid in earlier runs without an answer to show for it, and is on the budget.
    """

    rows: list[Row]
    calls: int
    usd: float
    likely_usd: float
    hours: float
    budget_usd: float | None
    budget_hours: float | None
    notes: list[str]
    forecast: dict[str, Any] | None = None
    lost_usd: float = 0.0

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
    known = dict(ran.outputs)
    rows = _rows(graph, ctx, known)
    found: list[Row] = []
    notes: list[str] = []
    totals = {"calls": 0, "usd": 0.0, "likely_usd": 0.0}
    forecasts: dict[str, dict[str, Any] | None] = {}
    hours = 0.0
    for node, row in zip(graph, rows, strict=True):
        if row.state == "done":
            found.append(row)
        elif isinstance(node, AnnotateNode):
            if row.state == "after that":  # whom it reads is not there yet, so nobody knows its prompts
                notes.append(f"{node.entry.name}: what it takes is known once those it reads have run")
                found.append(row)
                continue
            figures = _planned(node, ctx, known)
            if "forecast" in figures and figures["calls"] > figures["cached"]:
                forecasts[node.entry.name] = figures["forecast"]
            totals["calls"] += figures["calls"] - figures["cached"]
            totals["usd"] += figures["usd"]
            totals["likely_usd"] += figures.get("likely_usd", figures["usd"])
            if figures.get("note"):
                notes.append(f"{node.entry.name}: {figures['note']}")
            found.append(Row(row.node, row.stage, row.state, figures))
        elif isinstance(node, ProbeNode) and row.state == "to run":
            figures = node.plan(ctx, known)
            for name, value in totals.items():
                totals[name] = value + (figures["calls"] - figures["cached"] if name == "calls" else figures[name])
            found.append(Row(row.node, row.stage, row.state, figures))
        elif isinstance(node, GoldNode):
            figures = _people(node, ctx, known)
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
        _summed(forecasts),
        lost(ctx.workspace.ledger(ctx.recipe.dataset)),
    )


def status(recipe: str | Path, **options: Any) -> list[Row]:
    """Where `recipe` stands. Nothing runs, nothing is pulled but what a corpus needs to be known by its content."""
    ctx = context(recipe, **options)
    return _rows(graph_of(ctx), ctx, {})


def outputs_of(graph: Sequence[Node], ctx: Context) -> dict[str, Output]:
    """What the nodes of `graph` made of just this; those that have not run are not named. Nothing runs."""
    known: dict[str, Output] = {}
    _rows(graph, ctx, known)
    return known


def _rows(graph: Sequence[Node], ctx: Context, known: dict[str, Output]) -> list[Row]:
    """Where each node stands; `known` are the outputs there are, and gets those that are found."""
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


def _planned(node: AnnotateNode, ctx: Context, known: Mapping[str, Output]) -> dict[str, Any]:
    """What the annotator's items would take; `known` holds the outputs of all that it reads."""
    others = Others(node.entry.reads, ctx.recipe, known)
    env = environment(ctx, node.name, None, known, others)
    return node.entry.plan(env, node.tasks(ctx), lambda: node.handed(ctx, known, others))


def _summed(forecasts: Mapping[str, dict[str, Any] | None]) -> dict[str, Any] | None:
    """The forecasts of all annotators together; None where there is none."""
    found = {name: one for name, one in forecasts.items() if one is not None}
    if not found:
        return None
    sums = {
        figure: {end: sum(one[figure][end] for one in found.values()) for end in ("value", "low", "high")}
        for figure in ("calls", "prompt_tokens", "completion_tokens", "usd", "hours", "dead_letters")
    }
    return {"annotators": list(found), "without": [name for name in forecasts if name not in found], **sums}


def _people(node: GoldNode, ctx: Context, known: Mapping[str, Output]) -> dict[str, Any]:
    """What a session takes of people; `at_most` where those who decide its items have not answered."""
    decided = all(name in known for name in node.inputs)
    items = session_items(ctx, node.entry, known).items.height if decided else at_most(ctx, node.entry, known)
    seconds = items * seconds_an_item(ctx, node.entry)
    return {
        "items": items,
        "answers": round(seconds / SECONDS_AN_ANSWER),
        "hours": round(seconds / 3600, 2),
        **({} if decided else {"at_most": True}),
    }
