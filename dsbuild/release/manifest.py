"""manifest.json: what a release is made of and what it consists of, format dsbuild.release/1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import DsbuildError
from schemas.tables import SCHEMA_VERSION

FORMAT: Final = "dsbuild.release/1"
NAME = "manifest.json"
_VERSION = r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$"


class Identity(NamedTuple):
    """What a release says: hashes of its schema, of its rows, and of what is told about them."""

    schema_hash: str
    content_hash: str
    metadata_hash: str


class FileEntry(BaseModel):
    """One file of a release: its SHA-256 in hexadecimal and its size."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    bytes: int


class Manifest(BaseModel):
    """A release's manifest.

    Attributes:
        version: MAJOR.MINOR.PATCH, or "sample".
        base_version: the newest release when this one was made, null for the first.
        schema_version: the version of the tables' schema (`schemas.tables.SCHEMA_VERSION`) that it conforms to.
        content_hash: of the rows of every table but the rejects (see content_hash.py).
        schema_hash: of the columns, tasks and taxonomies; another one makes a major version.
        metadata_hash: of the card, the report, the figures, the recipe, the sources; another one alone makes a patch.
        tables: by config and split, the number of rows and their hash.
        files: by path, every file of the release but the manifest.
        recipe: its YAML.
        prompts: for each prompt asked, the annotator, its strategy and the prompt's hash; the prompts themselves are
            in the table `provenance`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["dsbuild.release/1"] = FORMAT
    dataset: str
    version: str
    base_version: str | None
    schema_version: str = Field(pattern=_VERSION)
    content_hash: str
    schema_hash: str
    metadata_hash: str
    code: str
    tables: dict[str, dict[str, dict[str, Any]]]
    files: dict[str, FileEntry]
    recipe: str
    corpora: list[dict[str, Any]]
    models: list[dict[str, Any]]
    prompts: list[dict[str, Any]]

    @property
    def identity(self) -> Identity:
        """What the release says, whatever its version."""
        return Identity(self.schema_hash, self.content_hash, self.metadata_hash)

    def to_json(self) -> str:
        """The file's text."""
        return to_json(self.model_dump(mode="json"))


def to_json(value: Any) -> str:
    """JSON as a release has it: indented, keys in the order given, one newline at the end.

    Raises:
        DsbuildError: a number is not finite.
    """
    try:
        return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    except ValueError as error:
        raise DsbuildError(
            f"A figure of the release is no number that JSON has: {error}.", fix="An undefined figure is null."
        ) from error


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the release in `folder`.

    Raises:
        DsbuildError: there is none, or it is damaged, or of a format or a schema that this version does not know.
    """
    path = folder / NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DsbuildError(
            "This is no release: it has no manifest.json.",
            where=str(folder),
            fix="Name the folder of one version, such as releases/NAME/1.0.0.",
        ) from error
    except (OSError, ValueError) as error:
        raise DsbuildError(f"The manifest cannot be read: {error}.", where=str(path), fix=_RESTORE) from error
    found = raw.get("format") if isinstance(raw, dict) else None
    if found != FORMAT:
        raise DsbuildError(
            f"The manifest has the format {found!r}; this version of dsbuild reads {FORMAT!r}.",
            where=str(path),
            fix="Use the version of dsbuild that wrote it, or a newer one.",
        )
    try:
        manifest = Manifest.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise DsbuildError(
            f"The manifest is damaged: {field}: {first['msg']}.", where=str(path), fix=_RESTORE
        ) from error
    if tuple(map(int, manifest.schema_version.split("."))) > tuple(map(int, SCHEMA_VERSION.split("."))):
        raise DsbuildError(
            f"The release conforms to version {manifest.schema_version} of the schema; this version of dsbuild knows "
            f"versions up to {SCHEMA_VERSION}.",
            where=str(path),
            fix="Use a newer version of dsbuild.",
        )
    return manifest


_RESTORE = "Get the release again from where it came from, or make it again under a new version."
