"""The response store as a file to look into: opened for reading beside whoever writes, never changed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from annotators.llm.responses.locks import is_locked
from annotators.llm.responses.store import APPLICATION_ID, FORMAT
from schemas.errors import DsbuildError


@contextlib.contextmanager
def opened(path: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection to the store at `path`; one that reads sees the file as it was when it began to.

    Raises:
        DsbuildError: there is no file, it is no response store or of a newer format, or it cannot be read.
    """
    if not path.is_file():
        raise DsbuildError(
            "There is no response store here: nobody has been asked anything yet.",
            where=str(path),
            fix="Name the workspace with --workspace, or run a recipe first.",
        )
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}", uri=True, timeout=60)
        ) as db:
            db.isolation_level = None
            (application,) = db.execute("PRAGMA application_id").fetchone()
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if application != APPLICATION_ID:
                raise DsbuildError("This SQLite file is not a response store.", where=str(path))
            if version > FORMAT:
                raise DsbuildError(
                    f"The response store has format {version}; this dsbuild knows {FORMAT}.",
                    where=str(path),
                    fix="Update dsbuild.",
                )
            yield db
    except sqlite3.DatabaseError as error:
        raise DsbuildError(f"The response store cannot be used: {error}.", where=str(path)) from error


def has_column(db: sqlite3.Connection, name: str) -> bool:
    """Whether the table of answers has the column `name`, which an older format may lack."""
    return any(row[1] == name for row in db.execute("PRAGMA table_info(answers)"))


def in_use(path: Path) -> bool:
    """Whether a process has the store at `path` open to ask or to answer: it holds the lock on its lease."""
    leases = path.with_name(path.name + ".owners")
    return leases.is_dir() and any(is_locked(lease) for lease in leases.iterdir())
