"""`dsbuild schema`: the tables, for people and for programs."""

from __future__ import annotations

from typing import Annotated

import typer

from dsbuild.cli.options import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schema")(schema)


def schema(
    table: Annotated[str | None, typer.Argument(help="One table; default: all.", show_default=False)] = None,
    json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown; without a table the whole page.")
    ] = False,
) -> None:
    """Show what the tables of a dataset hold: every column, its type and its meaning; as JSON Schema with --json.

    Example: dsbuild schema annotations --json
    """
    from schemas.errors import RecipeError
    from schemas.forms.definitions import DECLARED
    from schemas.forms.dictionary import dictionary, plain
    from schemas.forms.json_schema import json_schema, json_schemas

    if table is not None and table not in DECLARED:
        raise RecipeError(f"There is no table '{table}'.", fix=f"Tables: {', '.join(DECLARED)}.")
    if json:
        print_json(json_schemas() if table is None else json_schema(table))
    elif markdown:
        from schemas.forms.page import page

        typer.echo(page() if table is None else dictionary(table), nl=False)
    else:
        typer.echo("\n\n".join(plain(name) for name in ([table] if table is not None else DECLARED)))
