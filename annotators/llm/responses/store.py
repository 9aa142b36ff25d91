"""The response store: every answer an LLM ever gave, found again by the hash of the whole request.

Format 2, an SQLite file in WAL mode (`PRAGMA user_version` is the format's version):

- `answers`, append-only: `id` (order of arrival), `key` (32 bytes: the request's hash, see request.py), `body` (the
  server's answer, the whole HTTP body as it came, also where it cannot be parsed), `prompt_tokens` and
  `completion_tokens` (as the server counted, null where it did not), `model`, `annotator`, `item_id`, `asked_at`
  (seconds since 1970), `seconds` (how long it took), `form` (the response format it was asked with: json_schema,
  json_object or text; null where it is not known). If a key has several rows the first one counts.
- `claims`: which process is about to ask which `key`; `owners`: until when its lease runs. Both are scratch.

Failed attempts (any HTTP status but 200, broken connections) are no answers and are not stored. Nothing that was
parsed is stored either, so a better parser reads old answers again without asking.

Format 1 had no `form`; a file of that format gets the column when it is opened, and its answers stay as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sqlite3
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from annotators.llm.responses.answers import (
    BUSY,
    CLAIMED,
    Arrived,
    Looked,
    Stored,
    chunks,
    marks,
    select,
)
from annotators.llm.responses.locks import is_locked
from annotators.llm.responses.trouble import explained
from schemas.errors import DsbuildError

FORMAT: Final = 2
APPLICATION_ID: Final = 0x64736C72  # "dslr"
FLUSH_SECONDS: Final = 0.1  # how long an answer may stay in memory; the promise is 0.2
LEASE_SECONDS: Final = 30.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
  id INTEGER PRIMARY KEY, key BLOB NOT NULL, body BLOB NOT NULL, prompt_tokens INTEGER, completion_tokens INTEGER,
  model TEXT NOT NULL, annotator TEXT NOT NULL, item_id TEXT NOT NULL, asked_at REAL NOT NULL, seconds REAL NOT NULL,
  form TEXT);
CREATE INDEX IF NOT EXISTS answers_by_key ON answers (key);
CREATE TABLE IF NOT EXISTS owners (owner TEXT PRIMARY KEY, expires REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (key BLOB PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
"""


class ResponseStore:
    """`async with ResponseStore(path) as store:` opens the file, made where there is none.

    One thread talks to SQLite. Calls that come while it works are done together in its next transaction, so
    throughput does not depend on how long one transaction takes. Several processes may have the file open.

    Raises (from every call):
        DsbuildError: the file is no response store, is of a newer format, cannot be written, or the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.owner = uuid.uuid4().hex
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="responses")
        self._wanted: list[_Wanted] = []
        self._arrived: list[Arrived] = []
        self._released: list[bytes] = []
        self._ticker: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._flushed = asyncio.Event()
        self._failed: BaseException | None = None
        self._stopping = False

    async def __aenter__(self) -> Self:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        self._ticker = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        self._wake.set()
        assert self._ticker is not None
        try:
            await self._ticker
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown()
        if self._failed is not None and error is None:
            raise self._failed

    async def look(self, key: bytes) -> Looked:
        """The stored answer to `key`; or a claim on asking it; or that another process is at it."""
        return (await self.look_all([key]))[key]

    async def look_all(self, keys: Sequence[bytes]) -> dict[bytes, Looked]:
        """The same for several keys, in one transaction."""
        if self._failed is not None:
            raise self._failed
        future: asyncio.Future[dict[bytes, Looked]] = asyncio.get_running_loop().create_future()
        self._wanted.append((keys, future))
        self._wake.set()
        return await future

    def read(self, keys: Sequence[bytes]) -> dict[bytes, Stored]:
        """The committed answers to those of `keys` that have one, read in the calling thread; claims nothing."""
        with explained(self.path):
            return select(self._reader, keys)

    async def peek(self, keys: Sequence[bytes]) -> dict[bytes, Stored]:
        """The stored answers to those of `keys` that have one; claims nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._peek, keys)

    def add(self, answer: Arrived) -> None:
        """Store an answer, with the next transaction, at most 0.2 s from now, and end the claim on its key.

        Raises:
            DsbuildError: an earlier write failed.
        """
        if self._failed is not None:
            raise self._failed
        self._arrived.append(answer)

    def release(self, key: bytes) -> None:
        """Give up the claim on `key` without an answer."""
        self._released.append(key)

    async def flush(self) -> None:
        """Return when everything added so far is committed."""
        while self._arrived or self._released:
            if self._failed is not None:
                raise self._failed
            self._flushed.clear()
            self._wake.set()
            await self._flushed.wait()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        renew = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), FLUSH_SECONDS)
            self._wake.clear()
            wanted, self._wanted = self._wanted, []
            arrived, released = self._arrived, self._released
            due = loop.time() > renew
            if wanted or arrived or released or due:
                try:
                    looked = await loop.run_in_executor(
                        self._thread,
                        self._transact,
                        list(dict.fromkeys(key for keys, _ in wanted for key in keys)),
                        arrived.copy(),
                        released.copy(),
                        due,
                    )
                except Exception as error:  # noqa: BLE001  # handed to everybody who waits, and raised at the end
                    self._fail(error, wanted)
                    return
                # Only now are they safe; what was added meanwhile stays for the next round.
                del arrived[: looked.arrived], released[: looked.released]
                if due:
                    renew = loop.time() + LEASE_SECONDS / 4
                for keys, future in wanted:
                    if not future.done():
                        future.set_result({key: looked.found[key] for key in keys})
            self._flushed.set()
            if self._stopping and not (self._wanted or self._arrived or self._released):
                return

    def _fail(self, error: BaseException, wanted: list[_Wanted]) -> None:
        self._failed = error
        for _, future in [*wanted, *self._wanted]:
            if not future.done():
                future.set_exception(error)
        self._wanted = []
        self._flushed.set()

    # From here on: in the store's thread.

    def _open(self) -> None:
        with explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
            try:
                self._check()
                self._hold_lease()
                self._db.execute("PRAGMA journal_mode=WAL")
                # WAL with NORMAL: a commit survives the death of the process at any moment; a power cut may lose the
                # last commits but never damages the file.
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                if "form" not in {row[1] for row in self._db.execute("PRAGMA table_info(answers)")}:
                    self._db.execute("ALTER TABLE answers ADD COLUMN form TEXT")
                self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version={FORMAT}")
                self._db.execute("COMMIT")
                self._reader = sqlite3.connect(
                    f"{self.path.absolute().as_uri()}?mode=ro",
                    uri=True,
                    timeout=60,
                    isolation_level=None,
                    check_same_thread=False,
                )
            except BaseException:
                self._db.close()
                raise

    def _check(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != APPLICATION_ID:
            raise DsbuildError(
                "This SQLite file is not a response store.",
                where=str(self.path),
                fix="Move it away, or name another workspace.",
            )
        if version > FORMAT:
            raise DsbuildError(
                f"The response store has format {version}; this dsbuild knows {FORMAT}.",
                where=str(self.path),
                fix="Update dsbuild.",
            )

    def _hold_lease(self) -> None:
        leases = self.path.with_name(self.path.name + ".owners")
        leases.mkdir(exist_ok=True)
        for other in leases.iterdir():  # of processes that were killed
            if not is_locked(other):
                other.unlink(missing_ok=True)
        self._lease = leases / self.owner
        while True:
            self._lease_file = self._lease.open("w")
            fcntl.flock(self._lease_file, fcntl.LOCK_EX)
            if self._lease.exists():  # else another process swept it away before we had locked it
                return
            self._lease_file.close()

    def _close(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # a full disk was reported already; the lease runs out by itself
            self._db.execute("DELETE FROM claims WHERE owner = ?", (self.owner,))
            self._db.execute("DELETE FROM owners WHERE owner = ?", (self.owner,))
        self._reader.close()
        self._db.close()
        self._lease_file.close()
        self._lease.unlink(missing_ok=True)

    def _transact(
        self, wanted: Sequence[bytes], arrived: Sequence[Arrived], released: Sequence[bytes], renew: bool
    ) -> _Done:
        with explained(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                if renew:
                    self._db.execute(
                        "INSERT OR REPLACE INTO owners VALUES (?, ?)", (self.owner, time.time() + LEASE_SECONDS)
                    )
                for chunk in chunks(arrived):
                    row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    self._db.execute(
                        "INSERT INTO answers (key, body, prompt_tokens, completion_tokens, model, annotator, item_id,"
                        f" asked_at, seconds, form) VALUES {','.join([row] * len(chunk))}",
                        [value for answer in chunk for value in answer],
                    )
                for ended in chunks([*(answer.key for answer in arrived), *released]):
                    self._db.execute(
                        f"DELETE FROM claims WHERE owner = ? AND key IN ({marks(ended)})", [self.owner, *ended]
                    )
                found: dict[bytes, Looked] = {**select(self._db, wanted)}
                found |= self._claim([key for key in wanted if key not in found])
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        return _Done(found, len(arrived), len(released))

    def _peek(self, keys: Sequence[bytes]) -> dict[bytes, Stored]:
        with explained(self.path):
            return select(self._db, keys)

    def _claim(self, keys: Sequence[bytes]) -> dict[bytes, Looked]:
        result: dict[bytes, Looked] = {}
        alive: dict[str, bool] = {self.owner: False}
        for chunk in chunks(keys):
            for key, owner in self._db.execute(f"SELECT key, owner FROM claims WHERE key IN ({marks(chunk)})", chunk):
                if owner not in alive:
                    alive[owner] = self._is_alive(owner)
                if alive[owner]:
                    result[key] = BUSY
        free = [key for key in keys if key not in result]
        for chunk in chunks(free):
            self._db.execute(
                f"INSERT OR REPLACE INTO claims VALUES {','.join(['(?, ?)'] * len(chunk))}",
                [value for key in chunk for value in (key, self.owner)],
            )
        return result | dict.fromkeys(free, CLAIMED)

    def _is_alive(self, owner: str) -> bool:
        """Whether the owner of a claim still runs: its lease has time left and its lock is held.

        The lock is the kernel's, so a killed process is known to be gone at once, not when its lease runs out.
        """
        row = self._db.execute("SELECT expires FROM owners WHERE owner = ?", (owner,)).fetchone()
        if row is None or row[0] < time.time():
            return False
        return is_locked(self._lease.with_name(owner))


_Wanted = tuple[Sequence[bytes], "asyncio.Future[dict[bytes, Looked]]"]


def stored_keys(path: Path, keys: Sequence[bytes]) -> set[bytes]:
    """Which of `keys` the store at `path` has answers to; none where there is no store. Nothing is written."""
    if not path.exists():
        return set()
    found: set[bytes] = set()
    with explained(path), contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        for start in range(0, len(keys), 500):
            some = keys[start : start + 500]
            marks = ",".join("?" * len(some))
            found |= {key for (key,) in db.execute(f"SELECT key FROM answers WHERE key IN ({marks})", some)}
    return found


@dataclass(frozen=True, slots=True)
class _Done:
    found: dict[bytes, Looked]
    arrived: int
    released: int
