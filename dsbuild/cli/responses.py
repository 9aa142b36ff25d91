"""`dsbuild responses stats|gc|export`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from dsbuild.cli.options import WORKSPACE, Json, Workspace, print_json

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The answers that LLMs gave: counted, kept, taken out."
)

Store = Annotated[
    Path | None, typer.Option("--store", help="The response store; default: the workspace's.", show_default=False)
]
Recipes = Annotated[list[Path] | None, typer.Argument(help="Recipes (YAML).", show_default=False)]
Date = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], show_default=False)]


@app.command("stats")
def stats(recipes: Recipes = None, workspace: Workspace = WORKSPACE, store: Store = None, json: Json = False) -> None:
    """Count the answers by model and annotator: tokens, money, when, and how many are of no use.

    Recipes, if any are given, say what their annotators cost; otherwise the shipped prices count.

    Example: dsbuild responses stats
    """
    from annotators.llm.responses.stats import stats as count
    from dsbuild.cli.answered import stats_text
    from dsbuild.engine.answers import costs_of

    found = count(_path(store, workspace), costs_of(recipes or (), workspace=workspace))
    if json:
        print_json(found)
    else:
        typer.echo(stats_text(found))


@app.command("gc")
def gc(
    recipes: Recipes = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; otherwise it is only said what would go.")] = False,
    workspace: Workspace = WORKSPACE,
    store: Store = None,
    json: Json = False,
) -> None:
    """Say which answers none of these recipes needs any more, and with --yes remove them.

    Example: dsbuild responses gc examples/quickstart.yaml examples/mahaemotions.yaml
    """
    from annotators.llm.responses.gc import gc as collect
    from dsbuild.cli.answered import gc_text
    from dsbuild.cli.show import shows_progress
    from dsbuild.engine.answers import kept_by
    from schemas.errors import RecipeError

    if not recipes:
        raise RecipeError(
            "Name the recipes whose answers are to be kept.",
            fix="dsbuild responses gc RECIPE...; without a recipe every answer would go.",
        )
    with shows_progress() as watch:
        kept = kept_by(recipes, workspace=workspace, **watch)
        found = collect(_path(store, workspace), kept, remove=yes)
    if json:
        print_json(found)
    else:
        typer.echo(gc_text(found))


@app.command("export")
def export(
    out: Annotated[Path, typer.Argument(help="A new file: NAME.parquet or NAME.jsonl.", show_default=False)],
    annotator: Annotated[list[str] | None, typer.Option(help="Only this annotator's; again for more.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model's; again for more.")] = None,
    item: Annotated[list[str] | None, typer.Option(help="Only about this item; again for more.")] = None,
    since: Date = None,
    until: Date = None,
    workspace: Workspace = WORKSPACE,
    store: Store = None,
    json: Json = False,
) -> None:
    """Write the answers as they came, with when they were asked for and their tokens, to Parquet or JSON lines.

    Example: dsbuild responses export answers.parquet --annotator gpt --since 2026-11-01
    """
    from annotators.llm.responses.export import Wanted
    from annotators.llm.responses.export import export as write

    count = write(_path(store, workspace), out, Wanted(annotator, model, item, since, until))
    if json:
        print_json({"path": str(out), "answers": count, "bytes": out.stat().st_size})
    else:
        typer.echo(f"{out}: {count:,} answers, {out.stat().st_size:,} bytes")


def _path(store: Path | None, workspace: Path) -> Path:
    from dsbuild.engine.workspace import Workspace as Opened

    return Opened(workspace).responses if store is None else store
