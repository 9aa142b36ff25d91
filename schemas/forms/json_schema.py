"""The tables as JSON Schema (draft 2020-12), and their records as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from schemas.forms.column import FORMS, Column, Declared
from schemas.forms.definitions import DECLARED
from schemas.tables import SCHEMA_VERSION

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_INTEGERS = {"int32": 32, "int64": 64}
# A time as it is written in JSON: RFC 3339, UTC, microseconds. Years before 1000 keep their four digits.
_TIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$"


def json_schema(table: str) -> dict[str, Any]:
    """The JSON Schema of one row of `table`: an object with all its columns, null where there is no value.

    Raises:
        KeyError: there is no such table.
    """
    declared = DECLARED[table]
    return {"$schema": DIALECT, **_title(declared), **_object(declared.columns)}


def json_schemas() -> dict[str, Any]:
    """One JSON Schema with every table among its `$defs`, by name."""
    tables = {name: {**_title(declared), **_object(declared.columns)} for name, declared in DECLARED.items()}
    return {
        "$schema": DIALECT,
        "title": "dsbuild tables",
        "description": f"The rows of a dataset's tables, schema version {SCHEMA_VERSION}.",
        "$defs": tables,
    }


def to_json(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row, as polars and Arrow hand it out, as JSON has it: times become texts (RFC 3339, UTC, microseconds)."""
    return {column.name: _out(column, row.get(column.name)) for column in DECLARED[table].columns}


def from_json(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """What `to_json` made, as a row again; columns that are not there are null.

    Raises:
        ValueError: a time is no time.
    """
    return {column.name: _in(column, row.get(column.name)) for column in DECLARED[table].columns}


def _title(declared: Declared) -> dict[str, Any]:
    return {"title": declared.name, "description": f"A row is {declared.row}. Schema version {SCHEMA_VERSION}."}


def _object(columns: tuple[Column, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {column.name: _property(column) for column in columns},
        "required": [column.name for column in columns if column.required],
        "additionalProperties": False,
    }


def _property(column: Column) -> dict[str, Any]:
    schema = _value(column)
    if column.many:
        schema = {"type": "array", "items": schema}
    if not column.required:
        schema = _or_null(schema)
    return {"description": column.described, **schema}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    allowed = {**schema, "type": [schema["type"], "null"]}
    return {**allowed, "enum": [*schema["enum"], None]} if "enum" in schema else allowed


def _value(column: Column) -> dict[str, Any]:
    """The schema of one value, of one entry for a list."""
    if column.of:
        return _object(column.of)
    if column.kind == "bool":
        return {"type": "boolean"}
    if column.kind == "time":
        return {"type": "string", "format": "date-time", "pattern": _TIME}
    if column.kind == "string":
        return {"type": "string", **_text(column)}
    limits: dict[str, Any] = {}
    if column.kind in _INTEGERS:
        bits = _INTEGERS[column.kind]
        limits = {"minimum": -(2 ** (bits - 1)), "maximum": 2 ** (bits - 1) - 1}
    if column.low is not None:
        limits["minimum"] = column.low
    if column.high is not None:
        limits["maximum"] = column.high
    return {"type": "integer" if column.kind in _INTEGERS else "number", **limits}


def _text(column: Column) -> dict[str, Any]:
    if column.closed is not None:
        return {"enum": list(column.closed)}
    if column.form == "json":
        return {"contentMediaType": "application/json"}
    more: dict[str, Any] = {} if column.form is None else {"pattern": FORMS[column.form].pattern}
    return more if column.words is None else {**more, "examples": list(column.words.words)}


def _out(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.many:
        return [_out_one(column, one) for one in value]
    return _out_one(column, value)


def _out_one(column: Column, value: Any) -> Any:
    if value is not None and column.of:
        return {field.name: _out(field, value.get(field.name)) for field in column.of}
    if value is not None and column.kind == "time":
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
    return value


def _in(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.many:
        return [_in_one(column, one) for one in value]
    return _in_one(column, value)


def _in_one(column: Column, value: Any) -> Any:
    if value is not None and column.of:
        return {field.name: _in(field, value.get(field.name)) for field in column.of}
    if value is not None and column.kind == "time":
        return datetime.fromisoformat(value)
    return value
