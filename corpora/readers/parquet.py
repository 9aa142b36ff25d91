"""Parquet: `line` is the row's number, from 1."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from corpora.readers.rows import Layout, Rows, cell, series
from schemas.errors import DsbuildError


class Parquet:
    """A Parquet file."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._name = layout.name
        try:
            self._file = pq.ParquetFile(path)
        except pa.ArrowInvalid as error:
            raise DsbuildError(f"This is no Parquet file: {error}", where=layout.name) from error

    def columns(self) -> list[str]:
        return list(self._file.schema_arrow.names)

    def rows(self, wanted: Sequence[str], kept: Sequence[str], size: int) -> Iterator[Rows]:
        seen = 0
        try:
            for batch in self._file.iter_batches(batch_size=size, columns=[*wanted, *kept]):
                values = {name: batch.column(name).to_pylist() for name in {*wanted, *kept}}
                frame = pl.DataFrame({name: series(name, [cell(value) for value in values[name]]) for name in wanted})
                extra: list[str | None] = [None] * batch.num_rows
                if kept:
                    rows = zip(*(values[name] for name in kept), strict=True)
                    extra = [
                        json.dumps(dict(zip(kept, row, strict=True)), ensure_ascii=False, default=_plain)
                        for row in rows
                    ]
                lines = pl.Series("line", range(seen + 1, seen + batch.num_rows + 1), dtype=pl.Int64)
                seen += batch.num_rows
                yield Rows(frame, series("extra", extra), lines, [])
        except (pa.ArrowInvalid, OSError) as error:
            raise DsbuildError(f"The Parquet file is broken: {error}", where=f"{self._name}, row {seen + 1}") from error


def _plain(value: Any) -> str:
    """What JSON does not have, as text: bytes in base64, anything else as Python writes it."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
