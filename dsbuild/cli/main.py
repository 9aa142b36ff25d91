"""The commands put together, and what happens to errors."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

import typer

import dsbuild
from dsbuild.cli import compare, corpora, gold, prompts, recipe, releases, responses, schema, simulate, taxonomies, tone
from schemas.errors import DsbuildError

STOPPED = 130  # the exit code of a process that Ctrl-C ended

app = typer.Typer(
    name="dsbuild",
    help="Build emotion datasets that people can trust.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
recipe.register(app)
releases.register(app)
schema.register(app)
simulate.register(app)
compare.register(app)
app.add_typer(gold.app, name="gold")
app.add_typer(corpora.corpora, name="corpora")
app.add_typer(responses.app, name="responses")
app.add_typer(taxonomies.app, name="taxonomies")
app.add_typer(tone.app, name="tone")
app.add_typer(prompts.app, name="prompts")


@app.callback(invoke_without_command=True)
def _options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    version: bool = typer.Option(False, "--version", help="Show the version and leave."),
) -> None:
    if debug:
        os.environ["DSBUILD_DEBUG"] = "1"
    if version:
        typer.echo(f"dsbuild {dsbuild.__version__}")
        raise typer.Exit


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line.

    Exit codes: 0; 1 failed; 2 wrong command or recipe; 3 waiting for people; 4 a gate failed; 5 the budget is spent;
    130 stopped.
    """
    # Being asked to end is the same as Ctrl-C: what runs is stopped in order, children included.
    signal.signal(signal.SIGTERM, _stop)
    # Imports and requests make very many objects and hardly a cycle: with Python's own 700 the collector takes a tenth
    # of the start and a fifth of annotating.
    gc.set_threshold(50_000, 20, 100)
    try:
        app(prog_name="dsbuild")
    except DsbuildError as error:
        if os.environ.get("DSBUILD_DEBUG"):
            raise
        _tell(error)
        sys.exit(error.exit_code)
    except SystemExit as left:
        # typer turns Ctrl-C into this exit code, without a word about what that means for the answers.
        if left.code == STOPPED:
            typer.echo("\nStopped. What was answered is kept; run the same command to go on.", err=True)
        raise
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("DSBUILD_DEBUG"):
            raise
        typer.echo(
            f"dsbuild: this should not have happened: {type(error).__name__}: {error}\n"
            "Run it again with --debug before the command (dsbuild --debug ...) and report what it shows.",
            err=True,
        )
        sys.exit(1)


def _tell(error: DsbuildError) -> None:
    typer.echo(f"dsbuild: {error}", err=True)
