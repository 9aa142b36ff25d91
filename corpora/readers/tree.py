"""JSON, whole files or lines of it: each record at a path is a row. The file is held.

A path such as `{dialogue}/{part}/{place}` or `episodes/{e}/scenes/{s}/utterances/{u}` goes down one member a part: a
name in braces stands for each member of an object (its key) or of a list (its number, from 0), anything else for the
member of that key. The names become columns, and so does what is told once for all records below: members on the way
down that are neither objects nor lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from corpora.patterns import names_in
from corpora.readers.rows import Layout, RowReject, Rows, cell, series
from schemas.errors import DsbuildError

_LOOKED_AT = 1000  # records that are looked at to learn which members there are


class Records:
    """The records at a path of a JSON file. Their `line` is their number in the file, from 1."""

    def __init__(self, path: Path, layout: Layout) -> None:
        assert layout.records is not None
        self._path = path
        self._name = layout.name
        self._parts = layout.records.split("/")

    def columns(self) -> list[str]:
        names: dict[str, None] = {}
        for record in islice(self._records(), _LOOKED_AT):
            if isinstance(record, dict):
                names.update(dict.fromkeys(record))
        if not names:
            raise DsbuildError(
                f"The file has no record at '{'/'.join(self._parts)}'.",
                where=self._name,
                fix="`records` goes down from the top, one member a part; a part in braces stands for each of them.",
            )
        return list(names)

    def rows(self, wanted: Sequence[str], kept: Sequence[str], size: int) -> Iterator[Rows]:
        taken = set(wanted)
        records = enumerate(self._records(), start=1)
        while batch := list(islice(records, size)):
            good = [(line, one) for line, one in batch if isinstance(one, dict)]
            cells = {name: series(name, [cell(one.get(name)) for _, one in good]) for name in wanted}
            others = [{name: value for name, value in one.items() if name not in taken} for _, one in good]
            extra = [json.dumps(one, ensure_ascii=False) if one else None for one in others]
            lines = pl.Series("line", [line for line, _ in good], dtype=pl.Int64)
            rejects = [one for _, one in batch if isinstance(one, RowReject)]
            yield Rows(pl.DataFrame(cells), series("extra", extra), lines, rejects)

    def _records(self) -> Iterator[dict[str, Any] | RowReject]:
        for number, (value, known) in enumerate(_down(self._data(), self._parts, {}), start=1):
            if isinstance(value, dict):
                yield {**known, **value}
            else:
                raw = json.dumps(value, ensure_ascii=False)
                yield RowReject("broken JSON", number, "the record is no object", raw)

    def _data(self) -> Any:
        """What the file holds; of a file of JSON lines, whatever its ending, the list of their values."""
        try:
            text = self._path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DsbuildError(f"The file is no JSON: {error}.", where=self._name) from error
        try:
            return json.loads(text, parse_constant=str)
        except (json.JSONDecodeError, RecursionError) as whole:
            # Split at line feeds alone: a string may hold other line breaks, such as U+2028.
            lines = [line for line in text.split("\n") if line.strip()]
            try:
                return [json.loads(line, parse_constant=str) for line in lines]
            except (json.JSONDecodeError, RecursionError):
                raise DsbuildError(f"The file is no JSON: {whole}.", where=self._name) from whole


def _down(value: Any, parts: Sequence[str], known: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The values at the path `parts` below `value`, each with what is `known` of it."""
    if not parts:
        yield value, known
        return
    if isinstance(value, dict):
        plain = {name: one for name, one in value.items() if not isinstance(one, dict | list)}
        known = {**known, **plain}
        members = list(value.items())
    elif isinstance(value, list):
        members = [(str(place), one) for place, one in enumerate(value)]
    else:
        return
    name = next(iter(names_in(parts[0])), None)
    for key, inner in members:
        if name is not None:
            yield from _down(inner, parts[1:], {**known, name: key})
        elif key == parts[0]:
            yield from _down(inner, parts[1:], known)
