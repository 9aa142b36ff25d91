"""Which version a release gets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dsbuild.release.contents import AUTO, SAMPLE
from dsbuild.release.manifest import Identity, Manifest, read_manifest
from schemas.errors import DsbuildError

_VERSION = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
FIRST = "1.0.0"


@dataclass(frozen=True)
class Decision:
    """The version to write; `existing` where a release already says the same; `base` is the newest there was."""

    version: str
    base: str | None
    existing: Manifest | None = None


def parse(version: str) -> tuple[int, int, int] | None:
    """(major, minor, patch), or None if `version` is no MAJOR.MINOR.PATCH."""
    match = _VERSION.fullmatch(version)
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))


def released(folder: Path) -> list[str]:
    """The versions that stand in the dataset's folder, oldest number first."""
    if not folder.is_dir():
        return []
    return sorted((path.name for path in folder.iterdir() if parse(path.name)), key=lambda name: parse(name) or ())


def decide(wanted: str, identity: Identity, folder: Path) -> Decision:
    """The version that `identity` gets in the dataset's folder.

    Another schema than the newest release's makes a major version, other rows a minor one, other metadata a patch;
    with nothing changed the newest release stands for this one. A version of one's own must be new, or the same.

    Raises:
        DsbuildError: `wanted` is no version, or stands for another content; the newest release has no good manifest.
    """
    versions = released(folder)
    newest = versions[-1] if versions else None
    if wanted == SAMPLE:
        return Decision(SAMPLE, newest)
    if wanted != AUTO:
        return _explicit(wanted, identity, folder, newest)
    if newest is None:
        return Decision(FIRST, None)
    base = read_manifest(folder / newest)
    major, minor, patch = parse(newest) or (0, 0, 0)
    if base.schema_hash != identity.schema_hash:
        return Decision(f"{major + 1}.0.0", newest)
    if base.content_hash != identity.content_hash:
        return Decision(f"{major}.{minor + 1}.0", newest)
    if base.metadata_hash != identity.metadata_hash:
        return Decision(f"{major}.{minor}.{patch + 1}", newest)
    return Decision(newest, newest, existing=base)


def _explicit(wanted: str, identity: Identity, folder: Path, newest: str | None) -> Decision:
    if parse(wanted) is None:
        raise DsbuildError(
            f"{wanted!r} is no version.", fix=f"Write MAJOR.MINOR.PATCH, such as {FIRST}, or leave it to `auto`."
        )
    if not (folder / wanted).exists():
        return Decision(wanted, newest)
    there = read_manifest(folder / wanted)
    if there.identity != identity:
        raise DsbuildError(
            f"Release {wanted} exists and says something else; a release is never overwritten.",
            where=str(folder / wanted),
            fix="Choose a new version, or leave it to `version: auto`.",
        )
    return Decision(wanted, newest, existing=there)
