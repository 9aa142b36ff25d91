"""Emotion terms in files of any size: read in blocks, tagged, written on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import polars as pl

from schemas.errors import DsbuildError
from schemas.tone.tag import tag

BLOCK = 8 << 20  # bytes
ROWS = 50_000


def blocks_of(file: IO[bytes], name: str, size: int = BLOCK) -> Iterator[pl.Series]:
    """The lines of a text file (UTF-8), a block at a time; memory is one block and its longest line.

    Raises:
        DsbuildError: a line is no UTF-8.
    """
    rest = b""
    line = 1
    while chunk := file.read(size):
        whole, newline, tail = (rest + chunk).rpartition(b"\n")
        if not newline:
            rest = tail
            continue
        rest = tail
        yield (texts := _lines(whole, name, line))
        line += len(texts)
    if rest:
        yield _lines(rest, name, line)


def _lines(block: bytes, name: str, first: int) -> pl.Series:
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first + block.count(b"\n", 0, error.start)
        raise DsbuildError("This line is no UTF-8.", where=f"{name}:{line}") from None
    # Split where the file does, at newlines only.
    return pl.Series("text", [text], dtype=pl.String).str.split("\n").explode().str.strip_suffix("\r")


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


def tagged(batches: Iterator[pl.Series]) -> Iterator[pl.DataFrame]:
    """The terms of every batch; `row` counts from 0 over all of them."""
    done = 0
    for texts in batches:
        yield tag(texts).with_columns(pl.col("row") + done)
        done += len(texts)


def write(frames: Iterator[pl.DataFrame], out: IO[bytes], form: str) -> int:
    """Write what was found as `tsv` (with a header) or `jsonl`; the number of terms."""
    count = 0
    for number, frame in enumerate(frames):
        if form == "tsv":
            # A term may stand across lines; as a field it is one line.
            shown = frame.with_columns(pl.col("word").str.replace_all(r"\s+", " "))
            shown.write_csv(out, separator="\t", include_header=number == 0, quote_style="never")
        else:
            frame.write_ndjson(out)
        count += frame.height
    return count
