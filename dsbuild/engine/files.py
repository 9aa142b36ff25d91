"""Files that are on the disk when it is said that they are, and what is told when they cannot be."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import Final

import polars as pl

from schemas.errors import DsbuildError


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Make a file or a folder's entries durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def full_disk(error: OSError, place: Path) -> DsbuildError:
    """What to say when writing failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DsbuildError(
            "The disk is full; nothing that was finished is lost.",
            where=str(place),
            fix="Free some space, or move the workspace with --workspace, and run the same command again.",
        )
    return DsbuildError(f"Cannot write: {error.strerror or error}.", where=str(place))


class _Failed(OSError):
    """polars reports a failed write as text; this gives it back its error number."""


ROW_GROUP: Final = 8192  # rows that can be read without the others of their file


def write_parquet(frame: pl.DataFrame, path: Path) -> int:
    """Write a durable Parquet file; its size in bytes.

    Raises:
        DsbuildError: the disk is full, or the file cannot be written.
    """
    try:
        with path.open("wb") as file:
            frame.write_parquet(
                file, compression="zstd", compression_level=1, statistics=False, row_group_size=ROW_GROUP
            )
            file.flush()
            os.fsync(file.fileno())
            return file.tell()
    except OSError as error:
        raise full_disk(error, path) from error
    except pl.exceptions.PolarsError as error:
        if "No space left" in str(error):
            raise full_disk(_Failed(errno.ENOSPC, "no space left"), path) from error
        raise
