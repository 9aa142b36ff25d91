"""Options that several commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

Recipe = Annotated[Path, typer.Argument(help="The recipe (YAML).", show_default=False)]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the recipe: --set annotate.gpt.model=gpt-4o"),
]
Sample = Annotated[
    int | None, typer.Option("--sample", min=1, metavar="N", help="Only the first N items of the seeded order.")
]
Workspace = Annotated[Path, typer.Option("--workspace", help="Where outputs and answers are kept.")]
Out = Annotated[Path, typer.Option("--out", help="Where releases go.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

WORKSPACE = Path(".dsbuild")
OUT = Path("releases")


def print_json(value: Any) -> None:
    """Print `value` as JSON, keys in their order."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
