"""What the declaration of a table says about each of its columns; the Arrow schema is built from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Kind = Literal["string", "int32", "int64", "float64", "bool", "time", "struct"]
Form = Literal["id", "sha256", "hex", "language", "split", "mime", "json"]

_ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True)
class Word:
    """A word of a vocabulary and what it means."""

    word: str
    meaning: str


@dataclass(frozen=True)
class Vocabulary:
    """The words that a column may hold. A closed one is a rule; an open one names the usual words."""

    name: str
    about: str
    entries: tuple[Word, ...]
    closed: bool = True

    @property
    def words(self) -> tuple[str, ...]:
        """The words, in the order of their declaration."""
        return tuple(entry.word for entry in self.entries)


@dataclass(frozen=True)
class Column:
    """A column of a table, or a field of a struct.

    Attributes:
        kind: the type of a value; "time" is a timestamp in microseconds, UTC.
        meaning: what a value says, for a reader who has never seen the table.
        required: never null.
        unit: of a number.
        words: what a text is one of.
        form: what a text looks like; see `FORMS`.
        low, high: the range of a number, both ends included.
        finite: whether a number has to be finite.
        not_before: the sibling that this number must not lie below; the two are null together, unless `apart`.
        many: a list of such values; a value of the list is never null.
        of: the fields of a struct.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    unit: str | None = None
    words: Vocabulary | None = None
    form: Form | None = None
    low: float | None = None
    high: float | None = None
    finite: bool = True
    not_before: str | None = None
    apart: bool = False
    many: bool = False
    of: tuple[Column, ...] = ()

    @property
    def closed(self) -> tuple[str, ...] | None:
        """The only words there are, null where any will do."""
        return self.words.words if self.words is not None and self.words.closed else None

    @property
    def described(self) -> str:
        """What it means, with the unit."""
        return f"{self.meaning} ({self.unit})" if self.unit is not None else self.meaning

    @property
    def inner(self) -> pa.DataType:
        """The Arrow type of one value, of one element for a list."""
        if self.kind == "struct":
            # Fields of a struct stay nullable in Arrow: what polars and Parquet hand back has them so.
            return pa.struct([(field.name, field.type) for field in self.of])
        return _ARROW[self.kind]

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of the column."""
        return pa.list_(self.inner) if self.many else self.inner


@dataclass(frozen=True)
class Declared:
    """A table: its name, what a row is, the columns whose values stand for one row, and its columns."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema."""
        return pa.schema([pa.field(one.name, one.type, nullable=not one.required) for one in self.columns])


@dataclass(frozen=True)
class FormOfText:
    """What a text of some form looks like: a regular expression (of RE2, ECMAScript and Python alike) and a name."""

    pattern: str
    says: str


# RFC 5646, section 2.1: a language, its script, region, variants, extensions and private use; or private use alone.
_BCP47 = (
    r"^(?:(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})"
    r"(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
    r"(?:-[0-9A-WY-Za-wy-z](?:-[A-Za-z0-9]{2,8})+)*"
    r"(?:-[xX](?:-[A-Za-z0-9]{1,8})+)?"
    r"|[xX](?:-[A-Za-z0-9]{1,8})+)$"
)

FORMS: dict[Form, FormOfText] = {
    "id": FormOfText(r"[^ \t\r\n]", "blank"),
    "sha256": FormOfText(r"^[0-9a-f]{64}$", "not 64 lower-case hexadecimal digits"),
    "hex": FormOfText(r"^[0-9a-f]+$", "not lower-case hexadecimal digits"),
    "language": FormOfText(_BCP47, "not a BCP 47 language tag"),
    "split": FormOfText(
        r"^[^\x00-\x20\x7f/\\](?:[^\x00-\x1f\x7f/\\]*[^\x00-\x20\x7f/\\])?$", "not the name of a split"
    ),
    "mime": FormOfText(r"^[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*$", "not a media type such as audio/wav"),
}
JSON_SAYS = "not a JSON object"
