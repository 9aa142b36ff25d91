"""`dsbuild prompts`: what is asked, word for word."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dsbuild.cli.options import WORKSPACE, Json, Recipe, Set, Workspace

app = typer.Typer(no_args_is_help=True, help="What LLM annotators are asked: shown, compared, tried.")

Annotator = Annotated[
    str | None, typer.Argument(help="An LLM annotator; default: all of the recipe.", show_default=False)
]
Items = Annotated[int, typer.Option("--items", min=1, help="So many items: the head of the seeded order.")]
Item = Annotated[str | None, typer.Option("--item", metavar="ID", help="This item instead.")]


@app.command()
def show(
    recipe: Recipe,
    annotator: Annotator = None,
    items: Items = 3,
    item: Item = None,
    set_: Set = None,
    workspace: Workspace = WORKSPACE,
    json: Json = False,
) -> None:
    """Print exactly what would be sent. Nobody is asked.

    Example: dsbuild prompts show examples/quickstart.yaml gemma --items 1
    """
    from dsbuild import prompts
    from dsbuild.cli.prompted import print_data, shown_text
    from dsbuild.cli.show import shows_progress

    with shows_progress() as watch:
        found = prompts.show(recipe, annotator, items=items, item=item, **_options(set_, workspace), **watch)
    if json:
        print_data(found)
    else:
        typer.echo(shown_text(found))


@app.command()
def diff(
    recipe: Recipe,
    a: Annotated[str, typer.Argument(help="An annotator, or another recipe (YAML).", show_default=False)],
    b: Annotated[
        str | None,
        typer.Argument(help="Another annotator; of two recipes: the one to compare in both.", show_default=False),
    ] = None,
    items: Items = 3,
    set_: Set = None,
    workspace: Workspace = WORKSPACE,
    json: Json = False,
) -> None:
    """Compare the prompts of two annotators, or of one annotator in two recipes. Nobody is asked.

    Example: dsbuild prompts diff examples/quickstart.yaml gemma gemma-cotr
    """
    from dsbuild import prompts
    from dsbuild.cli.prompted import diff_text, print_data
    from dsbuild.cli.show import shows_progress
    from schemas.errors import RecipeError

    is_recipe = Path(a).suffix in (".yaml", ".yml")
    if not is_recipe and b is None:
        raise RecipeError(f'"{a}" is compared with nothing.', fix="Name a second annotator, or another recipe file.")
    with shows_progress() as watch:
        found = prompts.diff(
            recipe,
            b if is_recipe else a,
            b,
            other=Path(a) if is_recipe else None,
            items=items,
            **_options(set_, workspace),
            **watch,
        )
    if json:
        print_data(found)
    else:
        typer.echo(diff_text(found))


@app.command("try")
def try_(
    recipe: Recipe,
    annotator: Annotator = None,
    send: Annotated[bool, typer.Option("--send", help="Ask, and pay for it. Answers are kept.")] = False,
    items: Items = 3,
    item: Item = None,
    set_: Set = None,
    workspace: Workspace = WORKSPACE,
    json: Json = False,
) -> None:
    """Say what asking about a few items would cost; with --send ask, and print what came back.

    Example: dsbuild prompts try examples/quickstart.yaml gemma --items 2 --send
    """
    from dsbuild import prompts
    from dsbuild.cli.prompted import print_data, tried_text
    from dsbuild.cli.show import shows_progress

    with shows_progress() as watch:
        found = prompts.try_out(
            recipe, annotator, send=send, items=items, item=item, **_options(set_, workspace), **watch
        )
    if json:
        print_data(found)
    else:
        typer.echo(tried_text(found))


def _options(set_: list[str] | None, workspace: Path) -> dict[str, Any]:
    return {"overrides": set_ or (), "workspace": workspace}
