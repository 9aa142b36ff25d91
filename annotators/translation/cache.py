"""Translations that were made once, kept for every later run and recipe.

Format 1, an SQLite file in WAL mode beside the response store: `translations` (`key`: SHA-256 of who translated, from,
to, and the text; `source`, `target`, `text`, `made_at` in seconds since 1970). Failures are not kept.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from schemas.errors import DsbuildError
from schemas.ids import digest

FORMAT: Final = 1
APPLICATION_ID: Final = 0x64737472  # "dstr"


class Translations:
    """`with Translations(path, identity) as known:` opens the file, made where there is none; one thread uses it.

    Raises (from every call):
        DsbuildError: the file is none of ours, is of a newer format, or cannot be written.
    """

    def __init__(self, path: Path, identity: Mapping[str, str]) -> None:
        self.path = path
        self._identity = digest(dict(identity))

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
            (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if (tables and application != APPLICATION_ID) or version > FORMAT:
                self._db.close()
                raise DsbuildError(
                    "This file holds no translations that this version of dsbuild can read.",
                    where=str(self.path),
                    fix="Update dsbuild, or move the file away.",
                )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS translations (key BLOB PRIMARY KEY, source TEXT, target TEXT NOT NULL,"
                " text TEXT NOT NULL, made_at REAL NOT NULL) WITHOUT ROWID"
            )
            self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version={FORMAT}")
        except (sqlite3.Error, OSError) as error:
            raise self._broken(error) from error
        return self

    def __exit__(self, *unused: object) -> None:
        self._db.close()

    def find(self, texts: Sequence[str], source: str | None, target: str) -> dict[str, str]:
        """{text: translation} of those of `texts` that were translated before."""
        keys = {self._key(text, source, target): text for text in texts}
        found: dict[str, str] = {}
        wanted = list(keys)
        try:
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                marks = ",".join("?" * len(some))
                rows = self._db.execute(f"SELECT key, text FROM translations WHERE key IN ({marks})", some)
                found |= {keys[key]: text for key, text in rows}
        except sqlite3.Error as error:
            raise self._broken(error) from error
        return found

    def add(self, made: Mapping[str, str], source: str | None, target: str) -> None:
        """Keep {text: translation}; committed when this returns."""
        now = time.time()
        rows = [(self._key(text, source, target), source, target, said, now) for text, said in made.items()]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR IGNORE INTO translations VALUES (?, ?, ?, ?, ?)", rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._broken(error) from error

    def _key(self, text: str, source: str | None, target: str) -> bytes:
        head = f"dsbuild.translation/1\0{self._identity}\0{source or ''}\0{target}\0"
        return hashlib.sha256((head + text).encode("utf-8", "surrogatepass")).digest()

    def _broken(self, error: Exception) -> DsbuildError:
        return DsbuildError(
            f"The translations cannot be kept: {error}.",
            where=str(self.path),
            fix="Make room on the disk, or name another workspace; what was kept is not asked again.",
        )
