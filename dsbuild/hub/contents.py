"""What a release and a repository have in common, file by file.

The Hub names large files by their sha256 and small ones by git's hash of a blob, so both can be compared without
downloading anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

# The Hub makes this one by itself, and says in it which files are large.
THEIRS = frozenset({".gitattributes"})
CHUNK = 1 << 20


@dataclass(frozen=True)
class LocalFile:
    """A file of a release on disk; `size` in bytes."""

    path: Path
    size: int
    sha256: str

    @cached_property
    def blob(self) -> str:
        """git's name for the content: the sha1 of `blob SIZE`, a zero byte and the content."""
        found = hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK):
                found.update(chunk)
        return found.hexdigest()


@dataclass(frozen=True)
class Difference:
    """What it takes to make a repository equal to a release: paths to write and paths to delete, each sorted."""

    write: tuple[str, ...]
    delete: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.write or self.delete)

    def __str__(self) -> str:
        paths = [*self.write, *self.delete]
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        return ", ".join(paths[:3]) + more


def local_file(path: Path) -> LocalFile:
    """`path` with its size and sha256."""
    with path.open("rb") as file:
        return LocalFile(path, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def compare(local: Mapping[str, LocalFile], remote: Iterable[RepoFile]) -> Difference:
    """How `remote` (all files of a commit) differs from the release `local` (by path in the repository)."""
    theirs = {file.path: file for file in remote if file.path not in THEIRS}
    write = [path for path, file in local.items() if path not in theirs or not _same(file, theirs[path])]
    return Difference(tuple(sorted(write)), tuple(sorted(set(theirs) - set(local))))


def _same(local: LocalFile, remote: RepoFile) -> bool:
    if local.size != remote.size:
        return False
    return local.sha256 == remote.lfs.sha256 if remote.lfs else local.blob == remote.blob_id
