"""What stands in the response store, and reading and writing many rows of it at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

# How many rows one statement takes. Every step of a statement hands the interpreter's lock back and forth between the
# threads, so many rows go in one step; few sizes, so that the statements stay prepared.
CHUNKS: Final = (256, 32, 4, 1)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer in the store."""

    body: bytes
    prompt_tokens: int | None
    completion_tokens: int | None
    form: str | None = None


class Arrived(NamedTuple):
    """An answer on its way into the store; `seconds` is how long it took, `asked_at` seconds since 1970, `form` the
    response format it was asked with."""

    key: bytes
    body: bytes
    prompt_tokens: int | None
    completion_tokens: int | None
    model: str
    annotator: str
    item_id: str
    asked_at: float
    seconds: float
    form: str | None = None


class Claimed:
    """The key has no answer yet and is now ours to ask."""


class Busy:
    """Another process is asking this key just now."""


Looked = Stored | Claimed | Busy
CLAIMED: Final = Claimed()
BUSY: Final = Busy()


def chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """The rows in order, in parts of the sizes in CHUNKS, the largest first."""
    start = 0
    for size in CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


def marks(chunk: Sequence[bytes]) -> str:
    """A question mark for each."""
    return ",".join("?" * len(chunk))


def select(db: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, Stored]:
    """The stored answers to those of `keys` that have one."""
    found: dict[bytes, Stored] = {}
    for chunk in chunks(keys):
        rows = db.execute(
            "SELECT key, body, prompt_tokens, completion_tokens, form FROM answers"
            f" WHERE key IN ({marks(chunk)}) ORDER BY id",
            chunk,
        )
        for key, *rest in rows:
            found.setdefault(key, Stored(*rest))
    return found
