"""The folder of a dataset's releases: written elsewhere, then moved into place in one step."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dsbuild.release.parquet import sync

_LOCK = ".lock"
_WRITING = ".writing-"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the dataset's folder, made if need be; waits while another process writes a release of it.

    The kernel lets go of the lock when its holder dies, however it dies. So what an earlier writer left unfinished is
    nobody's once the lock is ours, and is removed.

    Raises:
        OSError: the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for path in folder.glob(f"{_WRITING}*"):
            shutil.rmtree(path)
        yield
    finally:
        os.close(handle)


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """A new empty folder beside the releases, inside `locked`; gone at the end unless it was put into place."""
    path = folder / f"{_WRITING}{os.getpid()}"
    path.mkdir()
    try:
        yield path
    finally:
        if path.exists():
            shutil.rmtree(path)


def put_into_place(path: Path, target: Path, *, replace: bool = False) -> None:
    """Rename the finished folder `path` to its sibling `target`, once the disk has all of it.

    With `replace`, what was there is moved away first; a process killed between the two leaves neither, and the next
    writer removes the rest. Without it, `target` must not exist.

    Raises:
        FileExistsError: `target` exists and may not be replaced.
    """
    for inner in [path, *(p for p in path.rglob("*") if p.is_dir())]:
        sync(inner)
    if target.exists():
        if not replace:
            raise FileExistsError(target)
        old = path.with_name(f"{path.name}-old")
        target.rename(old)
        path.rename(target)
        shutil.rmtree(old)
    else:
        path.rename(target)
    sync(target.parent)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with its newlines as they are, and wait for the disk to have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        # A lone surrogate has no UTF-8; a "?" in its place is better than no release.
        file.write(text.encode("utf-8", "replace"))
        file.flush()
        os.fsync(file.fileno())
