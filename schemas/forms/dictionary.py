"""The data dictionary: what every column of a table holds, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.forms.column import Column, Vocabulary
from schemas.forms.definitions import DECLARED
from schemas.markdown import escape

_KINDS = {
    "string": "text",
    "int32": "integer",
    "int64": "integer",
    "float64": "number",
    "bool": "true or false",
    "time": "time, UTC",
    "struct": "record",
}
_LOOKS = {
    "sha256": "64 hexadecimal digits",
    "hex": "hexadecimal digits",
    "language": "BCP 47",
    "split": "a name",
    "mime": "media type",
    "json": "a JSON object",
}


def dictionary(table: str) -> str:
    """The columns of `table` as a Markdown table: name, type, unit or vocabulary, meaning; fields follow their record.

    Raises:
        KeyError: there is no such table.
    """
    rows = [line for column in DECLARED[table].columns for line in _lines(column, "")]
    return "\n".join(["| column | type | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def plain(table: str) -> str:
    """The columns of `table` for a terminal, a line each, and the words of each closed vocabulary below its column.

    Raises:
        KeyError: there is no such table.
    """
    declared = DECLARED[table]
    found = [(path, _plain_type(column), column) for path, column in paths(declared.columns)]
    names = max(len(path) for path, _, _ in found)
    types = max(len(said) for _, said, _ in found)
    lines = [f"{table}: a row is {declared.row}"]
    for path, said, column in found:
        lines.append(f"  {path:<{names}}  {said:<{types}}  {column.meaning}")
        if column.words is not None:
            usual = "" if column.closed is not None else "usually "
            lines.append(f"  {'':<{names}}  {'':<{types}}  {usual}{' | '.join(column.words.words)}")
    return "\n".join(lines)


def vocabulary(words: Vocabulary) -> str:
    """A vocabulary as a Markdown table of words and meanings."""
    rows = [f"| `{entry.word}` | {entry.meaning} |" for entry in words.entries]
    return "\n".join(["| word | meaning |", "| --- | --- |", *rows]) + "\n"


def used_in(words: Vocabulary) -> list[str]:
    """The columns that hold words of this vocabulary, as TABLE.COLUMN or TABLE.COLUMN[].FIELD."""
    return [
        f"{table.name}.{path}"
        for table in DECLARED.values()
        for path, column in paths(table.columns)
        if column.words is words
    ]


def paths(columns: tuple[Column, ...], within: str = "") -> Iterator[tuple[str, Column]]:
    """Every column and field with its path: NAME, NAME.FIELD, NAME[].FIELD."""
    for column in columns:
        path = within + column.name
        yield path, column
        yield from paths(column.of, path + ("[]." if column.many else "."))


def _lines(column: Column, within: str) -> list[str]:
    path = within + column.name
    line = f"| `{path}` | {_type(column)} | {escape(column.meaning)} |"
    inner = path + ("[]." if column.many else ".")
    return [line, *(row for field in column.of for row in _lines(field, inner))]


def _type(column: Column) -> str:
    said = _KINDS[column.kind]
    if column.words is not None:
        said = f"{'' if column.words.closed else 'usually '}one of [{column.words.name}](#{anchor(column.words)})"
    elif column.form in _LOOKS:
        said = f"{said}: {_LOOKS[column.form]}"
    return _whole(said, column)


def _plain_type(column: Column) -> str:
    return _whole(_LOOKS.get(column.form or "", _KINDS[column.kind]), column)


def _whole(said: str, column: Column) -> str:
    if column.many:
        said = f"list of {said}"
    if column.unit is not None:
        said = f"{said}, {column.unit}"
    if column.low is not None and column.high is not None:
        said = f"{said}, {column.low:g} to {column.high:g}"
    return f"{said}, required" if column.required else said


def anchor(words: Vocabulary) -> str:
    """The anchor of the vocabulary's heading on the page."""
    return words.name.replace(" ", "-")
