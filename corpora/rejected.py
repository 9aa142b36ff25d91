"""Rows that are refused, collected as REJECTS. Names of people in them are pseudonyms too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from corpora.pseudonyms import Pseudonyms
from corpora.readers.rows import RowReject
from corpora.tables import Table
from schemas.tables import REJECTS, conform

WITHHELD = "withheld, since it may name people"


class Rejected:
    """The rejects of one batch."""

    def __init__(self, corpus: str, table: Table | None, names: Pseudonyms) -> None:
        self._stage = f"corpus:{corpus}"
        self._table = table
        self._names = names
        self._rows: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, reason: str, **rest: Any) -> None:
        """One reject, with what else is known of it."""
        self._rows.append({"stage": self._stage, "reason": reason, **rest})

    def unread(self, file: str, reject: RowReject) -> None:
        """A row that the file's reader could not take apart: in which no name can be replaced."""
        named = self._names.key is not None and (self._table is None or self._table.persons)
        raw = WITHHELD if named else reject.raw
        self.add(reject.reason, file=file, line=reject.line, detail=reject.detail or None, raw=raw)

    def drop(self, frame: pl.DataFrame, broken: pl.Expr, reason: str, detail: pl.Expr | None = None) -> pl.DataFrame:
        """`frame` without the rows that are `broken` (null counts as broken), which are rejected."""
        told = pl.lit(None, dtype=pl.String) if detail is None else detail
        judged = frame.with_columns(broken.fill_null(True).alias("_broken_"))
        if not judged["_broken_"].any():
            return frame
        lost = judged.filter("_broken_").with_columns(told.alias("_told_"))
        for row in lost.iter_rows(named=True):
            self.add(reason, file=row["_file_"], line=row["_line_"], detail=row["_told_"], raw=self.raw(row))
        return judged.filter(~pl.col("_broken_")).drop("_broken_")

    def refused(self, refused: pl.DataFrame) -> None:
        """Answers that were refused: {item_id, reason, detail, file, line, raw}."""
        self._rows.extend({"stage": self._stage, **row} for row in refused.iter_rows(named=True))

    def raw(self, row: Mapping[str, Any]) -> str:
        """A row as JSON: the columns that were read, and the others."""
        if self._table is None:
            return "{}"
        rest = json.loads(row["_extra_"]) if row["_extra_"] else {}
        cells = {name: row[name] for name in self._table.wanted}
        for name in self._table.persons:
            if cells[name] is not None:
                cells[name] = self._names.of(cells[name])
        return json.dumps({**cells, **rest}, ensure_ascii=False)

    def frame(self) -> pl.DataFrame:
        """REJECTS."""
        schema = {field.name: pl.Int64 if field.name == "line" else pl.String for field in REJECTS}
        return conform(pl.DataFrame(self._rows, schema=schema), REJECTS)
