"""Whether the rows of a table keep what its declaration says, decided for whole columns at once.

Lists and structs are taken apart on Arrow's buffers, without copies; only rows that break a rule are looked at one by
one. These are the rules of a table; those of the question that was asked are the task's (`schemas.validation`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.errors import DsbuildError
from schemas.forms.column import FORMS, JSON_SAYS, Column, Declared
from schemas.forms.definitions import ANNOTATIONS, ITEMS
from schemas.tables import REJECTS, TABLES, conform, shaped

STAGE = "schema"
LONGEST = 80  # characters of a value that a reject tells

Rows = NDArray[np.int64]
Owner = Callable[[Rows], Rows]


@dataclass(frozen=True)
class Fault:
    """The rows that break one rule: `rows` (their places, ascending), what stands there in each (`values`, String),
    the field, and what is allowed there."""

    field: str
    reason: str
    says: str
    rows: Rows
    values: pl.Series


def check_items(items: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split `items` into ITEMS that keep the table's rules and REJECTS that name field, value and rule of the others.

    Raises:
        DsbuildError: a column the table does not know, or one whose values are of another type throughout.
    """
    return split_rows(items, ITEMS)


def check_annotations(annotations: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split `annotations` as `check_items` splits items. The rules of their tasks are another matter."""
    return split_rows(annotations, ANNOTATIONS)


def split_rows(frame: pl.DataFrame, declared: Declared) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split `frame` into rows of the table and REJECTS: `detail` is "FIELD = VALUE: RULE", of the first rule broken."""
    frame = shaped(frame, TABLES[declared.name])
    found = list(faults(frame, declared))
    kept = np.ones(frame.height, dtype=np.bool_)
    rejects = []
    for fault in found:
        new = kept[fault.rows]
        rows = fault.rows[new]
        kept[rows] = False
        rejects.append(_rejects(frame, declared, fault, rows, fault.values.filter(pl.Series(new))))
    table = TABLES[declared.name]
    if not rejects:
        return conform(frame, table), conform(pl.DataFrame(), REJECTS)
    refused = pl.concat(rejects).sort("_row").drop("_row")
    return conform(frame.filter(pl.Series(kept)), table), conform(refused, REJECTS)


def require(frame: pl.DataFrame, declared: Declared) -> pl.DataFrame:
    """`frame` as the table, every row of which keeps its rules.

    Raises:
        DsbuildError: a row does not; the first is named with field, value and rule, the others are counted.
    """
    kept, rejects = split_rows(frame, declared)
    if rejects.height:
        more = f" ({rejects.height - 1:,} more rows break a rule.)" if rejects.height > 1 else ""
        item = rejects["item_id"][0]
        raise DsbuildError(
            f"A row of the table {declared.name} breaks the schema: {rejects['detail'][0]}.{more}",
            where=f"item {item}" if item is not None else f"table {declared.name}",
            fix=f"`dsbuild schema {declared.name}` says what the table may hold.",
        )
    return kept


def faults(frame: pl.DataFrame, declared: Declared) -> Iterator[Fault]:
    """What the rows of `frame` break, in the order of the table's columns."""
    for column in declared.columns:
        series = frame[column.name]
        if column.many or column.of:
            array = series.rechunk().to_arrow()
            yield from _nested(column, column.name, array, lambda rows: rows)
        else:
            yield from _leaf(column, column.name, series, lambda rows: rows)


def _nested(column: Column, path: str, values: pa.Array, owner: Owner) -> Iterator[Fault]:
    """The faults of an Arrow array of lists or structs; `owner` says which row a place in `values` belongs to."""
    if column.required:
        yield from _broken(path, "missing", "required", pl.Series(pc.is_null(values)), pl.Series(values), owner)
    if not column.many:
        yield from _fields(column, path, values, owner)
        return
    inner = values.flatten()
    if len(inner) == 0:
        return

    def inner_owner(places: Rows) -> Rows:
        return owner(pc.list_parent_indices(values).to_numpy()[places])

    one = pl.Series(pc.is_null(inner)) if inner.null_count else None
    if one is not None:
        nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(one))
        yield from _broken(path, "an entry is null", "an entry of the list is null", one, nothing, inner_owner)
        there = np.flatnonzero(~one.to_numpy())
        outer, inner = inner_owner, inner.take(pa.array(there))
        yield from _entries(column, path, inner, lambda places: outer(there[places]))
    else:
        yield from _entries(column, path, inner, inner_owner)


def _entries(column: Column, path: str, values: pa.Array, owner: Owner) -> Iterator[Fault]:
    if column.of:
        yield from _fields(column, path, values, owner)
    else:
        yield from _leaf(column, path, pl.Series(values), owner)


def _fields(column: Column, path: str, values: pa.Array, owner: Owner) -> Iterator[Fault]:
    """The faults of the fields of an array of structs, and of fields that do not go together."""
    if values.null_count:
        # Fields of a null struct are null, which is no fault of theirs.
        there = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
        outer, values = owner, values.take(pa.array(there))

        def owner(places: Rows) -> Rows:
            return outer(there[places])

    fields = dict(zip((field.name for field in column.of), values.flatten(), strict=True))
    for field in column.of:
        inner = f"{path}.{field.name}"
        if field.many or field.of:
            yield from _nested(field, inner, fields[field.name], owner)
            continue
        series = pl.Series(fields[field.name])
        yield from _leaf(field, inner, series, owner)
        if field.not_before is not None:
            before = pl.Series(fields[field.not_before])
            says = f"less than {field.not_before}"
            yield from _broken(
                inner, f"below {field.not_before}", says, (series < before).fill_null(False), series, owner
            )
            if not field.apart:
                alone = series.is_null() != before.is_null()
                yield from _broken(
                    inner,
                    f"without {field.not_before}",
                    f"{field.not_before} and {field.name} go together",
                    alone,
                    series,
                    owner,
                )


def _leaf(column: Column, path: str, values: pl.Series, owner: Owner) -> Iterator[Fault]:
    """The faults of a column of plain values."""
    if column.required and values.null_count():
        yield from _broken(path, "missing", "required", values.is_null(), values, owner)
    if values.null_count() == len(values):
        return
    words = column.closed
    if words is not None:
        says = f"not one of {', '.join(words)}"
        yield from _broken(path, "outside its vocabulary", says, _no(values.is_in(words)), values, owner)
    if column.form == "json":
        yield from _broken(path, JSON_SAYS, JSON_SAYS, _no_json(values), values, owner)
    elif column.form is not None:
        form = FORMS[column.form]
        yield from _broken(path, form.says, form.says, _no(values.str.contains(form.pattern)), values, owner)
    if values.dtype.is_float() and column.finite:
        yield from _broken(path, "not finite", "not a finite number", _no(values.is_finite()), values, owner)
    if column.low is not None:
        says = f"below {column.low:g}" if column.high is None else f"not from {column.low:g} to {column.high:g}"
        yield from _broken(path, says, says, (values < column.low).fill_null(False), values, owner)
    if column.high is not None:
        says = f"above {column.high:g}" if column.low is None else f"not from {column.low:g} to {column.high:g}"
        yield from _broken(path, says, says, (values > column.high).fill_null(False), values, owner)


def _no(holds: pl.Series) -> pl.Series:
    """Where something does not hold; null is nothing that could break a rule."""
    return ~holds.fill_null(True)


def _no_json(values: pl.Series) -> pl.Series:
    objects = values.str.starts_with("{").fill_null(True)
    try:
        values.filter(objects).str.json_decode(pl.Struct([]))
    except pl.exceptions.ComputeError:
        # Some are broken, or hold what this parser alone refuses (half a surrogate pair): look at each.
        return pl.Series([text is not None and not _is_object(text) for text in values.to_list()], dtype=pl.Boolean)
    return ~objects


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_constant=_no_constant), dict)
    except ValueError:
        return False


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _broken(path: str, reason: str, says: str, broken: pl.Series, values: pl.Series, owner: Owner) -> Iterator[Fault]:
    """The fault of the places where `broken` is true, if there are any; of a row with several the first."""
    if not broken.any():
        return
    places = np.flatnonzero(broken.to_numpy())
    rows, first = np.unique(owner(places), return_index=True)
    told = values.gather(pl.Series(places[first]))
    yield Fault(path, f"{path}: {reason}", says, rows, _in_words(told))


def _in_words(values: pl.Series) -> pl.Series:
    """Values as they are told: a text in quotes, at most so many characters of it; null as null."""
    if values.dtype == pl.String or values.dtype.is_nested():
        return pl.Series([_told(value) for value in values.to_list()], dtype=pl.String)
    return values.cast(pl.String).fill_null("null")


def _told(value: object) -> str:
    if not isinstance(value, str):
        return "null" if value is None else str(value)
    return json.dumps(value if len(value) <= LONGEST else value[:LONGEST] + "...", ensure_ascii=False)


def _rejects(frame: pl.DataFrame, declared: Declared, fault: Fault, rows: Rows, values: pl.Series) -> pl.DataFrame:
    own = frame[rows]
    said = pl.concat_str(pl.lit(f"{fault.field} = "), values, pl.lit(f": {fault.says}"))
    names = [
        pl.concat_str(pl.lit(f"; {name} "), pl.col(name).fill_null("null"))
        for name in declared.key
        if name != "item_id"
    ]
    place = {}
    if "source" in own.columns:
        place = {"file": pl.col("source").struct.field("file"), "line": pl.col("source").struct.field("row")}
    return own.select(
        pl.Series("_row", rows),
        pl.lit(STAGE).alias("stage"),
        pl.lit(fault.reason).alias("reason"),
        (pl.col("item_id") if "item_id" in own.columns else pl.lit(None, dtype=pl.String)).alias("item_id"),
        pl.concat_str(said, *names).alias("detail"),
        pl.struct(pl.all()).struct.json_encode().alias("raw"),
        **place,
    )
