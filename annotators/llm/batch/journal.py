"""Which batches are at a provider, and what is in them: written down before the next step, so that no death loses one.

An SQLite file beside the response store: `batches` (`local`: our name for it, in the batch's metadata too; `batch`: the
provider's id, null until it said so; `url`: whose), `requests` (`key` and response format of each request in it),
`answers` (collected, and perhaps not in the response store yet). A row that failed leaves nothing here.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self, TypeVar

from annotators.llm.responses.locks import is_locked
from schemas.errors import DsbuildError

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (local TEXT PRIMARY KEY, url TEXT NOT NULL, batch TEXT, made_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS requests (local TEXT NOT NULL, key BLOB NOT NULL, form TEXT NOT NULL,
  PRIMARY KEY (local, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, form TEXT NOT NULL, body BLOB NOT NULL);
"""


@dataclass(frozen=True)
class Pending:
    """A batch that was made and is not collected; `requests` gives the response format of each key in it."""

    local: str
    batch: str | None
    made_at: float
    requests: dict[bytes, str]


class Journal:
    """`async with Journal(path, url) as journal:` the batches of one endpoint; one thread talks to SQLite.

    Raises (from every call):
        DsbuildError: the file cannot be used.
    """

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self._url = url
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
        self._locks: dict[str, IO[str]] = {}

    async def __aenter__(self) -> Self:
        try:
            await self._do(self._open)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._do(self._close)
        self._thread.shutdown()

    async def begin(self, local: str, requests: dict[bytes, str]) -> None:
        """A batch is about to be submitted."""
        await self._do(lambda: self._begin(local, requests))

    async def submitted(self, local: str, batch: str) -> None:
        """The provider has the batch, under the id `batch`."""
        await self._do(lambda: self._submitted(local, batch))

    async def keep(self, answers: Iterable[tuple[bytes, str, bytes]]) -> None:
        """Write down answers: key, response format, body."""
        rows = list(answers)
        await self._do(lambda: self._many("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows))

    async def end(self, local: str) -> None:
        """The batch is collected, or there is none."""
        await self._do(lambda: self._end(local))

    async def pending(self) -> list[Pending]:
        """The batches that are not collected, without those that another process is submitting just now."""
        return await self._do(self._pending)

    async def kept(self) -> dict[bytes, str]:
        """The keys whose answers are written down, with their response formats."""
        return await self._do(lambda: dict(self._db.execute("SELECT key, form FROM answers").fetchall()))

    async def answer(self, key: bytes) -> bytes:
        """The answer to `key`, which is kept."""
        return await self._do(lambda: self._answer(key))

    async def forget(self, keys: Sequence[bytes]) -> None:
        """The answers to `keys` are in the response store now."""
        await self._do(lambda: self._many("DELETE FROM answers WHERE key = ?", [(key,) for key in keys]))

    async def _do(self, work: Callable[[], T]) -> T:
        def explained() -> T:
            try:
                return work()
            except (sqlite3.Error, OSError) as error:
                raise DsbuildError(f"The record of batches cannot be used: {error}.", where=str(self.path)) from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, explained)

    # From here on: in the journal's thread.

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")  # a batch costs money: its record outlives a power cut
        for statement in _SCHEMA.split(";"):
            self._db.execute(statement)

    def _close(self) -> None:
        for local in list(self._locks):
            self._unlock(local)
        self._db.close()

    def _lock_of(self, local: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{local}.lock")

    def _unlock(self, local: str) -> None:
        if (lock := self._locks.pop(local, None)) is not None:
            self._lock_of(local).unlink(missing_ok=True)
            lock.close()

    def _begin(self, local: str, requests: dict[bytes, str]) -> None:
        # The lock is the kernel's: others see at once whether who was submitting this is still alive.
        self._locks[local] = lock = self._lock_of(local).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        with self._transaction():
            self._db.execute("INSERT INTO batches VALUES (?, ?, NULL, ?)", (local, self._url, time.time()))
            self._db.executemany(
                "INSERT INTO requests VALUES (?, ?, ?)", [(local, key, form) for key, form in requests.items()]
            )

    def _submitted(self, local: str, batch: str) -> None:
        self._db.execute("UPDATE batches SET batch = ? WHERE local = ?", (batch, local))
        self._unlock(local)

    def _end(self, local: str) -> None:
        with self._transaction():
            self._db.execute("DELETE FROM requests WHERE local = ?", (local,))
            self._db.execute("DELETE FROM batches WHERE local = ?", (local,))
        self._unlock(local)

    def _many(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._transaction():
            self._db.executemany(statement, rows)

    def _answer(self, key: bytes) -> bytes:
        (body,) = self._db.execute("SELECT body FROM answers WHERE key = ?", (key,)).fetchone()
        return bytes(body)

    def _pending(self) -> list[Pending]:
        rows = self._db.execute(
            "SELECT local, batch, made_at FROM batches WHERE url = ? ORDER BY made_at, local", (self._url,)
        ).fetchall()
        found = []
        for local, batch, made_at in rows:
            if batch is None and (local in self._locks or is_locked(self._lock_of(local))):
                continue
            requests = dict(self._db.execute("SELECT key, form FROM requests WHERE local = ?", (local,)).fetchall())
            found.append(Pending(local, batch, made_at, requests))
        return found

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
