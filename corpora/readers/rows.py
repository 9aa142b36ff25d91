"""What every reader gives, and which reader a file gets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from schemas.errors import DsbuildError

# Joins the members of a cell that is a list; no text editor types it, and a separator of the recipe is never it.
LIST_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class RowReject:
    """A row that could not be read: why, on which line it starts, and the row as far as it could be made out."""

    reason: str
    line: int
    detail: str
    raw: str


@dataclass(frozen=True)
class Rows:
    """A batch of rows: `frame` (the wanted columns, String), `extra` (String: the other columns as JSON, null where
    there are none), `lines` (Int64: where each row starts, from 1, a header included), and what was rejected."""

    frame: pl.DataFrame
    extra: pl.Series
    lines: pl.Series
    rejects: list[RowReject]


@dataclass(frozen=True)
class Layout:
    """How a file is to be read: its name in messages, what separates fields, whether quotes quote, the names of its
    columns where no header says them, and the path of its records in a JSON file."""

    name: str
    delimiter: str | None = None
    quoted: bool = True
    header: tuple[str, ...] | None = None
    records: str | None = None


class Reader(Protocol):
    """A file of one kind. `columns` raises DsbuildError where the file is none of its kind."""

    def columns(self) -> list[str]: ...

    def rows(self, wanted: Sequence[str], kept: Sequence[str], size: int) -> Iterator[Rows]:
        """Batches of at most `size` rows: `wanted` columns as text, `kept` ones as JSON."""
        ...


def reader_for(path: Path, layout: Layout) -> Reader:
    """The reader for `path`, by its ending."""
    from corpora.readers.delimited import Delimited
    from corpora.readers.jsonl import JsonLines
    from corpora.readers.parquet import Parquet
    from corpora.readers.tree import Records

    kinds: dict[str, Callable[[Path, Layout], Reader]] = {
        ".csv": Delimited,
        ".tsv": Delimited,
        ".jsonl": JsonLines,
        ".parquet": Parquet,
    }
    if layout.records is not None:
        if path.suffix.lower() not in (".json", ".jsonl"):
            raise DsbuildError(
                f"{path.name} is no JSON file.", where=layout.name, fix="Leave `records` out: rows are records already."
            )
        return Records(path, layout)
    if path.suffix.lower() == ".json":
        raise DsbuildError(
            f"Nothing says where in {path.name} the records are.",
            where=layout.name,
            fix='Say it with `records`: records: "{n}" for a list of objects, "data/{n}" for one under the key data.',
        )
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise DsbuildError(
            f"dsbuild does not read files like {path.name}.", where=layout.name, fix=f"It reads {', '.join(kinds)}."
        )
    if layout.header is not None and kind is not Delimited:
        raise DsbuildError(
            f"{path.name} names its columns itself.",
            where=layout.name,
            fix="Leave `header` out: it is for CSV and TSV.",
        )
    return kind(path, layout)


def cell(value: Any) -> str | None:
    """A value of JSON or Parquet as the text of a cell: text as it is, lists joined, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        # In front as well, so that an empty list is not a blank cell: it is an answer.
        return LIST_SEPARATOR + LIST_SEPARATOR.join(one for one in map(cell, value) if one is not None)
    return json.dumps(value, ensure_ascii=False, default=str)


def as_json(row: Mapping[str, Any] | Sequence[Any] | str) -> str:
    """A row as JSON, for a reject; bytes that are no UTF-8 show as \\xNN."""
    text = json.dumps(row, ensure_ascii=False, default=str)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def series(name: str, values: Sequence[str | None]) -> pl.Series:
    """A column of text."""
    return pl.Series(name, values, dtype=pl.String)
