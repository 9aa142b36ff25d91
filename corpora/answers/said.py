"""What an entry of `labels` makes of rows, before anyone knows whose answers these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from schemas.tables import ANNOTATIONS, polars_schema

OUTSIDE = "label outside the taxonomy"
NEITHER = "value is neither 0 nor 1"
NO_NUMBER = "value is no number"
NO_COUNT = "value is no count"
NO_SHARE = "value is no share"
NO_SPAN = "the quoted text does not stand in the item"

# The columns of an answer, in a frame where `row` (UInt32) says which of the rows it is an answer in.
ANSWER = ("labels", "value", "trace", "spans", "text", "asked", "votes")
SCHEMA = pl.Schema(
    {
        "row": pl.UInt32(),
        **{name: dtype for name, dtype in polars_schema(ANNOTATIONS).items() if name in ANSWER},
        "reason": pl.String(),
        "detail": pl.String(),
    }
)


@dataclass(frozen=True)
class Said:
    """Answers (SCHEMA; a `reason` where a row's answer cannot be read), how often each string stood, and how often one
    that is not the label's id was taken for it ("respect -> Respect")."""

    answers: pl.DataFrame
    strings: Mapping[str, int] = field(default_factory=dict)
    mapped: Mapping[str, int] = field(default_factory=dict)


def as_said(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with every column of SCHEMA; those it lacks are null, members of its structs that it lacks too."""
    return frame.select(
        _shaped(pl.col(name), frame.schema[name], dtype).alias(name)
        if name in frame.columns
        else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in SCHEMA.items()
    )


def _shaped(column: pl.Expr, given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """`column`, a list of structs, with all the fields that the table's structs have."""
    if given == wanted or not isinstance(wanted, pl.List) or not isinstance(wanted.inner, pl.Struct):
        return column.cast(wanted)
    inner = given.inner if isinstance(given, pl.List) else None
    there = {one.name for one in inner.fields} if isinstance(inner, pl.Struct) else set()
    element = pl.element()
    return column.list.eval(
        pl.struct(
            (element.struct.field(one.name) if one.name in there else pl.lit(None)).cast(one.dtype).alias(one.name)
            for one in wanted.inner.fields
        )
    )
