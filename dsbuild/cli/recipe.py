"""`dsbuild run`, `plan` and `status`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dsbuild.cli.options import OUT, WORKSPACE, Json, Out, Recipe, Sample, Set, Workspace, print_json


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("plan")(plan)
    app.command("run")(run)
    app.command("status")(status)


def run(
    recipe: Recipe,
    sample: Sample = None,
    until: Annotated[
        str | None,
        typer.Option(help="Stop after: corpora, build, annotate, gold, aggregate, audit or release."),
    ] = None,
    only: Annotated[str | None, typer.Option(help="Run this node alone (see `status` for names).")] = None,
    redo: Annotated[str | None, typer.Option(help="Run this node anew. Answers in the stores are kept.")] = None,
    set_: Set = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask again what is a dead letter.")] = False,
    push: Annotated[bool, typer.Option("--push", help="Push the release to the recipe's repo on the Hub.")] = False,
    workspace: Workspace = WORKSPACE,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """Make the dataset: whatever has not been done yet.

    Example: dsbuild run examples/quickstart.yaml
    """
    from dsbuild import api
    from dsbuild.cli.show import shows_progress, summary

    with shows_progress() as watch:
        result = api.run(
            recipe,
            until=_stage(until),
            only=only,
            redo=redo,
            overrides=set_ or (),
            sample=sample,
            retry_failed=retry_failed,
            workspace=workspace,
            out=out,
            **watch,
        )
    told = summary(result, watch.displays)
    if json:
        print_json(told.as_json())
    else:
        typer.echo(told.as_text())
    if push and result.release is not None:
        from dsbuild.cli.releases import push as push_command

        repo = result.context.recipe.release.repo
        push_command(result.release, repo)


def plan(
    recipe: Recipe,
    sample: Sample = None,
    set_: Set = None,
    workspace: Workspace = WORKSPACE,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """Say what would run, what is done already, and what it would cost.

    Corpora are read and built for this, since that costs nothing and is kept; nobody is asked anything.

    Example: dsbuild plan examples/marathi-cotr.yaml --set annotate.gpt.model=gpt-4o
    """
    from dsbuild.cli.show import plan_text, shows_progress
    from dsbuild.engine.plan import plan as make

    with shows_progress() as watch:
        made = make(recipe, overrides=set_ or (), sample=sample, workspace=workspace, out=out, **watch)
    if json:
        print_json(made.as_json())
    else:
        typer.echo(plan_text(made))


def status(
    recipe: Recipe,
    sample: Sample = None,
    set_: Set = None,
    workspace: Workspace = WORKSPACE,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """Say where a recipe stands: which nodes are done, and what each made. Nothing runs.

    Example: dsbuild status examples/quickstart.yaml
    """
    from dsbuild.cli.show import status_text
    from dsbuild.engine.plan import status as look

    rows = look(recipe, overrides=set_ or (), sample=sample, workspace=workspace, out=out)
    if json:
        print_json([row.as_json() for row in rows])
    else:
        typer.echo(status_text(rows))


def _stage(name: str | None) -> Any:
    from dsbuild.engine.node import STAGES
    from schemas.errors import RecipeError

    if name is not None and name not in STAGES:
        raise RecipeError(f"There is no stage '{name}'.", where="--until", fix=f"Stages: {', '.join(STAGES)}.")
    return name
