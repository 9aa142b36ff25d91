"""`dsbuild compare`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dsbuild.cli.options import WORKSPACE, Json, Recipe, Sample, Set, Workspace, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare)


def compare(
    recipe: Recipe,
    a: Annotated[str, typer.Argument(help="An annotator, a session, or CORPUS:ANNOTATOR.", show_default=False)],
    b: Annotated[str, typer.Argument(help="Another one.", show_default=False)],
    gold: Annotated[
        str | None, typer.Option("--gold", help="An aggregate, a session or a corpus to hold both against.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", help="This task alone; default: all that both answer.")] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Measure each language, split, corpus or modality by itself too.")
    ] = None,
    sample: Sample = None,
    set_: Set = None,
    workspace: Workspace = WORKSPACE,
    json: Json = False,
) -> None:
    """Say which of two annotators (or prompts) is better, by how much, what it costs, and where they differ.

    Nothing runs: the recipe has to have been run, at least with --until annotate.

    Example: dsbuild compare examples/quickstart.yaml gemma embedding --gold stated
    """
    from dsbuild.cli.compared import compared_text
    from dsbuild.engine.comparison import compare_in_recipe

    options: dict[str, Any] = {"overrides": set_ or (), "sample": sample, "workspace": workspace}
    found = compare_in_recipe(recipe, a, b, gold=gold, task=task, by=by, **options)
    if json:
        print_json(found)
    else:
        typer.echo(compared_text(found))
