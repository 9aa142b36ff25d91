"""Answers that nobody needs any more: found by going through the recipes that are kept, removed only on request."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from annotators.llm.responses.reading import in_use, opened
from annotators.llm.responses.replay import replay
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from annotators.llm.config import LLMConfig
    from annotators.llm.shots.library import Library
    from schemas.task import Task

_KEYS: Final = 500


@dataclass(frozen=True)
class Kept:
    """An annotator whose answers are kept: over the items of `batches`, for `tasks`, with examples of `library`."""

    config: LLMConfig
    tasks: Sequence[Task]
    batches: Callable[[], Iterator[pl.DataFrame]]
    library: Library | None = None


def gc(path: Path, kept: Sequence[Kept], *, remove: bool = False) -> dict[str, Any]:
    """Find, and with `remove` delete, the answers in the store at `path` that none of `kept` needs.

    Needed is every answer that a run would look at, those to repair turns and fresh asks included, and of several
    answers to one request the first, which is the one that counts. After a removal the file is rewritten, so that the
    space is free.

    Returns:
        answers, needed, unneeded, bytes (of the unneeded answers), removed, file_bytes_before, file_bytes_after, and
        `by`: model, annotator, answers, bytes of the unneeded.

    Raises:
        DsbuildError: another process has the store open, or see `annotators.llm.responses.reading.opened`.
    """
    before = path.stat().st_size if path.is_file() else 0
    with opened(path, write=remove) as db:
        if remove:
            _refuse_while_used(path)
        db.execute("PRAGMA temp_store=MEMORY")
        db.execute("CREATE TEMP TABLE needed (key BLOB PRIMARY KEY) WITHOUT ROWID")
        for one in kept:
            keys = replay(one.config, one.batches, one.tasks, db, one.library).keys
            db.executemany("INSERT OR IGNORE INTO temp.needed VALUES (?)", ((key,) for key in keys))
        if remove:
            # From here on nobody else writes; who had opened it meanwhile is seen now.
            db.execute("BEGIN IMMEDIATE")
            try:
                _refuse_while_used(path)
                figures = _unneeded(db)
                db.execute(f"DELETE FROM answers WHERE id IN ({_UNNEEDED})")
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            figures = _unneeded(db)
    after = path.stat().st_size
    return {
        **figures,
        "removed": figures["unneeded"] if remove else 0,
        "file_bytes_before": before,
        "file_bytes_after": after,
    }


# Of a needed key the first answer counts; the others are repeats that nobody reads.
_UNNEEDED: Final = """
SELECT id FROM answers WHERE key NOT IN (SELECT key FROM temp.needed)
  OR id NOT IN (SELECT min(id) FROM answers GROUP BY key)
"""


def _unneeded(db: sqlite3.Connection) -> dict[str, Any]:
    (answers,) = db.execute("SELECT count(*) FROM answers").fetchone()
    rows = db.execute(
        "SELECT model, annotator, count(*), sum(length(body)) FROM answers"
        f" WHERE id IN ({_UNNEEDED}) GROUP BY model, annotator ORDER BY model, annotator"
    ).fetchall()
    by = [dict(zip(("model", "annotator", "answers", "bytes"), row, strict=True)) for row in rows]
    unneeded = sum(row["answers"] for row in by)
    return {
        "answers": answers,
        "needed": answers - unneeded,
        "unneeded": unneeded,
        "bytes": sum(row["bytes"] for row in by),
        "by": by,
    }


def _refuse_while_used(path: Path) -> None:
    if in_use(path):
        raise DsbuildError(
            "Another process has this response store open.",
            where=str(path),
            fix="Let its run end, or stop it, and try again; nothing was removed.",
        )
