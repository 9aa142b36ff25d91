"""How the labels that a corpus already carries are to be read: one entry of `labels`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    field_validator,
    model_validator,
)

from corpora.patterns import Pattern, fault_of, names_in
from schemas.config import NAME
from schemas.selection import Selection

LABEL = "label"  # in a pattern of columns: one of the task's labels
TIME = "t"  # in a pattern of columns: the time of a sample
NUMBER = "#"  # in the name of an annotator: the number of the row among those of its item, from 1

AnnotatorKind = Literal["human", "llm", "model", "lexicon", "author"]
Identity = Literal["person", "slot", "pool"]
Shown = Literal["text", "audio", "video", "image", "all"]


def _text(value: Any) -> Any:
    """A number that a recipe holds without quotes is the text of a cell."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _texts(value: Any) -> Any:
    return tuple(_text(one) for one in value) if isinstance(value, list | tuple) else (_text(value),)


def _keys(value: Any) -> Any:
    return {_text(key): one for key, one in value.items()} if isinstance(value, dict) else value


Cells = dict[str, Annotated[tuple[str, ...], BeforeValidator(_texts)]]
"""{column: what its cell is or fits}, for choosing rows; a list where several will do."""


def check_pattern(text: str) -> str:
    """`text`, if it is a pattern.

    Raises:
        ValueError: its braces are not.
    """
    fault = fault_of(text)
    if fault is not None:
        raise ValueError(fault)
    return text


PatternText = Annotated[str, Field(min_length=1)]


class LabelColumns(BaseModel):
    """Which columns answer which task, and whose answers they are.

    Attributes:
        columns: a column that holds the answer; or a pattern over the columns' names, in which `{label}` is one of the
            task's labels or their aliases, `{t}` the time of a sample, and any other name tells answers apart.
        label: the label that the number in `columns` is about, where it is not in the column's name: fixed, or with
            names (`"{emotion}"`). Without `columns` it is the answer itself.
        annotator: who answered; names in it bind from the column's name, else from the row's cells, else from the
            file's name, and `{#}` is the number of the row among those of its item.
        kind, identity: what the annotator is, and whether the name stands for one person, a slot ("reader 2 of 3"), or
            a pool of people. A name that comes from a cell is a person's, one from a column's name a slot's, unless
            `identity` says otherwise.
        file: a file of its own, or a pattern of several, in the folder of the corpus; `id` is its column with the
            items' ids (default: the corpus's), `header`, `records` and `bind` as the corpus's.
        separator: what stands between the labels of a cell.
        turns: of spans, the column of the turns of the dialogue that the quotes stand in, one for each quote. A word
            that is no turn says that a span lies outside of what was said.
        values: what a cell, or a label in a column's name, stands for: `{"1": joy, "-1": null}`; null is no answer.
        votes: `true`: the numbers are counts, and people are their sum; a column or a number: so many people are
            behind each answer.
        soft: the numbers are shares of a soft label.
        time, unit: of a trace with one sample a row, the column of its time; the unit of time, `s` or `ms` (default:
            `ms` where `columns` has `{t}ms`).
        rows, except: only the rows, or not the rows, in which all these cells are or fit what stands there.
        skipped: the rows, told in the same way, in which the annotator passed.
        on: only these splits of the source.
        shown: what the annotator saw or heard.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)

    task: str = Field(pattern=NAME)
    columns: PatternText | None = None
    label: PatternText | None = None
    annotator: PatternText
    kind: AnnotatorKind
    identity: Identity | None = None
    file: PatternText | None = None
    id: PatternText | None = None
    header: tuple[str, ...] | None = Field(default=None, min_length=1)
    records: PatternText | None = None
    bind: dict[str, PatternText] = {}
    separator: str | None = Field(default=None, min_length=1)
    turns: str | None = None
    values: Annotated[dict[str, Annotated[str | None, BeforeValidator(_text)]], BeforeValidator(_keys)] = {}
    votes: StrictBool | StrictInt | str = False
    soft: bool = False
    time: str | None = None
    unit: Literal["s", "ms"] | None = None
    rows: Cells = {}
    except_: Cells = Field(default={}, alias="except")
    skipped: Cells = {}
    on: Selection = Selection()
    shown: Shown | None = None

    @field_validator("columns", "label", "annotator", "file", "id")
    @classmethod
    def _is_pattern(cls, text: str | None) -> str | None:
        return None if text is None else check_pattern(text)

    @field_validator("bind")
    @classmethod
    def _are_patterns(cls, bind: dict[str, str]) -> dict[str, str]:
        return checked_bind(bind)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for wrong, why in self._rules():
            if wrong:
                raise ValueError(why)
        return self

    def _rules(self) -> list[tuple[bool, str]]:
        """(whether a rule is broken, what it says)."""
        names = names_in(self.columns or "")
        numbers = LABEL in names or TIME in names or (self.columns is not None and self.label is not None)
        beyond = [name for name in ("corpora", "languages", "where", "sample") if getattr(self.on, name) is not None]
        own = {"id": self.id, "header": self.header, "records": self.records, "bind": self.bind}
        idle = [key for key, value in own.items() if value and self.file is None]
        return [
            (self.columns is None and self.label is None, "an entry of labels needs columns, or a label of its own"),
            (LABEL in names and self.label is not None, "columns has {label} already; leave label out"),
            (LABEL in names and TIME in names, "a pattern holds {label} or {t}, not both"),
            (numbers and self.separator is not None, "separator belongs to a column of labels, not to one of numbers"),
            (NUMBER in names, "{#} is the number of a row, no column's name holds it"),
            (self.votes is not False and self.soft, "votes are counts, and soft are shares: only one of them"),
            (bool(beyond), f"labels are limited by splits only, not by {(beyond or [''])[0]}"),
            (bool(idle), f"{(idle or [''])[0]} belongs to a file of its own; name it with `file`"),
            (self.file is not None and self.on.splits is not None, "on belongs to the corpus's own rows; use `rows`"),
            (
                isinstance(self.votes, int) and not isinstance(self.votes, bool) and self.votes < 1,
                "votes is a number of people: 1 or more",
            ),
        ]

    @property
    def is_wide(self) -> bool:
        """Whether there is one column for each label."""
        return LABEL in names_in(self.columns or "")

    @property
    def is_long(self) -> bool:
        """Whether an answer stands in several rows: one for each label or sample."""
        return self.columns is not None and (self.label is not None or self.time is not None)

    @property
    def shares_rows(self) -> bool:
        """Whether this entry means several rows of one item to be several answers, or parts of one."""
        from_rows = set(names_in(self.annotator)) - set(names_in(self.columns or ""))
        return bool(self.is_long or self.rows or self.except_ or from_rows)

    @property
    def named_as(self) -> Identity | None:
        """What the annotators' names stand for; null where they are no people's, or a fixed name does not say it."""
        if self.kind not in ("human", "author"):
            return None
        if self.identity is not None or self.is_named:
            return self.identity
        return "person" if self._from_cells else "slot"

    @property
    def names_people(self) -> bool:
        """Whether cells, or names of files, name people."""
        return self.named_as == "person" and bool(self._from_cells)

    @property
    def _from_cells(self) -> set[str]:
        return set(names_in(self.annotator)) - set(names_in(self.columns or "")) - {NUMBER}

    @property
    def is_named(self) -> bool:
        """Whether the annotator's name is fixed."""
        return not names_in(self.annotator)

    def answers_as(self, name: str) -> bool:
        """Whether `name` can be an annotator of this entry."""
        return self.annotator == name or (not self.is_named and Pattern(self.annotator).match(name) is not None)


def checked_bind(bind: Mapping[str, str]) -> dict[str, str]:
    """`bind`, {column: pattern of its cells}, if every pattern has a name and none has two patterns.

    Raises:
        ValueError: it is not so.
    """
    taken: set[str] = set()
    for column, text in bind.items():
        names = names_in(check_pattern(text))
        if not names:
            raise ValueError(f"the pattern of {column!r} has no name in braces, so it binds nothing")
        if taken & set(names):
            raise ValueError(f"{{{sorted(taken & set(names))[0]}}} is bound twice")
        taken |= set(names)
    return dict(bind)


Bind = Mapping[str, str]
