"""Parquet whose bytes depend on nothing but the rows, their schema and the version of the writer.

What would leak into the bytes is pinned: batches are re-chunked to row groups of a fixed number of rows however they
arrive, columns are written without pandas metadata, and every option of the writer is stated. Content-defined chunking
makes the pages of an edited file repeat those of the file before, so that the Hub stores only what changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.tables import SCHEMA_VERSION

ROW_GROUP = 100_000  # rows; few enough for a viewer to page through, many enough for an edit to stay local
ZSTD_LEVEL = 3
_CHUNKING = {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024, "norm_level": 0}


def schema_for_file(schema: pa.Schema, key: Sequence[str]) -> pa.Schema:
    """`schema` with the key/value metadata of a release's file: what it has already, the order of its rows, and the
    version of the tables' schema."""
    ours = {b"dsbuild.schema_version": SCHEMA_VERSION.encode(), b"dsbuild.sorted_by": ",".join(key).encode()}
    metadata = {**(schema.metadata or {}), **ours}
    return schema.with_metadata(dict(sorted(metadata.items())))


class ParquetFile:
    """A Parquet file that is written batch by batch; `rows` says how many went in.

    A file without rows has no row group at all: readers that take the first group's size as their batch size
    (`datasets` does) stumble over an empty one.
    """

    def __init__(self, path: Path, schema: pa.Schema, key: Sequence[str], row_group: int = ROW_GROUP) -> None:
        self.rows = 0
        self._path = path
        self._schema = schema_for_file(schema, key)
        self._row_group = row_group
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            version="2.6",
            data_page_version="1.0",
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            use_dictionary=True,
            write_statistics=True,
            write_page_index=True,
            use_content_defined_chunking=_CHUNKING,
            sorting_columns=pq.SortingColumn.from_ordering(
                self._schema, [(name, "ascending") for name in key], null_placement="at_start"
            ),
            store_schema=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._writer.close()

    def write(self, table: pa.Table) -> None:
        """Add rows, already in the order of the key.

        Raises:
            ValueError: the columns are not those of the file.
        """
        if table.schema.names != self._schema.names:
            raise ValueError(f"columns {table.schema.names} do not belong into a file of {self._schema.names}")
        self.rows += table.num_rows
        self._waiting.append(table.cast(self._schema))
        self._waiting_rows += table.num_rows
        while self._waiting_rows >= self._row_group:
            self._flush(self._row_group)

    def close(self) -> None:
        """Write what waits, the footer, and wait for the disk to have it."""
        if self._waiting_rows:
            self._flush(self._waiting_rows)
        self._writer.close()
        sync(self._path)

    def _flush(self, rows: int) -> None:
        table = pa.concat_tables(self._waiting)
        group, rest = table.slice(0, rows), table.slice(rows)
        self._waiting, self._waiting_rows = [rest] if rest.num_rows else [], rest.num_rows
        self._writer.write_table(group, row_group_size=rows)


def sync(path: Path) -> None:
    """Wait until the disk has the file or the folder at `path`."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_parquet(tables: Iterable[pa.Table], path: Path, schema: pa.Schema, key: Sequence[str], **options: Any) -> int:
    """Write `tables`, rows in the order of `key`, to `path`; the number of rows."""
    with ParquetFile(path, schema, key, **options) as file:
        for table in tables:
            file.write(table)
    return file.rows
