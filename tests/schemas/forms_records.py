"""Random records that keep the rules of their table, made from its declaration."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from schemas.forms.column import Column, Declared

_TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
_JSON = st.dictionaries(_TEXT, st.none() | st.booleans() | st.integers() | _TEXT | st.lists(_TEXT), max_size=3)
_FORMS: dict[str, st.SearchStrategy[str]] = {
    "id": _TEXT.filter(lambda text: bool(text.strip(" \t\r\n"))),
    "sha256": st.text("0123456789abcdef", min_size=64, max_size=64),
    "hex": st.text("0123456789abcdef", min_size=1, max_size=64),
    "language": st.sampled_from(
        ["mr", "en-GB", "zh-Hans-CN", "hi-Latn", "und", "x-elvish", "sl-rozaj-biske", "de-1996"]
    ),
    "split": st.sampled_from(["train", "dev-matched", "test 1", "überprüfung", "fold_3.a"]),
    "mime": st.sampled_from(["audio/wav", "video/mp4", "application/vnd.edf+x", "image/svg+xml"]),
    "json": _JSON.map(lambda value: json.dumps(value, ensure_ascii=False)),
}


def records(declared: Declared, *, least: int = 0) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Up to four rows of the table, as polars and Arrow hand them out."""
    return st.lists(record(declared.columns), min_size=least, max_size=4)


def record(columns: tuple[Column, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """A row of these columns."""
    fields = {}
    for column in columns:
        one = _one(column)
        value = st.lists(one, max_size=3) if column.many else one
        fields[column.name] = value if column.required else st.none() | value
    return st.fixed_dictionaries(fields).map(lambda row: _together(columns, row))


def _together(columns: tuple[Column, ...], drawn: dict[str, Any]) -> dict[str, Any]:
    """The row in the order of its columns, with what must go together doing so."""
    row = {column.name: drawn[column.name] for column in columns}
    for column in columns:
        if column.not_before is None:
            continue
        low, high = row[column.not_before], row[column.name]
        if low is None or high is None:
            if not column.apart:
                row[column.not_before] = row[column.name] = None
        elif high < low:
            row[column.not_before], row[column.name] = high, low
    return row


def _one(column: Column) -> st.SearchStrategy[Any]:
    if column.of:
        return record(column.of)
    if column.kind == "bool":
        return st.booleans()
    if column.kind == "time":
        return st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
    if column.kind == "float64":
        return st.floats(column.low, column.high, allow_nan=False, allow_infinity=False)
    if column.kind in ("int32", "int64"):
        bits = 31 if column.kind == "int32" else 63
        low = -(2**bits) if column.low is None else int(column.low)
        return st.integers(low, 2**bits - 1 if column.high is None else int(column.high))
    if column.closed is not None:
        return st.sampled_from(column.closed)
    return _TEXT if column.form is None else _FORMS[column.form]
