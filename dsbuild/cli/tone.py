"""`dsbuild tone`: the ontology of emotions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dsbuild.cli import tone_build, tone_export
from dsbuild.cli.options import Json, print_json

if TYPE_CHECKING:
    from schemas.tone import Node

app = typer.Typer(
    help="TONE, the ontology of emotions, as reconstructed here: its own file is not public.", no_args_is_help=True
)
app.command("build")(tone_build.build_command)
app.command("export")(tone_export.export_command)

Term = Annotated[
    str, typer.Argument(help="A word, or TERM@TIER (1 to 3) for one of several nodes.", show_default=False)
]
Norms = Annotated[Path | None, typer.Option("--norms", help="Norms of your own: NRC-VAD (tabs) or Warriner (CSV).")]


@app.command("show")
def show(term: Term, norms: Norms = None, json: Json = False) -> None:
    """Show what TONE says about a word: its nodes, what they mean, their words, opposites, parts and sequels.

    Example: dsbuild tone show vexation
    """
    from schemas.tone import ask

    ask.find(term)  # says what is wrong with a word that is not there
    word, at, tier = term.rpartition("@")
    found = ask.lookup(word if at and tier in ("1", "2", "3") else term)
    nodes = list(dict.fromkeys(one.node for one in found))
    if at and tier in ("1", "2", "3"):
        nodes = [one for one in nodes if one.tier == int(tier)]
    own = None if norms is None else _own(norms)
    told = {
        "word": term,
        "known_as": found[0].known_as,
        "source": found[0].source,
        "nodes": [_about(node, own) for node in nodes],
        "note": "a reconstruction of TONE; verification by people is pending where it says so",
    }
    print_json(told) if json else typer.echo(_text(told))


@app.command("path")
def path(term: Term, json: Json = False) -> None:
    """Print the way from the primary emotion down to a word.

    Example: dsbuild tone path vexation
    """
    from schemas.tone.ask import find

    node = find(term)
    steps = [step for step in (node.primary, node.secondary, node.tertiary) if step is not None]
    print_json({"word": term, "tier": node.tier, "path": steps}) if json else typer.echo(" > ".join(steps))


@app.command("tag")
def tag(
    file: Annotated[str, typer.Argument(help="A text file, a text a line; - for standard input.", show_default=False)],
    column: Annotated[
        str | None, typer.Option("--column", help="The column of texts, where the file is CSV, TSV, JSONL or Parquet.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write; default: standard output.")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Write JSON lines instead of TSV.")] = False,
) -> None:
    """Find the emotion terms of a text: row, start and end (characters), word, and its node.

    Example: dsbuild tone tag diary.txt --out terms.tsv
    """
    from dsbuild.tone.tag_file import blocks_of, columns_of, tagged, write
    from schemas.errors import DsbuildError

    if file != "-" and not Path(file).is_file():
        raise DsbuildError("There is no such file.", where=file)
    form = "jsonl" if jsonl else "tsv"
    target = sys.stdout.buffer if out is None else out.open("wb")
    try:
        if column is not None:
            count = write(tagged(columns_of(Path(file), column)), target, form)
        elif file == "-":
            count = write(tagged(blocks_of(sys.stdin.buffer, "standard input")), target, form)
        else:
            with Path(file).open("rb") as source:
                count = write(tagged(blocks_of(source, file)), target, form)
    finally:
        target.close() if out is not None else target.flush()
    typer.echo(f"{count} terms", err=True)


def _own(path: Path) -> dict[tuple[Any, str], Any]:
    from dsbuild.tone.own_norms import read_norms

    return {(each.node, each.dimension): each for each in read_norms(path).on_nodes()}


def _about(node: Node, own: dict[tuple[Any, str], Any] | None) -> dict[str, Any]:
    from schemas.tone import ask

    meaning = ask.definition(node)
    dimensions = {}
    for dimension in ("valence", "arousal", "dominance"):
        norm = ask.norm(node, dimension) if own is None else own.get((node, dimension))
        if norm is not None:
            dimensions[dimension] = {"value": norm.value, "basis": norm.basis, "source": norm.source}
    related = [
        {
            "subject": f"{one.subject.term}@{one.subject.tier}",
            "predicate": one.predicate,
            "object": f"{one.object.term}@{one.object.tier}",
            "basis": one.basis,
            "verification": one.verification,
            "source": one.source,
        }
        for one in ask.about(node)
    ]
    return {
        "term": node.term,
        "tier": node.tier,
        "path": [step for step in (node.primary, node.secondary, node.tertiary) if step is not None],
        "definition": meaning.definition,
        "source": meaning.source,
        "words": [word.word for word in ask.words(node)],
        "below": [child.term for child in ask.children(node)],
        "norms": dimensions,
        "statements": related,
    }


def _text(told: dict[str, Any]) -> str:
    lines = []
    if told["known_as"] != "node":
        lines.append(f"{told['word']} is a word of {told['nodes'][0]['term']} ({told['source']})")
    for node in told["nodes"]:
        lines += [
            "",
            f"{' > '.join(node['path'])}  (tier {node['tier']})",
            f"  {node['definition']} [{node['source']}]",
        ]
        if node["below"]:
            lines.append(f"  below it: {', '.join(node['below'])}")
        if node["words"]:
            lines.append(f"  words: {', '.join(node['words'])}")
        for name, norm in node["norms"].items():
            lines.append(f"  {name}: {norm['value']:+.2f} ({norm['basis']}, {norm['source']})")
        for one in node["statements"]:
            lines.append(
                f"  {one['subject']} {one['predicate']} {one['object']} ({one['basis']}; {one['verification']})"
            )
    return "\n".join([*lines, "", told["note"]]).lstrip("\n")
