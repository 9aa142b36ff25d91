"""A file that untrusted data names: looked for below one folder, and nowhere else."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path


class Outside(Exception):
    """What a name leads to is no file below the folder: it lies elsewhere, or is a folder or a device."""


def inside(folder: Path, name: str) -> Path:
    """The file `name` (a path, relative to `folder` or absolute) below `folder`, links followed.

    Raises:
        FileNotFoundError: there is no such file, or the name is none.
        Outside: it is no file below `folder`.
    """
    root = folder.resolve()
    if not name or "\0" in name:
        raise FileNotFoundError(name)
    try:
        path = (root / name).resolve(strict=True)
        mode = path.stat().st_mode
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError
        raise FileNotFoundError(name) from error
    if not path.is_relative_to(root) or not stat.S_ISREG(mode):
        raise Outside(name)
    return path


def sha256_below(folder: Path, name: str) -> str | None:
    """SHA-256, in hexadecimal, of the file `name` below `folder`; null where there is none, or it cannot be read."""
    try:
        with inside(folder, name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, Outside):
        return None
