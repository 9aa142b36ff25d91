"""`dsbuild tone export`: the ontology as a file for other tools."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class To(StrEnum):
    """What the ontology is written in."""

    owl = "owl"
    skos = "skos"


class Syntax(StrEnum):
    """How RDF is spelled; owlready2 reads only the second."""

    turtle = "turtle"
    nt = "nt"


def export_command(
    to: Annotated[To, typer.Option("--to", help="OWL 2, or SKOS.", show_default=False)],
    out: Annotated[Path | None, typer.Option("--out", help="Where to write; default: standard output.")] = None,
    syntax: Annotated[
        Syntax, typer.Option("--syntax", help="Turtle, or N-Triples, which owlready2 reads.")
    ] = Syntax.turtle,
    emobank: Annotated[
        bool, typer.Option("--emobank", help="With arousal and dominance, which make the file CC BY-SA 4.0.")
    ] = False,
) -> None:
    """Write TONE (as reconstructed here) as OWL 2 or SKOS.

    Example: dsbuild tone export --to owl --out tone.ttl
    """
    from dsbuild.tone_io import shipped, write
    from schemas.errors import DsbuildError

    text = write(shipped(emobank=emobank), to.value, syntax.value)
    if out is None:
        typer.echo(text, nl=False)
    else:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise DsbuildError(f"The file cannot be written: {error.strerror}.", where=str(out)) from error
