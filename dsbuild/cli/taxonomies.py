"""`dsbuild taxonomies`: the label sets, and the crosswalks between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dsbuild.cli.options import Json, print_json

if TYPE_CHECKING:
    from dsbuild.crosswalks import Mapped
    from schemas.taxonomy import Taxonomy

app = typer.Typer(help="The label sets, and what one becomes in another.", no_args_is_help=True)

_NAME = "A shipped taxonomy, or a YAML file of your own."
Name = Annotated[str, typer.Argument(help=_NAME, show_default=False)]


@app.command("list")
def list_taxonomies(
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only these: emotion, sentiment, act, condition, other.")
    ] = None,
    json: Json = False,
) -> None:
    """List the taxonomies that can be named in a recipe.

    Example: dsbuild taxonomies list
    """
    from dsbuild.cli.show import rows_text
    from schemas.taxonomy import load_taxonomy, shipped

    found = [one for one in map(load_taxonomy, shipped()) if kind in (None, one.kind)]
    rows = [{"name": one.name, "labels": len(one.labels), "kind": one.kind, "title": one.title} for one in found]
    if json:
        print_json([row | {"year": one.year, "source": one.source} for row, one in zip(rows, found, strict=True)])
        return
    typer.echo(rows_text(rows))


@app.command("show")
def show_taxonomy(name: Name, json: Json = False) -> None:
    """Show a taxonomy: its labels, what they mean, and where they stand in TONE.

    Example: dsbuild taxonomies show ekman-neutral
    """
    from schemas.taxonomy import load_taxonomy

    taxonomy = load_taxonomy(name)
    if json:
        print_json(taxonomy.model_dump(mode="json", exclude_none=True))
        return
    typer.echo(_taxonomy_text(taxonomy))


@app.command("map")
def map_taxonomies(
    source: Annotated[str, typer.Argument(metavar="A", help=_NAME, show_default=False)],
    target: Annotated[str, typer.Argument(metavar="B", help=_NAME, show_default=False)],
    on: Annotated[
        Path | None,
        typer.Option("--on", metavar="FILE|RELEASE", help="Whose labels of A to count; without it all count the same."),
    ] = None,
    column: Annotated[str | None, typer.Option("--column", help="The file's column with the labels.")] = None,
    separator: Annotated[
        str | None, typer.Option("--separator", help="What stands between several labels of a cell.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", help="The release's task.")] = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="GROUPING", help="A published grouping of A's, to compare with.")
    ] = None,
    by_name: Annotated[
        bool, typer.Option("--by-name", help="Look labels up in the tree by their names, and do not place the others.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what each label of A becomes in B through TONE, and how much is lost, in bits.

    Example: dsbuild taxonomies map goemotions ekman-neutral

    Example: dsbuild taxonomies map meld parrott-primary --on meld.csv --column Emotion

    Example: dsbuild taxonomies map goemotions goemotions-ekman --against ekman
    """
    from dsbuild.crosswalks import mapped

    found = mapped(
        source, target, on=on, column=column, separator=separator, task=task, grouping=against, by_name=by_name
    )
    print_json(found.as_json()) if json else typer.echo(_mapped_text(found))


def _taxonomy_text(taxonomy: Taxonomy) -> str:
    from dsbuild.cli.show import rows_text

    rows: list[dict[str, Any]] = []
    for label in taxonomy.labels:
        chains = [" > ".join(filter(None, (one.primary, one.secondary, one.tertiary))) for one in label.places]
        row: dict[str, Any] = {"label": label.id}
        if any(one.code is not None for one in taxonomy.labels):
            row["code"] = "" if label.code is None else str(label.code)
        rows.append(row | {"tone": " + ".join(chains) or label.role or "none", "meaning": label.definition})
    lines = [f"{taxonomy.title} ({taxonomy.source})", rows_text(rows)]
    for grouping, groups in taxonomy.groups.items():
        lines += ["", f"Grouping {grouping}:"]
        lines += [f"  {group}: {', '.join(labels)}" for group, labels in groups.items()]
    return "\n".join(lines)


def _mapped_text(found: Mapped) -> str:
    from dsbuild.cli.show import rows_text
    from schemas.crosswalk import KINDS

    walk, lost, counted = found.walk, found.losses, found.counted
    rows: list[dict[str, Any]] = []
    for one in walk.mappings:
        bits = lost.of_label.get(one.label)
        row: dict[str, Any] = {"label": one.label}
        if counted is not None:
            row["n"] = counted.labels.get(one.label, 0)
        becomes = (" and " if one.blend else " or ").join(one.targets)
        row |= {"becomes": becomes if one.sure else f"nothing ({becomes}?)" if becomes else "nothing"}
        rows.append(row | {"kind": one.kind, "bits": "" if bits is None else f"{bits:.3f}", "in TONE": one.path})
    kinds = {kind: sum(one.kind == kind for one in walk.mappings) for kind in KINDS}
    of = "labels, taken as equally frequent" if counted is None else f"labels of {counted.source}"
    lines = [
        f"{walk.source.name} ({len(walk.source.labels)} labels) to {walk.target.name} ({len(walk.target.labels)})",
        rows_text(rows),
        "",
        f"Mappings  {', '.join(f'{n} {kind}' for kind, n in kinds.items() if n)}",
        f"Becomes   {lost.converted:,g} of {lost.labels:,g} {of}",
        f"Lost      {lost.bits:.3f} of {lost.before:.3f} bits a label that becomes something",
    ]
    if counted is not None and counted.strangers:
        listed = ", ".join(f"{text!r} {n:,}" for text, n in counted.strangers.items())
        lines.append(f"No label  {listed}")
    return "\n".join([*lines, *(_compared_lines(found) if found.compared is not None else [])])


def _compared_lines(found: Mapped) -> list[str]:
    from dsbuild.cli.show import rows_text

    compared = found.compared or []
    words = {"agrees": "agree", "disagrees": "disagree", "no place": "have no place"}
    told = ", ".join(f"{sum(one.verdict == verdict for one in compared)} {word}" for verdict, word in words.items())
    apart = [
        {
            "label": one.label,
            "published": one.published or "",
            "here": " and ".join(one.found),
            "": one.verdict,
            "why": one.why,
        }
        for one in compared
        if one.verdict != "agrees"
    ]
    return ["", f"Against the published grouping: {told}", *([rows_text(apart)] if apart else [])]
