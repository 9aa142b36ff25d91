"""CSV and TSV, read so that one broken row costs that row and nothing else.

Python's csv module parses; what it cannot know is where to go on after a row that is broken. A quote that nothing
closes would swallow the rows after it: such a row is rejected and reading goes on at the next line.
"""

from __future__ import annotations

import csv
import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import polars as pl

from corpora.readers.rows import Layout, RowReject, Rows, as_json, series
from schemas.errors import DsbuildError

UNTERMINATED = "unterminated quote"
MISPLACED = "misplaced quote"
CONTINUES = "continues a broken row"
TOO_MANY = "too many fields"
TOO_FEW = "too few fields"
TOO_LONG = "field too long"
BAD_UTF8 = "bad UTF-8"
NUL = "NUL character"

# In characters; an open quote is given up after as many.
LONGEST_FIELD = 131_072


class _Lines:
    """The lines of a file, of which those since the last `forget` can be gone back to."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self.number = 0  # of the line handed out last
        self.kept: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._stream)
        self.number += 1
        self.kept.append(line)
        return line

    def forget(self) -> None:
        self.kept = []

    def between(self, start: int, end: int) -> list[str]:
        """The lines `start` to `end`, both included."""
        first = self.number - len(self.kept) + 1
        return self.kept[start - first : end - first + 1]

    def back_to(self, number: int) -> None:
        """Hand out the lines after `number` again."""
        count = self.number - number
        if count:
            self._again.extendleft(reversed(self.kept[-count:]))
            del self.kept[-count:]
            self.number = number


class Delimited:
    """A file of rows of fields, the first row its header unless the layout says the columns' names."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path = path
        self._name = layout.name
        self._delimiter = layout.delimiter or ("\t" if path.suffix.lower() == ".tsv" else ",")
        self._quoted = layout.quoted
        self._given = layout.header
        field = f'[^"{re.escape(self._delimiter)}\r\n]*'
        either = f'(?:"(?:[^"]|"")*"|{field})'
        # One whole row on one line, as RFC 4180 has it.
        self._whole_row = re.compile(f"{either}(?:{re.escape(self._delimiter)}{either})*[\r\n]*")

    def columns(self) -> list[str]:
        with self._open() as stream:
            return self._header(_Lines(stream))

    def rows(self, wanted: Sequence[str], kept: Sequence[str], size: int) -> Iterator[Rows]:
        with self._open() as stream:
            lines = _Lines(stream)
            header = self._header(lines)
            lines.forget()
            for records, starts, rejects in self._batches(lines, header, size):
                values = dict(zip(header, zip(*records, strict=True), strict=True)) if records else {}
                frame = pl.DataFrame({name: series(name, values.get(name, ())) for name in wanted})
                others = pl.DataFrame({name: series(name, values.get(name, ())) for name in kept})
                extra = (
                    others.select(pl.struct(pl.all()).struct.json_encode().alias("extra")).to_series()
                    if kept and records
                    else pl.Series("extra", [None] * len(records), dtype=pl.String)
                )
                yield Rows(frame, extra, pl.Series("line", starts, dtype=pl.Int64), rejects)

    def _open(self) -> TextIO:
        # The module has one limit for all readers, and others change it; what is rejected must not depend on them.
        csv.field_size_limit(LONGEST_FIELD)
        # Bytes that are no UTF-8 come as lone surrogates, which no text of a UTF-8 file can hold otherwise.
        return self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")

    def _reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        if self._quoted:
            return csv.reader(lines, delimiter=self._delimiter, strict=True)
        return csv.reader(lines, delimiter=self._delimiter, quoting=csv.QUOTE_NONE, strict=True)

    def _header(self, lines: _Lines) -> list[str]:
        if self._given is not None:
            return _unique(self._given)
        try:
            header = next(self._reader(lines), None)
        except csv.Error as error:
            raise DsbuildError(f"The header cannot be read: {error}.", where=f"{self._name}:1") from error
        if not header:
            raise DsbuildError("The file is empty: there is no header in its first line.", where=self._name)
        if any(_undecodable(name) or "\0" in name for name in header):
            raise DsbuildError(
                "The header is no UTF-8 text.", where=f"{self._name}:1", fix="Convert the file to UTF-8."
            )
        return _unique(header)

    def _batches(
        self, lines: _Lines, header: list[str], size: int
    ) -> Iterator[tuple[list[list[str]], list[int], list[RowReject]]]:
        width = len(header)
        reader = self._reader(lines)
        doubtful = False  # the row before was broken by a quote, so this line may be the rest of it
        more = True
        while more:
            records: list[list[str]] = []
            starts: list[int] = []
            rejects: list[RowReject] = []
            end = lines.number
            while len(records) < size:
                start = end + 1
                try:
                    record = next(reader, None)
                except csv.Error as error:
                    rejects.append(self._quote_reject(lines, start, str(error)))
                    lines.back_to(start)
                    reader = self._reader(lines)
                    end, doubtful = start, True
                    continue
                if record is None:
                    more = False
                    break
                end = lines.number
                if doubtful and record:
                    raw = lines.between(start, end)
                    if len(raw) == 1 and not self._whole_row.fullmatch(raw[0]):
                        rejects.append(RowReject(CONTINUES, start, "", as_json(raw[0])))
                        continue
                    doubtful = False
                if len(record) == width:
                    records.append(record)
                    starts.append(start)
                elif not record:
                    continue
                elif end > start and self._are_rows(lines.between(start + 1, end), width):
                    first = lines.between(start, start)[0]
                    rejects.append(RowReject(UNTERMINATED, start, "nothing closes it", as_json(first)))
                    lines.back_to(start)
                    reader = self._reader(lines)
                    end = start
                else:
                    reason = TOO_MANY if len(record) > width else TOO_FEW
                    detail = f"{len(record)} instead of {width}"
                    rejects.append(RowReject(reason, start, detail, as_json(record)))
            records, starts, unreadable = _readable(header, records, starts, "".join(lines.kept))
            rejects = sorted([*rejects, *unreadable], key=lambda reject: reject.line)
            lines.forget()
            if records or rejects:
                yield records, starts, rejects

    def _quote_reject(self, lines: _Lines, start: int, message: str) -> RowReject:
        first = lines.between(start, start)
        raw = as_json(first[0] if first else "")
        ran_on = lines.number > start or "end of data" in message
        if "field limit" in message and not ran_on:
            return RowReject(TOO_LONG, start, f"over {LONGEST_FIELD} characters", raw)
        if ran_on:
            return RowReject(UNTERMINATED, start, "nothing closes it", raw)
        return RowReject(MISPLACED, start, "text after a closing quote", raw)

    def _are_rows(self, lines: list[str], width: int) -> bool:
        """Whether each of `lines` is a whole row by itself, so that a row before them must have swallowed them."""
        if not all(self._whole_row.fullmatch(line) for line in lines):
            return False
        return all(len(record) == width for record in self._reader(iter(lines)))


def _unique(header: Sequence[str]) -> list[str]:
    """`header` with a number after a name that stood there before."""
    names: dict[str, int] = {}
    unique = []
    for name in header:
        names[name] = names.get(name, 0) + 1
        unique.append(name if names[name] == 1 else f"{name} ({names[name]})")
    return unique


def _undecodable(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def _readable(
    header: list[str], records: list[list[str]], starts: list[int], text: str
) -> tuple[list[list[str]], list[int], list[RowReject]]:
    """The records without those that hold bad bytes. `text` is all of them: one look at it is usually enough."""
    try:
        text.encode()
        if "\0" not in text:
            return records, starts, []
    except UnicodeEncodeError:
        pass  # some row is bad: found below
    good, good_starts, rejects = [], [], []
    for record, start in zip(records, starts, strict=True):
        bad = next((name for name, field in zip(header, record, strict=True) if _undecodable(field)), None)
        nul = next((name for name, field in zip(header, record, strict=True) if "\0" in field), None)
        if bad is None and nul is None:
            good.append(record)
            good_starts.append(start)
        else:
            reason = BAD_UTF8 if bad is not None else NUL
            raw = as_json(dict(zip(header, record, strict=True)))
            detail = f"column {json.dumps(bad if bad is not None else nul, ensure_ascii=False)}"
            rejects.append(RowReject(reason, start, detail, raw))
    return good, good_starts, rejects
