"""What it means when SQLite, or the disk below it, does not do what the response store needs."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from schemas.errors import DsbuildError

# What SQLite may say instead of "full" when it cannot make its log or its index of the log any longer.
_NOT_WRITTEN: Final = {
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_CANTOPEN,
}


def _is_full(path: Path) -> bool:
    return shutil.disk_usage(path.parent).free < 1 << 20


def _full_disk(path: Path) -> DsbuildError:
    return DsbuildError(
        "The disk is full: the last answers (at most 0.2 s of them) could not be stored.",
        where=str(path),
        fix="Free some space and run again; what was stored before is not asked again.",
    )


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Whatever goes wrong inside is told as what it means for the store at `path`."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL or (code in _NOT_WRITTEN and _is_full(path)):
            raise _full_disk(path) from error
        raise DsbuildError(
            f"The response store cannot be used: {error}.",
            where=str(path),
            fix="If it is damaged, move it away and run again; its answers will be asked again.",
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full_disk(path) from error
        raise DsbuildError(f"The response store cannot be opened: {error.strerror}.", where=str(path)) from error
