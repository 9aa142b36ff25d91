"""The answers of the response store as a table of their own: Parquet or JSON lines, row by row."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from annotators.llm.responses.reading import has_column, opened
from schemas.errors import DsbuildError, RecipeError

ROWS: Final = 2_000  # held in memory at once

RESPONSES: Final = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("annotator", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("asked_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("prompt_tokens", pa.int64()),
        pa.field("completion_tokens", pa.int64()),
        pa.field("form", pa.string()),
        pa.field("key", pa.string(), nullable=False),
        pa.field("body", pa.string(), nullable=False),
    ]
)
"""One row an answer: which item it was asked about first, by which annotator and model, when, how long it took, its
tokens (null where the server did not count), the response format asked for, the request's hash in hexadecimal, and the
body of the answer as the server sent it (bytes that are no UTF-8 replaced). No request and no header is kept."""


@dataclass(frozen=True)
class Wanted:
    """Which answers: by these annotators, of these models, about these items, asked from `since` on and before
    `until`; null is all."""

    annotators: Sequence[str] | None = None
    models: Sequence[str] | None = None
    items: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def where(self) -> tuple[str, list[Any]]:
        """The condition and its values."""
        parts = ["1"]
        values: list[Any] = []
        for column, names in (("annotator", self.annotators), ("model", self.models), ("item_id", self.items)):
            if names is not None:
                parts.append(f"{column} IN ({','.join('?' * len(names))})")
                values += names
        for sign, when in ((">=", self.since), ("<", self.until)):
            if when is not None:
                parts.append(f"asked_at {sign} ?")
                values.append(_as_utc(when).timestamp())
        return " AND ".join(parts), values


def export(path: Path, out: Path, wanted: Wanted | None = None) -> int:
    """Write the answers of the store at `path` to `out` (.parquet or .jsonl), in the order of arrival; how many.

    The file appears whole or not at all; memory does not grow with it.

    Raises:
        RecipeError: `out` exists, or its name ends in neither.
        DsbuildError: it cannot be written; see `annotators.llm.responses.reading.opened`.
    """
    if out.suffix not in (".parquet", ".jsonl"):
        raise RecipeError(f"{out.name} ends in neither .parquet nor .jsonl.", fix="Name the file by what it shall be.")
    if out.exists():
        raise RecipeError("This file exists already.", where=str(out), fix="Name another one, or move it away.")
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with opened(path) as db:
            write = _parquet if out.suffix == ".parquet" else _json_lines
            count = write(_batches(db, wanted or Wanted()), temporary)
        temporary.rename(out)
    except OSError as error:
        raise DsbuildError(f"The file cannot be written: {error.strerror or error}.", where=str(out)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _batches(db: sqlite3.Connection, wanted: Wanted) -> Iterator[list[tuple[Any, ...]]]:
    where, values = wanted.where()
    form = "form" if has_column(db, "form") else "NULL"
    rows = db.execute(
        "SELECT item_id, annotator, model, asked_at, seconds, prompt_tokens, completion_tokens,"
        f" {form}, lower(hex(key)), body FROM answers WHERE {where} ORDER BY id",
        values,
    )
    while some := rows.fetchmany(ROWS):
        yield [
            (*row[:3], datetime.fromtimestamp(row[3], UTC), *row[4:9], row[9].decode("utf-8", "replace"))
            for row in some
        ]


def _parquet(batches: Iterator[list[tuple[Any, ...]]], path: Path) -> int:
    count = 0
    with ExitStack() as stack:
        writer = stack.enter_context(pq.ParquetWriter(path, RESPONSES, compression="zstd"))
        for rows in batches:
            columns = [
                pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), RESPONSES.types, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=RESPONSES))
            count += len(rows)
    return count


def _json_lines(batches: Iterator[list[tuple[Any, ...]]], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for rows in batches:
            for row in rows:
                fields = dict(zip(RESPONSES.names, row, strict=True))
                fields["asked_at"] = fields["asked_at"].isoformat()
                file.write(json.dumps(fields, ensure_ascii=False) + "\n")
            count += len(rows)
    return count


def _as_utc(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=UTC)
