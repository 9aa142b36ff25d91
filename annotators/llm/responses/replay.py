"""Going through a question again with what is stored: nobody is asked, nothing is written.

The annotator is the real one, with a store that only reads and a transport that knows nobody. So whatever it does with
an answer (a repair turn, a fresh ask, several items in a prompt, several samples), the requests looked at here are
those that a run would look at.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import polars as pl

from annotators.llm.responses.answers import CLAIMED, Looked, Stored
from annotators.llm.responses.reading import has_column
from annotators.llm.wire.pace import Pace
from annotators.llm.wire.transport import RowFailed, Traffic

if TYPE_CHECKING:
    from annotators.llm.config import LLMConfig
    from annotators.llm.responses.answers import Arrived
    from annotators.llm.responses.store import ResponseStore
    from annotators.llm.shots.library import Library
    from annotators.llm.wire.transport import Transport
    from schemas.protocols import AnnotatorOutput, Numbered
    from schemas.task import Task

NOT_ASKED: Final = "this has not been asked yet"
WORKERS: Final = 64
_KEYS: Final = 500


@dataclass
class Replayed:
    """`keys`: the requests looked at, answered or not; `missing`: those that no answer is stored for; `outputs`: what
    the annotator made of the answers, batch by batch."""

    keys: set[bytes] = field(default_factory=set)
    missing: set[bytes] = field(default_factory=set)
    outputs: list[AnnotatorOutput] = field(default_factory=list)

    def incomplete(self) -> set[str]:
        """The items that lack an answer to something that a run would ask."""
        letters = [output.dead_letters for output in self.outputs]
        if not letters:
            return set()
        unasked = pl.concat(letters).filter(pl.col("detail").str.contains(NOT_ASKED, literal=True))
        return set(unasked["item_id"].to_list())


def replay(
    config: LLMConfig,
    batches: Callable[[], Iterator[pl.DataFrame]],
    tasks: Sequence[Task],
    db: sqlite3.Connection,
    library: Library | None = None,
) -> Replayed:
    """What a run of `config` over `batches` (ITEMS; given from the beginning as often as called) would look at;
    `library` is where examples come from that a corpus holds."""
    return asyncio.run(_replay(config, batches, tasks, db, library))


async def _replay(
    config: LLMConfig,
    batches: Callable[[], Iterator[pl.DataFrame]],
    tasks: Sequence[Task],
    db: sqlite3.Connection,
    library: Library | None,
) -> Replayed:
    from annotators.llm.annotator import LLMAnnotator

    found = Replayed()
    store, nobody = _StoredOnly(db, found), _Nobody()
    # The two stand for the whole classes as far as an annotator uses them.
    annotator = LLMAnnotator(config, cast("ResponseStore", store), cast("Transport", nobody), library=library)

    def numbered() -> Iterator[Numbered]:
        yield from enumerate(batches())

    async for _, _, output in annotator.annotate_all(numbered, tasks, WORKERS):
        found.outputs.append(output)
    return found


class _StoredOnly:
    """What an annotator needs of a store, from a connection that reads."""

    def __init__(self, db: sqlite3.Connection, found: Replayed) -> None:
        self._db = db
        self._found = found
        self._form = "form" if has_column(db, "form") else "NULL"

    def read(self, keys: Sequence[bytes]) -> dict[bytes, Stored]:
        found: dict[bytes, Stored] = {}
        for start in range(0, len(keys), _KEYS):
            some = keys[start : start + _KEYS]
            rows = self._db.execute(
                f"SELECT key, body, prompt_tokens, completion_tokens, {self._form} FROM answers"
                f" WHERE key IN ({','.join('?' * len(some))}) ORDER BY id",
                list(some),
            )
            for key, *rest in rows:
                found.setdefault(key, Stored(*rest))
        self._found.keys.update(keys)
        self._found.missing.update(key for key in keys if key not in found)
        return found

    async def peek(self, keys: Sequence[bytes]) -> dict[bytes, Stored]:
        # Whether there is another round is only asked; that there is none is no answer missing.
        missing = set(self._found.missing)
        found = self.read(keys)
        self._found.missing = missing
        return found

    async def look_all(self, keys: Sequence[bytes]) -> dict[bytes, Looked]:
        found = self.read(keys)
        return {key: found.get(key, CLAIMED) for key in keys}

    async def flush(self) -> None:
        return

    def release(self, key: bytes) -> None:
        return

    def add(self, answer: Arrived) -> None:
        raise AssertionError("nobody was asked, so there is no answer to store")


class _Nobody:
    """What an annotator needs of a transport, with nobody at the other end."""

    def __init__(self) -> None:
        self.pace = Pace(WORKERS)
        self.traffic = Traffic()

    async def ask(self, body: Callable[[str], bytes], purse: Any = None, key: bytes = b"") -> tuple[bytes, float]:
        raise RowFailed(NOT_ASKED)


def answers_to(db: sqlite3.Connection, keys: Sequence[bytes]) -> list[tuple[Any, ...]]:
    """(item_id, prompt_tokens, completion_tokens, asked_at, seconds, body) of the answer that counts to each of
    `keys` that has one."""
    found: dict[bytes, tuple[Any, ...]] = {}
    for start in range(0, len(keys), _KEYS):
        some = keys[start : start + _KEYS]
        for key, *rest in db.execute(
            "SELECT key, item_id, prompt_tokens, completion_tokens, asked_at, seconds, body FROM answers"
            f" WHERE key IN ({','.join('?' * len(some))}) ORDER BY id",
            list(some),
        ):
            found.setdefault(key, tuple(rest))
    return list(found.values())


def items_asked(db: sqlite3.Connection, model: str) -> pl.Series:
    """The items that `model` was ever asked about, whoever asked: `item_id`, String."""
    ids = [one for (one,) in db.execute("SELECT DISTINCT item_id FROM answers WHERE model = ?", (model,))]
    return pl.Series("item_id", ids, dtype=pl.String)
