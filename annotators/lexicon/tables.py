"""Tables of words as people publish them: tab or comma, with a header in many spellings or without one."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from schemas.errors import DsbuildError

TERM = ("term", "word", "words", "lemma", "token", "english", "english (en)", "english word", "entry")


@dataclass(frozen=True)
class Table:
    """A file as strings: `columns` as its header names them (null: it has none), `rows` with the columns c0, c1, ...;
    `first` is the number of the line the rows begin on, `note` what lines of comment before them say."""

    path: Path
    columns: tuple[str, ...] | None
    rows: pl.DataFrame
    first: int
    note: str

    def column(self, *names: str) -> int | None:
        """The place of the first of `names` that the header has, in any case; null where it has none."""
        there = [name.strip().casefold() for name in self.columns or ()]
        return next((there.index(name) for name in names if name in there), None)

    def numbers(self, place: int) -> pl.Series:
        """(rows,) Float64 of the column at `place`.

        Raises:
            DsbuildError: a cell holds no number.
        """
        cells = self.rows.to_series(place).str.strip_chars()
        found = cells.cast(pl.Float64, strict=False)
        wrong = (found.is_null() | ~found.is_finite()).arg_max()
        if wrong is not None and (found[wrong] is None or not abs(found[wrong]) < float("inf")):
            raise DsbuildError(
                f"A number is wanted here, not {cells[wrong]!r}.",
                where=f"{self.path.name}:{self.first + wrong}",
                fix="Mend the line, or leave it out.",
            )
        return found


def read_table(path: Path) -> Table:
    """The table in the file at `path`. Lines of comment begin with `#`; a first row whose second cell is a number is
    no header.

    Raises:
        DsbuildError: the file cannot be read, or is no table.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DsbuildError(f"The file of words cannot be read: {error}", where=str(path)) from error
    lines = text.split("\n")
    skip = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith("#")), None)
    if skip is None:
        raise DsbuildError("The file of words is empty.", where=str(path))
    separator = next((mark for mark in ("\t", ",", ";") if mark in lines[skip]), None)
    if separator is None:
        raise DsbuildError("This is no table: its first line has no tab, comma or semicolon.", where=str(path))
    try:
        rows = pl.read_csv(
            io.BytesIO("\n".join(lines[skip:]).encode()),
            separator=separator,
            has_header=False,
            infer_schema=False,
            # Between tabs a quotation mark is a character like others.
            quote_char=None if separator == "\t" else '"',
        )
    except pl.exceptions.PolarsError as error:
        raise DsbuildError(f"This is no table: {error}", where=str(path)) from error
    rows = rows.rename({name: f"c{place}" for place, name in enumerate(rows.columns)})
    head = [cell or "" for cell in rows.row(0)]
    named = not any(_is_number(cell) for cell in head[1:])
    return Table(
        path,
        tuple(head) if named else None,
        rows[1:] if named else rows,
        skip + 1 + named,
        " ".join(line.lstrip("# ") for line in lines[:skip]),
    )


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"\s*[-+]?\d+(\.\d*)?\s*", cell) is not None


def sha256_of(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal.

    Raises:
        DsbuildError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DsbuildError(f"The file of words cannot be read: {error}", where=str(path)) from error
