"""`dsbuild corpora`: what is in the catalog."""

from __future__ import annotations

from typing import Annotated

import typer

from dsbuild.cli.options import Json, print_json

corpora = typer.Typer(help="The catalog of corpora.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(show_default=False)]


@corpora.command("list")
def list_corpora(json: Json = False) -> None:
    """List the corpora that can be named in a recipe.

    Example: dsbuild corpora list
    """
    from corpora.catalog import names
    from dsbuild.cli.show import corpus_row, rows_text

    rows = [corpus_row(name) for name in names()]
    print_json(rows) if json else typer.echo(rows_text(rows))


@corpora.command("show")
def show_corpus(name: Name, json: Json = False) -> None:
    """Show the card of a corpus.

    Example: dsbuild corpora show mahaemotions
    """
    from corpora.catalog import get
    from dsbuild.cli.show import tree_text

    card = get(name).card.model_dump(mode="json", exclude_none=True)
    print_json(card) if json else typer.echo(tree_text(card))
