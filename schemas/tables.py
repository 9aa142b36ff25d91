"""The tables of a dataset: one Arrow schema each, from which every other form is derived.

An empty list in `labels` is an answer ("none of these"); null is no answer. The two are never exchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from schemas.errors import DsbuildError

if TYPE_CHECKING:
    import polars as pl

SCHEMA_VERSION = "1.0.0"

_TEXTS = pa.list_(pa.string())
_TIME = pa.timestamp("us", tz="UTC")
_SPANS = pa.list_(
    pa.struct(
        [
            ("item_id", pa.string()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("label", pa.string()),
            ("text", pa.string()),
        ]
    )
)
_TRACE = pa.list_(pa.struct([("t", pa.float64()), ("value", pa.float64())]))

ITEMS = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("corpus", pa.string(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        ("language", pa.string()),
        ("text", pa.string()),
        ("context", pa.list_(pa.struct([("item_id", pa.string()), ("speaker", pa.string()), ("text", pa.string())]))),
        ("groups", pa.list_(pa.struct([("kind", pa.string()), ("id", pa.string())]))),
        ("speaker", pa.string()),
        (
            "media",
            pa.list_(
                pa.struct(
                    [
                        ("role", pa.string()),
                        ("path", pa.string()),
                        ("sha256", pa.string()),
                        ("mime", pa.string()),
                        ("start_s", pa.float64()),
                        ("end_s", pa.float64()),
                        ("rate", pa.int32()),
                        ("channels", pa.int32()),
                    ]
                )
            ),
        ),
        ("created_at", _TIME),
        ("split", pa.string()),
        ("source_split", pa.string()),
        ("parent", pa.string()),
        ("source", pa.struct([("key", pa.string()), ("file", pa.string()), ("row", pa.int64())])),
        ("extra", pa.string()),
    ]
)

ANNOTATIONS = pa.schema(
    [
        pa.field("annotation_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        ("item_hash", pa.string()),
        pa.field("task", pa.string(), nullable=False),
        ("perspective", pa.string()),
        pa.field("annotator", pa.string(), nullable=False),
        pa.field("annotator_kind", pa.string(), nullable=False),
        ("sample", pa.int32()),
        ("round", pa.string()),
        ("parent", pa.string()),
        ("asked", _TEXTS),
        ("shown", pa.string()),
        (
            "labels",
            pa.list_(pa.struct([("label", pa.string()), ("score", pa.float64()), ("original", pa.string())])),
        ),
        ("value", pa.float64()),
        ("trace", _TRACE),
        ("spans", _SPANS),
        ("text", pa.string()),
        ("confidence", pa.float64()),
        ("votes", pa.int32()),
        ("skipped", pa.bool_()),
        ("created_at", _TIME),
        ("lead_time", pa.float64()),
        ("provenance", pa.string()),
    ]
)

LABELS = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        ("perspective", pa.string()),
        pa.field("aggregate", pa.string(), nullable=False),
        pa.field("tier", pa.string(), nullable=False),
        ("labels", pa.list_(pa.struct([("label", pa.string()), ("p", pa.float64())]))),
        ("value", pa.float64()),
        ("spans", _SPANS),
        ("trace", _TRACE),
        ("text", pa.string()),
        ("method", pa.string()),
        ("annotators", pa.int32()),
        ("agreement", pa.float64()),
        (
            "tone",
            pa.list_(
                pa.struct(
                    [
                        ("label", pa.string()),
                        ("primary", pa.string()),
                        ("secondary", pa.string()),
                        ("tertiary", pa.string()),
                    ]
                )
            ),
        ),
    ]
)

PEOPLE = pa.schema(
    [
        pa.field("person", pa.string(), nullable=False),
        ("roles", _TEXTS),
        ("identity", pa.string()),
        ("gender", pa.string()),
        ("age", pa.string()),
        ("languages", _TEXTS),
        ("traits", pa.list_(pa.struct([("scale", pa.string()), ("name", pa.string()), ("value", pa.string())]))),
    ]
)

PROVENANCE = pa.schema(
    [
        pa.field("provenance", pa.string(), nullable=False),
        pa.field("annotator", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        ("model", pa.string()),
        ("identity", pa.string()),
        ("params", pa.string()),
        ("prompt", pa.string()),
        ("prompt_hash", pa.string()),
        ("strategy", pa.string()),
        ("code", pa.string()),
    ]
)

REJECTS = pa.schema(
    [
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        ("item_id", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("detail", pa.string()),
        ("raw", pa.string()),
    ]
)

TABLES: dict[str, pa.Schema] = {
    "items": ITEMS,
    "annotations": ANNOTATIONS,
    "labels": LABELS,
    "people": PEOPLE,
    "provenance": PROVENANCE,
    "rejects": REJECTS,
}


def empty(table: pa.Schema) -> pl.DataFrame:
    """A frame of `table` without rows."""
    import polars as pl

    frame = pl.from_arrow(table.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def polars_schema(table: pa.Schema) -> pl.Schema:
    """The polars dtypes of `table`."""
    return empty(table).schema


def conform(frame: pl.DataFrame, table: pa.Schema) -> pl.DataFrame:
    """`frame` as a `table`: columns it lacks become null, dtypes are cast, the order is the table's.

    Raises:
        DsbuildError: a column the table does not know, a value that does not fit its type, or a null where the
            table forbids one.
    """
    import polars as pl

    wanted = polars_schema(table)
    unknown = [name for name in frame.columns if name not in wanted]
    if unknown:
        raise DsbuildError(
            f"Columns {', '.join(unknown)} do not belong to this table.", fix=f"It has: {', '.join(wanted.names())}."
        )
    try:
        result = frame.select(
            (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in wanted.items()
        )
    except pl.exceptions.PolarsError as error:
        raise DsbuildError(f"A value does not fit its column: {error}") from error
    if not frame.columns and frame.height == 0:
        result = result.clear()
    for field in table:
        if not field.nullable and result[field.name].null_count():
            row = result[field.name].is_null().arg_max()
            raise DsbuildError(f"Column {field.name} must not be null.", where=f"row {row}")
    return result
