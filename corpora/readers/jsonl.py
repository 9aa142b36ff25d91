"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from corpora.readers.rows import Layout, RowReject, Rows, as_json, cell, series
from schemas.errors import DsbuildError

_BOM = b"\xef\xbb\xbf"
_LOOKED_AT = 1000  # objects that are looked at to learn which keys there are


class JsonLines:
    """A file of objects; a key that an object lacks is null."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path = path
        self._name = layout.name

    def columns(self) -> list[str]:
        names: dict[str, None] = {}
        found = (row for _, row in self._objects() if isinstance(row, dict))
        for row in islice(found, _LOOKED_AT):
            names.update(dict.fromkeys(row))
        if not names:
            raise DsbuildError(
                "The file has no JSON object in any line.", where=self._name, fix="JSON Lines has one object a line."
            )
        return list(names)

    def rows(self, wanted: Sequence[str], kept: Sequence[str], size: int) -> Iterator[Rows]:
        # `kept` names the keys of the first objects; later ones may have others, and they are kept as well.
        taken = set(wanted)
        objects = self._objects()
        while batch := list(islice(objects, size)):
            cells: dict[str, list[str | None]] = {name: [] for name in wanted}
            extra: list[str | None] = []
            lines: list[int] = []
            rejects: list[RowReject] = []
            for line, row in batch:
                if isinstance(row, RowReject):
                    rejects.append(row)
                    continue
                for name in wanted:
                    cells[name].append(cell(row.get(name)))
                others = {name: value for name, value in row.items() if name not in taken}
                extra.append(json.dumps(others, ensure_ascii=False) if others else None)
                lines.append(line)
            frame = pl.DataFrame({name: series(name, values) for name, values in cells.items()})
            yield Rows(frame, series("extra", extra), pl.Series("line", lines, dtype=pl.Int64), rejects)

    def _objects(self) -> Iterator[tuple[int, dict[str, Any] | RowReject]]:
        with self._path.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                raw = raw.removeprefix(_BOM) if number == 1 else raw
                if raw.strip():
                    yield number, _object(raw, number)


def _object(raw: bytes, line: int) -> dict[str, Any] | RowReject:
    shown = as_json(raw.decode("utf-8", "backslashreplace"))
    try:
        # NaN and Infinity are no JSON, but many write them: they are kept as these words.
        row = json.loads(raw.decode("utf-8"), parse_constant=str)
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        return RowReject("bad UTF-8", line, f"byte {error.start + 1}", shown)
    except UnicodeEncodeError:
        return RowReject("bad UTF-8", line, "half of a surrogate pair", shown)
    except (json.JSONDecodeError, RecursionError) as error:
        return RowReject("broken JSON", line, str(error), shown)
    if not isinstance(row, dict):
        return RowReject("broken JSON", line, "no object", shown)
    if "\\u0000" in raw.decode() and any("\0" in one for one in row.values() if isinstance(one, str)):
        return RowReject("NUL character", line, "", shown)
    return row
