"""A hash of what a table says, whatever wrote it.

dsbuild.content/1: the rows of a table, in the order of its key, are cut into leaf columns. A column called PATH is

- PATH valid: one byte a slot, 1 where there is a value, 0 where there is null;
- a list: PATH length, the number of its elements (int64), then PATH[] for the elements, one list after the other;
- a struct: PATH.FIELD for each of its fields, null where the struct is null;
- a text: PATH length, its number of UTF-8 bytes (int64), then PATH value, those bytes;
- a number, a truth value, a time (in its own unit): PATH value, little-endian in its own width.

A null has length 0 and the value 0; every NaN is the quiet one. Each of these streams has its SHA-256; the hash of the
table is the digest of the streams' names and hashes. Batches leave no trace in it, nor do file formats.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.ids import digest

FORMAT = "dsbuild.content/1"


class TableHash:
    """The hash of a table that arrives in pieces, rows in the order of its key."""

    def __init__(self, schema: pa.Schema) -> None:
        self.rows = 0
        self._streams: dict[str, Any] = {}
        # Every stream exists from the start: how many batches there were, none included, must leave no trace.
        self.update(schema.empty_table())

    def update(self, table: pa.Table) -> None:
        """Take in the next rows."""
        self.rows += table.num_rows
        for name in table.column_names:
            column = table.column(name)
            for chunk in column.chunks or [pa.array([], column.type)]:
                self._feed(name, chunk)

    def hexdigest(self) -> str:
        """The hash of all rows so far."""
        return digest(
            {"rows": self.rows, "streams": {name: stream.hexdigest() for name, stream in self._streams.items()}}
        )

    def _feed(self, path: str, array: pa.Array) -> None:
        self._add(path + " valid", pc.is_valid(array).cast(pa.uint8()).to_numpy())
        kind = array.type
        if pa.types.is_list(kind):
            self._add(path + " length", _filled(pc.list_value_length(array)).astype("<i8"))
            self._feed(path + "[]", array.flatten())
        elif pa.types.is_struct(kind):
            for field, child in zip(kind, array.flatten(), strict=True):
                self._feed(f"{path}.{field.name}", child)
        elif pa.types.is_string(kind):
            self._add(path + " length", _filled(pc.binary_length(array)).astype("<i8"))
            self._add(path + " value", _text_bytes(array))
        elif pa.types.is_floating(kind):
            values = _filled(array)
            self._add(
                path + " value", np.where(np.isnan(values), np.nan, values).astype(values.dtype.newbyteorder("<"))
            )
        elif pa.types.is_timestamp(kind):
            self._add(path + " value", _filled(array.cast(pa.int64())).astype("<i8"))
        elif pa.types.is_boolean(kind):
            self._add(path + " value", _filled(array.cast(pa.uint8())))
        elif pa.types.is_integer(kind):
            values = _filled(array)
            self._add(path + " value", values.astype(values.dtype.newbyteorder("<")))
        else:
            raise TypeError(f"{kind} has no place in a release")

    def _add(self, stream: str, values: npt.NDArray[Any]) -> None:
        found = self._streams.get(stream)
        if found is None:
            found = self._streams[stream] = hashlib.sha256()
        found.update(np.ascontiguousarray(values).data)


def _filled(numbers: pa.Array) -> npt.NDArray[Any]:
    """Numbers with 0 in place of null: (slots,) of the array's own dtype."""
    values: npt.NDArray[Any] = pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False)
    return values


def _text_bytes(texts: pa.Array) -> npt.NDArray[np.uint8]:
    """The bytes of all texts, one after the other, (bytes,) uint8; those that lie behind a null are left out."""
    texts = pc.fill_null(texts, "")
    _, offsets, data = texts.buffers()
    if data is None or offsets is None or len(texts) == 0:
        return np.zeros(0, dtype=np.uint8)
    ends = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]]


def content_hash(features: dict[str, Any], tables: dict[str, dict[str, str]]) -> str:
    """The content hash of a release.

    Args:
        features: by config, the description of its columns.
        tables: by config and split, the hash of the table's rows.
    """
    return digest({"format": FORMAT, "features": features, "tables": tables})
