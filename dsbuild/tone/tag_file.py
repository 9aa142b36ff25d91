"""Emotion terms in files of any size: read in blocks, tagged, written on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
import pyarrow as pa

from schemas.errors import DsbuildError
from schemas.tone.tag import tag, tag_lines

BLOCK = 8 << 20  # bytes
ROWS = 50_000


def blocks_of(file: IO[bytes], name: str, size: int = BLOCK) -> Iterator[bytes]:
    """A text file (UTF-8) in blocks of whole lines, each but the last ending with its newline; memory is one block
    and its longest line.

    Raises:
        DsbuildError: a line is no UTF-8.
    """
    rest = b""
    line = 1
    while chunk := file.read(size):
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            rest += chunk
            continue
        block = _checked(rest + chunk[:cut], name, line)
        rest = chunk[cut:]
        yield block
        line += _newlines(block)
    if rest:
        yield _checked(rest, name, line)


def _newlines(block: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")))


def _checked(block: bytes, name: str, first: int) -> bytes:
    # Arrow looks at text without making a string of it, which Python would.
    ends = np.array([0, len(block)], dtype=np.int64)
    try:
        pa.LargeStringArray.from_buffers(1, pa.py_buffer(ends), pa.py_buffer(block)).validate(full=True)
    except pa.ArrowInvalid:
        try:
            block.decode("utf-8")
        except UnicodeDecodeError as error:
            line = first + block.count(b"\n", 0, error.start)
            raise DsbuildError("This line is no UTF-8.", where=f"{name}:{line}") from None
        raise
    return block


def columns_of(path: Path, column: str) -> Iterator[pl.Series]:
    """A column of text of a CSV, TSV, JSONL or Parquet file, batch by batch.

    Raises:
        DsbuildError: the file cannot be read, or has no such column.
    """
    from corpora.readers import Layout, reader_for

    reader = reader_for(path, Layout(path.name))
    if column not in (names := reader.columns()):
        raise DsbuildError(f"{path.name} has no column '{column}'.", fix=f"It has: {', '.join(names)}.")
    for rows in reader.rows([column], [], ROWS):
        if rows.rejects:
            bad = rows.rejects[0]
            raise DsbuildError(f"This row cannot be read: {bad.reason}.", where=f"{path.name}:{bad.line}")
        yield rows.frame[column]


def tagged(batches: Iterator[pl.Series] | Iterator[bytes]) -> Iterator[pl.DataFrame]:
    """The terms of every batch of texts, or of every block of lines; `row` counts from 0 over all of them."""
    done = 0
    for batch in batches:
        found = tag_lines(batch) if isinstance(batch, bytes) else tag(batch)
        yield found.replace_column(0, found["row"] + done)
        done += _newlines(batch) if isinstance(batch, bytes) else len(batch)


def write(frames: Iterator[pl.DataFrame], out: IO[bytes], form: str) -> int:
    """Write what was found as `tsv` (with a header) or `jsonl`; the number of terms."""
    count = 0
    for number, frame in enumerate(frames):
        if form == "tsv":
            # A term may stand across lines; as a field it is one line.
            words = frame["word"]
            across = words.str.contains(r"[\t-\r]").any()
            shown = frame.with_columns(words.str.replace_all(r"\s+", " ")) if across else frame
            shown.write_csv(out, separator="\t", include_header=number == 0, quote_style="never")
        else:
            frame.write_ndjson(out)
        count += frame.height
    return count
