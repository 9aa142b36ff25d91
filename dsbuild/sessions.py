"""Sessions of human annotation, as the command line drives them: push, pull, status, adjudicate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from dsbuild.engine.choosing import asked_by
from dsbuild.engine.graph import graph_of
from dsbuild.engine.node import Context
from dsbuild.engine.nodes.gold import human_store
from dsbuild.engine.plan import outputs_of
from dsbuild.engine.run import execute
from dsbuild.engine.session_items import SessionItems, session_items, session_tasks
from dsbuild.engine.setup import budget_of, context
from dsbuild.engine.workspace import Output
from schemas.errors import DsbuildError, RecipeError

if TYPE_CHECKING:
    from annotators.label_studio.session import SessionConfig

Rows = list[dict[str, Any]]


def push(
    recipe: str | Path, session: str | None, *, again: bool = False, new_project: bool = False, **options: Any
) -> Rows:
    """Put the items of a session before people, running whatever comes before it; a row for each task.

    Raises:
        RecipeError: the recipe has no such session.
        DsbuildError: the server cannot be reached, refuses the key, or fails.
    """
    from annotators.label_studio.client import Client
    from annotators.label_studio.push import push as send

    ctx, entry, outputs = _ready(recipe, session, options, suggest=True)
    client = Client.from_environment()
    about = session_items(ctx, entry, outputs)
    items = about.items
    rows = []
    with human_store(ctx) as store:
        for task in session_tasks(ctx, entry):
            suggestions = None
            if entry.suggest is not None:
                answers = [outputs[f"annotate:{name}"].frame("annotations") for name in entry.suggest.from_]
                suggestions = pl.concat(answers).filter(pl.col("task") == task.name)
            done = send(
                entry,
                items,
                task,
                suggestions,
                client,
                store,
                dataset=ctx.recipe.dataset,
                seed=ctx.seed,
                again=again,
                new_project=new_project,
                progress=ctx.progress(f"gold:{entry.name}"),
                files=partial(_file, ctx),
            )
            rows.append({"session": entry.name, "task": task.name, **asdict(done), **_left_out(entry, about)})
    return rows


def _left_out(entry: SessionConfig, about: SessionItems) -> dict[str, int]:
    """What a condition or a budget left out or kept, so that nobody has to guess."""
    if entry.on.where is None and entry.budget is None:
        return {}
    return {"over_budget": about.over, "kept": about.kept, "withdrawn": about.withdrawn}


def adjudicate(recipe: str | Path, session: str | None, *, new_project: bool = False, **options: Any) -> Rows:
    """Put the items where people differ before the person who decides; a row for each task with such items.

    Raises: as `push`.
    """
    from annotators.label_studio.client import Client
    from annotators.label_studio.push import push_adjudication

    ctx, entry, outputs = _ready(recipe, session, options)
    client = Client.from_environment()
    items = session_items(ctx, entry, outputs).items
    rows = []
    with human_store(ctx) as store:
        for task in session_tasks(ctx, entry):
            done = push_adjudication(
                entry,
                items,
                task,
                client,
                store,
                dataset=ctx.recipe.dataset,
                new_project=new_project,
                progress=ctx.progress(f"gold:{entry.name}"),
                files=partial(_file, ctx),
            )
            if done is not None:
                rows.append({"session": entry.name, "task": task.name, **asdict(done)})
    return rows


def pull(recipe: str | Path, session: str | None, **options: Any) -> Rows:
    """Bring the answers of a session into the human store; one row.

    Raises: as `push`.
    """
    from annotators.label_studio.client import Client
    from annotators.label_studio.pull import pull as fetch

    ctx = context(recipe, **options)
    entry = _session(ctx, session)
    ctx.workspace.prepare()
    client = Client.from_environment()
    with human_store(ctx) as store:
        done = fetch(entry, client, store, progress=ctx.progress(f"gold:{entry.name}"))
    return [{"session": entry.name, **_plain(asdict(done))}]


def status(recipe: str | Path, session: str | None, **options: Any) -> Rows:
    """What sessions wait for, by the answers pulled so far; a row for each session (or the one named) and task."""
    from annotators.label_studio.outcome import outcome

    ctx = context(recipe, **options)
    rows: Rows = []
    entries = ctx.recipe.gold if session is None else (_session(ctx, session),)
    _, _, outputs = _ready(recipe, None, options, ctx=ctx)
    with human_store(ctx) as store:
        for entry in entries:
            if any(name not in outputs for name in asked_by(entry.on, ctx.recipe)):
                rows.append({"session": entry.name, "waits": "for the annotators that its condition is about"})
                continue
            about = session_items(ctx, entry, outputs)
            items = about.items
            for task in session_tasks(ctx, entry):
                found = outcome(store, entry, items, task)
                rows.append(
                    {
                        "session": entry.name,
                        "task": task.name,
                        "items": items.height,
                        "missing": found.missing,
                        "disputed": len(found.disputed),
                        "stale": found.stale,
                        "rejected": len(found.rejected),
                        "unpushed": found.unpushed,
                        "strangers": sum(found.strangers.values()),
                        **_left_out(entry, about),
                        **{
                            name: f"{answers} answers, {skips} skips" for name, (answers, skips) in found.people.items()
                        },
                    }
                )
    return rows


def _session(ctx: Context, name: str | None) -> SessionConfig:
    sessions = {entry.name: entry for entry in ctx.recipe.gold}
    if name is None and len(sessions) == 1:
        return next(iter(sessions.values()))
    if name in sessions:
        return sessions[name]
    what = "Several sessions are there; name one." if name is None else f"The recipe has no session '{name}'."
    has = f"It has: {', '.join(sessions)}." if sessions else "It has none: add an entry to `gold`."
    raise RecipeError(what if sessions or name else "The recipe has no session.", where=str(ctx.recipe_path), fix=has)


def _ready(
    recipe: str | Path,
    session: str | None,
    options: Mapping[str, Any],
    *,
    suggest: bool = False,
    ctx: Context | None = None,
) -> tuple[Context, Any, dict[str, Output]]:
    """The session with everything before it run: the items, whoever decides which of them it is about, and with
    `suggest` the annotator that suggests. With no session it is only looked whether those who decide have run."""
    looking = ctx is not None
    if ctx is None:
        ctx = context(recipe, **options)
    entry = None if looking else _session(ctx, session)
    graph = graph_of(ctx, budget_of(ctx))
    wanted = {"items"}
    if entry is not None:
        wanted |= set(asked_by(entry.on, ctx.recipe))
        if suggest and entry.suggest is not None:
            wanted |= {f"annotate:{name}" for name in entry.suggest.from_}
    before = {node.name: node for node in graph}
    needed, found = set(wanted), list(wanted)
    while found:
        more = set(before[found.pop()].inputs) - needed
        needed |= more
        found += more
    ran = execute([node for node in graph if node.stage in ("corpora", "build") or node.name in needed], ctx)
    missing = wanted - set(ran.outputs)
    if missing:
        raise DsbuildError(f"Not everything before the session could run: {', '.join(sorted(missing))}.")
    return ctx, entry, {**outputs_of(graph, ctx), **ran.outputs} if looking else ran.outputs


def _file(ctx: Context, corpus: str, path: str) -> Path:
    """Where a recording or picture lies that a corpus names: beside its files, else beside the recipe."""
    folders = []
    for entry in ctx.recipe.corpora:
        if entry.name == corpus and entry.path is not None:
            given = [entry.path] if isinstance(entry.path, str) else list(entry.path.values())
            for one in given:
                # Of a pattern of files, the folder before its first wildcard.
                place = ctx.directory / re.split(r"[*?\[{]", one)[0]
                folders.append(place if place.is_dir() else place.parent)
    found = [folder / path for folder in (*folders, ctx.directory)]
    return next((one for one in found if one.is_file()), found[0])


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in row.items()}
