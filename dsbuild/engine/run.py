"""Running a graph: only what is missing, in order, and what waits for people last."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dsbuild.engine.node import STAGES, Context, Node, Stage, node_key
from dsbuild.engine.workspace import Output
from schemas.errors import DsbuildError, RecipeError, WaitingForPeople


@dataclass
class Ran:
    """What a run did: every node's output, which nodes ran now, which were there, and which could not run yet."""

    outputs: dict[str, Output] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    waiting: list[WaitingForPeople] = field(default_factory=list)


def _named(graph: Sequence[Node], name: str) -> None:
    names = [node.name for node in graph]
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f'Did you mean "{close[0]}"? ' if close else ""
        raise RecipeError(f"The recipe has no node '{name}'.", fix=f"{hint}It has: {', '.join(names)}.")


def execute(
    graph: Sequence[Node],
    ctx: Context,
    *,
    until: Stage | None = None,
    only: str | None = None,
    redo: str | None = None,
) -> Ran:
    """Run the nodes of `graph` (in an order in which inputs come first) that have not run under their key.

    `until` stops after a stage; `only` runs one node, whose inputs must be there; `redo` runs one node anew.

    Raises:
        WaitingForPeople: everything that can run has run, and a session lacks answers.
        DsbuildError: a node failed.
    """
    for name in filter(None, (only, redo)):
        _named(graph, name)
    if only is not None and redo is not None and only != redo:
        raise RecipeError(f"--only {only} and --redo {redo} contradict each other.", fix="Give one of them.")
    ctx.workspace.prepare()
    ran = Ran()
    if ctx.recipe.budget.usd is not None:
        _charge(graph, ctx, redo)
    for node in graph:
        if until is not None and STAGES.index(node.stage) > STAGES.index(until):
            continue
        if any(name not in ran.outputs for name in node.inputs):
            ran.blocked.append(node.name)
            continue
        key = node_key(node, ctx, ran.outputs)
        found = ctx.workspace.find(node.name, key)
        if node.name == redo:
            ctx.workspace.forget(node.name, key)
            found = None
        again = ctx.retry_failed and only in (None, node.name)
        if found is not None and again and found.figures.get("dead_letters"):
            ctx.workspace.forget(node.name, key)
            found = None
        if found is not None and not _stands(node, ctx, found):
            ctx.workspace.forget(node.name, key)
            found = None
        if found is not None:
            ran.cached.append(node.name)
            ran.outputs[node.name] = found
        elif only is not None and node.name != only:
            ran.blocked.append(node.name)
        else:
            _run_one(node, key, ctx, ran)
    if only is not None and only in ran.blocked:
        raise DsbuildError(
            f"The node '{only}' cannot run alone: what it reads is not there yet.",
            fix="Run the recipe without --only, or with --until, first.",
        )
    return ran


def _charge(graph: Sequence[Node], ctx: Context, redo: str | None) -> None:
    """What nodes that are done have paid for answers goes on the budget before anybody asks more, wherever in the
    graph they are. Those that will run count what is stored for them themselves."""
    known: dict[str, Output] = {}
    for node in graph:
        if node.name == redo or any(name not in known for name in node.inputs):
            continue
        found = ctx.workspace.find(node.name, node_key(node, ctx, known))
        if found is None or (ctx.retry_failed and found.figures.get("dead_letters")):
            continue
        known[node.name] = found
        charge: Callable[[Output], None] | None = getattr(node, "charge", None)
        if charge is not None:
            charge(found)


def _stands(node: Node, ctx: Context, output: Output) -> bool:
    """Whether what the node made outside the workspace is still there."""
    check = getattr(node, "stands", None)
    return check is None or bool(check(ctx, output))


def _run_one(node: Node, key: str, ctx: Context, ran: Ran) -> None:
    ctx.say(f"{node.name} ...")
    ctx.workspace.log("begin", node=node.name, key=key)
    begun = time.monotonic()
    writer = ctx.workspace.begin(node.name, key)
    try:
        node.run(ctx, _given(node, ran.outputs), writer)
    except WaitingForPeople as wait:
        writer.discard()
        ctx.workspace.log("waits for people", node=node.name)
        ran.waiting.append(wait)
        ran.blocked.append(node.name)
        return
    except BaseException as error:
        writer.discard()
        told = str(error) if isinstance(error, DsbuildError) else type(error).__name__
        ctx.workspace.log("failed", node=node.name, error=told)
        raise
    ran.outputs[node.name] = ctx.workspace.commit(node.name, key, writer)
    seconds = round(time.monotonic() - begun, 3)
    ctx.workspace.log("end", node=node.name, seconds=seconds, figures=ran.outputs[node.name].figures)
    ran.done.append(node.name)


def _given(node: Node, outputs: Mapping[str, Output]) -> dict[str, Output]:
    return {name: outputs[name] for name in node.inputs}
