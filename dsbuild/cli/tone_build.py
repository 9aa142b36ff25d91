"""`dsbuild tone build`: make TONE's data files again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dsbuild.cli.options import Json, print_json


def build_command(
    out: Annotated[Path, typer.Option("--out", help="The folder for the data files.")] = Path("tone"),
    wordnet: Annotated[
        Path | None, typer.Option("--wordnet", help="WordNet 3.0's dict folder; default: the shipped excerpt.")
    ] = None,
    vader: Annotated[
        Path | None, typer.Option("--vader", help="vader_lexicon.txt; default: the shipped excerpt.")
    ] = None,
    emobank: Annotated[
        Path | None, typer.Option("--emobank", help="EmoBank's emobank.csv; default: as before.")
    ] = None,
    dialogues: Annotated[
        list[str] | None,
        typer.Option(
            "--dialogues", metavar="CORPUS=FILE", help="cped, dailydialog and peld, to count anew; default: as before."
        ),
    ] = None,
    verified: Annotated[
        list[Path] | None, typer.Option("--verified", help="A Label Studio export (JSON) of what people verified.")
    ] = None,
    verification_tasks: Annotated[
        Path | None, typer.Option("--verification-tasks", help="Write what is still to be verified, for Label Studio.")
    ] = None,
    other_sources: Annotated[
        bool, typer.Option("--other-sources", help="Build from other files than TONE was built from.")
    ] = False,
    json: Json = False,
) -> None:
    """Build TONE's data files from their sources and from what people verified.

    Example: dsbuild tone build --out tone --verification-tasks verify.json
    """
    from annotators.embedding.encoder import encoder
    from dsbuild.tone.build import Embedding, Given, build, write, write_tasks
    from schemas.errors import RecipeError

    named: dict[str, Path] = {}
    for entry in dialogues or ():
        corpus, equals, path = entry.partition("=")
        if not equals or corpus not in ("cped", "dailydialog", "peld"):
            raise RecipeError(f"--dialogues {entry}: this should be cped, dailydialog or peld, =, and a file.")
        named[corpus] = Path(path)
    given = Given(wordnet, vader, emobank, named, tuple(verified or ()), other_sources)
    model = encoder(1)
    built = build(given, Embedding(model, model.identity))
    write(built, out)
    told = {"out": str(out), **built.counts}
    if verification_tasks is not None:
        config = write_tasks(built, verification_tasks)
        told |= {"tasks": str(verification_tasks), "config": str(config), "to_verify": len(built.questions)}
    if json:
        print_json(told)
        return
    typer.echo(f"{out}: " + _told(built.counts))
    if verification_tasks is not None:
        typer.echo(f"{len(built.questions)} questions for people: {verification_tasks}, with the config {config}")


def _told(counts: dict[str, object]) -> str:
    statements = counts["statements"]
    assert isinstance(statements, dict)
    return (
        f"{counts['nodes']} nodes, {counts['vocabulary_words']} words besides theirs "
        f"({counts['contested_words']} of them contested), {counts['alternatives']} alternatives, "
        f"{sum(statements.values())} statements ("
        + ", ".join(f"{name.replace(' ', ', ')}: {count}" for name, count in statements.items())
        + f"), verified or rejected by people: {counts['verification'] or 'none'}."
    )
