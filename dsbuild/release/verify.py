"""Whether a release is still what its manifest says."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from dsbuild.release.manifest import NAME, Manifest, read_manifest
from schemas.errors import DsbuildError

# What git and the Hub's client put beside the files of a dataset.
_NOT_OURS = (".git", ".gitattributes", ".cache")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_in(folder: Path) -> list[str]:
    """Paths of all files below `folder`, relative to it, with slashes, sorted; those of git and the Hub left out."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return sorted(path.as_posix() for path in found if path.parts[0] not in _NOT_OURS)


def verify(folder: Path) -> Manifest:
    """Check the SHA-256 of every file of the release in `folder`; its manifest.

    Raises:
        DsbuildError: a file is missing, changed, or not in the manifest; the error names the first and counts the
            others. Or the manifest itself is missing, damaged, or names files outside the folder.
    """
    manifest = read_manifest(folder)
    for name in manifest.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or str(path) != name:
            raise DsbuildError(
                f"The manifest names a file outside the release: {name!r}.",
                where=str(folder / NAME),
                fix="Do not use this release: its manifest was not written by dsbuild.",
            )
    there = set(files_in(folder))
    faults = [f"{name} is missing" for name in manifest.files if name not in there]
    faults += [f"{name} is not in the manifest" for name in sorted(there - set(manifest.files) - {NAME})]
    for name, entry in manifest.files.items():
        path_there = folder / name
        if name not in there:
            continue
        if path_there.is_symlink() or not path_there.is_file():
            faults.append(f"{name} is no plain file")
        elif path_there.stat().st_size != entry.bytes or sha256_of(path_there) != entry.sha256:
            faults.append(f"{name} has changed")
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise DsbuildError(
            f"The release is not what its manifest says: {faults[0]}{more}.",
            where=str(folder),
            fix="Get it again from where it came from, or make it again under a new version.",
        )
    return manifest
