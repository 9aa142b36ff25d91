"""`dsbuild gold push`, `pull`, `status` and `adjudicate`: sessions in Label Studio."""

from __future__ import annotations

from typing import Annotated

import typer

from dsbuild.cli.options import OUT, WORKSPACE, Json, Out, Recipe, Sample, Set, Workspace, print_json

app = typer.Typer(
    help="Human annotation in Label Studio (LABEL_STUDIO_URL, LABEL_STUDIO_API_KEY).", no_args_is_help=True
)

Session = Annotated[str | None, typer.Argument(help="The session; may be left out where there is only one.")]


@app.command()
def push(
    recipe: Recipe,
    session: Session = None,
    again: Annotated[
        bool, typer.Option("--again", help="Ask again about items whose text or question has changed since.")
    ] = False,
    new_project: Annotated[
        bool, typer.Option("--new-project", help="Leave a project behind that is gone or spoilt.")
    ] = False,
    sample: Sample = None,
    set_: Set = None,
    workspace: Workspace = WORKSPACE,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """Put a session's items before people; only those that are not there yet.

    Example: dsbuild gold push examples/marathi-cotr.yaml main --sample 50
    """
    from dsbuild import sessions
    from dsbuild.cli.show import rows_text, shows_progress

    with shows_progress() as watch:
        rows = sessions.push(
            recipe,
            session,
            again=again,
            new_project=new_project,
            overrides=set_ or (),
            sample=sample,
            workspace=workspace,
            out=out,
            **watch,
        )
    print_json(rows) if json else typer.echo(rows_text(rows))


@app.command()
def pull(
    recipe: Recipe,
    session: Session = None,
    sample: Sample = None,
    set_: Set = None,
    workspace: Workspace = WORKSPACE,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """Bring people's answers into the human store: what changed since the last time.

    Example: dsbuild gold pull examples/marathi-cotr.yaml main
    """
    from dsbuild import sessions
    from dsbuild.cli.show import rows_text, shows_progress

    with shows_progress() as watch:
        rows = sessions.pull(
            recipe, session, overrides=set_ or (), sample=sample, workspace=workspace, out=out, **watch
        )
    print_json(rows) if json else typer.echo(rows_text(rows))


@app.command()
def status(
    recipe: Recipe,
    session: Session = None,
    sample: Sample = None,
    set_: Set = None,
    workspace: Workspace = WORKSPACE,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """Say what a session still waits for, from the answers pulled so far.

    Example: dsbuild gold status examples/marathi-cotr.yaml main
    """
    from dsbuild import sessions
    from dsbuild.cli.show import rows_text

    rows = sessions.status(recipe, session, overrides=set_ or (), sample=sample, workspace=workspace, out=out)
    print_json(rows) if json else typer.echo(rows_text(rows))


@app.command()
def adjudicate(
    recipe: Recipe,
    session: Session = None,
    new_project: Annotated[
        bool, typer.Option("--new-project", help="Leave a project behind that is gone or spoilt.")
    ] = False,
    sample: Sample = None,
    set_: Set = None,
    workspace: Workspace = WORKSPACE,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """Put the items where people differ before the person who decides.

    Example: dsbuild gold adjudicate examples/marathi-cotr.yaml main
    """
    from dsbuild import sessions
    from dsbuild.cli.show import rows_text, shows_progress

    with shows_progress() as watch:
        rows = sessions.adjudicate(
            recipe,
            session,
            new_project=new_project,
            overrides=set_ or (),
            sample=sample,
            workspace=workspace,
            out=out,
            **watch,
        )
    print_json(rows) if json else typer.echo(rows_text(rows))
