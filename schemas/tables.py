"""The tables of a dataset: one Arrow schema each, built from the declarations in `schemas.forms.definitions`.

An empty list in `labels` is an answer ("none of these"); null is no answer. The two are never exchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from schemas.errors import DsbuildError
from schemas.forms.definitions import DECLARED

if TYPE_CHECKING:
    import polars as pl

SCHEMA_VERSION = "1.1.0"

TABLES: dict[str, pa.Schema] = {name: declared.arrow for name, declared in DECLARED.items()}

ITEMS = TABLES["items"]
ANNOTATIONS = TABLES["annotations"]
LABELS = TABLES["labels"]
PEOPLE = TABLES["people"]
PROVENANCE = TABLES["provenance"]
REJECTS = TABLES["rejects"]


def empty(table: pa.Schema) -> pl.DataFrame:
    """A frame of `table` without rows."""
    import polars as pl

    return pl.DataFrame(schema=polars_schema(table))


def polars_schema(table: pa.Schema) -> pl.Schema:
    """The polars dtypes of `table`."""
    import polars as pl

    # Not by way of an empty table: pyarrow looks for pandas then, which takes a fifth of a second to import.
    return pl.Schema(table)


def conform(frame: pl.DataFrame, table: pa.Schema) -> pl.DataFrame:
    """`frame` as a `table`: columns and struct fields it lacks become null, dtypes are cast, the order is the table's.

    Raises:
        DsbuildError: a column the table does not know, a value that does not fit its type, or a null where the
            table forbids one.
    """
    result = shaped(frame, table)
    for field in table:
        if not field.nullable and result[field.name].null_count():
            row = result[field.name].is_null().arg_max()
            raise DsbuildError(f"Column {field.name} must not be null.", where=f"row {row}")
    return result


def shaped(frame: pl.DataFrame, table: pa.Schema) -> pl.DataFrame:
    """What `conform` gives, with nulls wherever `frame` has them.

    Raises:
        DsbuildError: a column the table does not know, or a value that does not fit its type.
    """
    import polars as pl

    wanted = polars_schema(table)
    unknown = [name for name in frame.columns if name not in wanted]
    if unknown:
        raise DsbuildError(
            f"Columns {', '.join(unknown)} do not belong to this table.", fix=f"It has: {', '.join(wanted.names())}."
        )
    frame = frame.with_columns(_with_fields(column, wanted[column.name]) for column in frame)
    try:
        result = frame.select(
            (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in wanted.items()
        )
    except pl.exceptions.PolarsError as error:
        raise DsbuildError(f"A value does not fit its column: {error}") from error
    return result.clear() if not frame.columns and frame.height == 0 else result


def _shaped(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    """`values` with the fields of its structs, at any depth, as in `wanted`: those it lacks are null.

    On Arrow's buffers: polars' `list.eval` takes seconds for a million short lists.

    Raises:
        DsbuildError: a struct has a field that `wanted` does not.
    """
    given = values.type
    if given == wanted or pa.types.is_null(given):
        return values
    missing = values.is_null() if values.null_count else None
    if pa.types.is_large_list(given) and pa.types.is_large_list(wanted):
        # Copied, because Arrow takes no slice of offsets beside a mask; they count from the start of the child array.
        offsets = pa.array(values.offsets.to_numpy())
        return pa.LargeListArray.from_arrays(offsets, _shaped(values.values, wanted.value_type), mask=missing)
    if pa.types.is_struct(given) and pa.types.is_struct(wanted):
        there = {field.name: place for place, field in enumerate(given)}
        strangers = there.keys() - {field.name for field in wanted}
        if strangers:
            raise DsbuildError(
                f"Fields {', '.join(sorted(strangers))} do not belong to this table.",
                fix=f"There are: {', '.join(field.name for field in wanted)}.",
            )
        fields = [
            _shaped(values.field(there[field.name]), field.type)
            if field.name in there
            else pa.nulls(len(values), field.type)
            for field in wanted
        ]
        names = [field.name for field in wanted]
        return pa.StructArray.from_arrays(fields, names, mask=missing)
    return values


def _has_struct(dtype: pl.DataType) -> bool:
    import polars as pl

    return isinstance(dtype, pl.Struct) or (isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct))


def _with_fields(column: pl.Series, wanted: pl.DataType) -> pl.Series:
    """`column` with the struct fields of `wanted`; other columns as they are."""
    import polars as pl

    if column.dtype == wanted or not _has_struct(wanted) or not _has_struct(column.dtype):
        return column
    goal = pl.Series([], dtype=wanted).to_arrow().type
    return pl.Series(column.name, _shaped(column.rechunk().to_arrow(), goal))
