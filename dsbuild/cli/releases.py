"""`dsbuild verify`, `dsbuild push` and `dsbuild migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dsbuild.cli.options import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("verify")(verify)
    app.command("push")(push)
    app.command("migrate")(migrate)


def verify(folder: Annotated[Path, typer.Argument(help="A release.", show_default=False)], json: Json = False) -> None:
    """Check every file of a release against its manifest.

    Example: dsbuild verify releases/quickstart/1.0.0
    """
    from dsbuild import api

    manifest = api.verify(folder)
    told = {
        "dataset": manifest.dataset,
        "version": manifest.version,
        "content_hash": manifest.content_hash,
        "files": len(manifest.files),
    }
    if json:
        print_json(told)
    else:
        typer.echo(
            f"{manifest.dataset} {manifest.version}: {len(manifest.files)} files are as they were released "
            f"(content {manifest.content_hash[:16]})."
        )


def push(
    folder: Annotated[Path, typer.Argument(help="A release.", show_default=False)],
    repo: Annotated[str | None, typer.Argument(help="NAMESPACE/NAME; default: what the release names.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Make the repository private if it is new.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    json: Json = False,
) -> None:
    """Push a release to the Hugging Face Hub: one commit, then a tag for the version.

    The token comes from HF_TOKEN, the address from HF_ENDPOINT.

    Example: dsbuild push releases/quickstart/1.0.0 my-lab/quickstart
    """
    from dsbuild.cli.show import pushed_text, shows_progress
    from dsbuild.hub import push as send

    with shows_progress() as watch:
        result = send(folder, _repo(folder, repo), private=private, dry_run=dry_run, progress=watch["progress"]("push"))
    if json:
        print_json(
            {field: getattr(result, field) for field in ("repo", "commit", "tag", "url", "uploaded", "unchanged")}
        )
    else:
        typer.echo(pushed_text(result, dry_run=dry_run))


def migrate(
    folder: Annotated[Path, typer.Argument(help="A release.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where releases go; default: beside it.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Bring an older release to the schema of today: a new release of the next major version; the old one stays.

    Example: dsbuild migrate releases/quickstart/1.0.0
    """
    from dsbuild import api

    done = api.migrate(folder, out)
    if json:
        print_json(
            {
                "dataset": done.manifest.dataset,
                "version": done.version,
                "base": done.base,
                "schema_versions": list(done.steps),
                "path": str(done.path),
                "created": done.created,
                "content_hash": done.manifest.content_hash,
            }
        )
    elif done.created:
        typer.echo(f"{done.path}: {' -> '.join(done.steps)}, from release {done.base}.")
    elif len(done.steps) == 1:
        typer.echo(f"{done.path} keeps to version {done.steps[0]} of the schema already.")
    else:
        typer.echo(f"{done.path} is what release {done.base} was migrated to before.")


def _repo(folder: Path, given: str | None) -> str:
    if given is not None:
        return given
    import yaml

    from dsbuild import api
    from schemas.errors import RecipeError

    named = (yaml.safe_load(api.verify(folder).recipe) or {}).get("release", {}).get("repo")
    if not isinstance(named, str):
        raise RecipeError("The release names no repository.", fix="Give one: dsbuild push DIR NAMESPACE/NAME.")
    return named
