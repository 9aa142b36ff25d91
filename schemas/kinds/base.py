"""What every kind of task has to say, and what most of them say alike."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from xml.etree.ElementTree import Element

import polars as pl
import pyarrow as pa

from schemas.tables import LABELS, conform

if TYPE_CHECKING:
    from schemas.answer import Answer, Shown
    from schemas.task import Distance, Task

Column = Literal["labels", "value", "spans", "trace", "text"]

# The fields of a Task that only some kinds have a use for.
_SPECIAL = ("taxonomy", "range", "step", "levels", "rate", "where", "most", "ties", "attributes")


@dataclass(frozen=True)
class Rule:
    """A rule of annotations: those for which `broken` is true break it; null is not broken.

    `reason` is the same for every row that breaks it; `field` says where in the row, `says` what is allowed there.
    `broken` and `value` (what stands there; default: the field) are expressions over one of two frames:

    - `of="row"`: the columns of ANNOTATIONS, and of the answer's list `_entries` (how many), `_scored` (how many have a
      score) and `_sum` (of the scores); `_unknown_asked` (String), the first of `asked` that cannot be asked;
    - `of="entry"`: the fields of each entry of the answer's list under their names, `row:NAME` for the columns of its
      row, `before:NAME` for the field of the entry before it (null for the first), `_place` (0 for the first);
      `_known`, whether its label is one of the task's; `_twice`, whether the same entry (by label, or by place for a
      span) stands before it; `_crowded`, whether another label of its slot does; `_unasked`, whether its label was not
      asked; and of the turn that a span lies in, where the items are known, `_said` (String), what it says, and
      `_elsewhere`, whether it is neither the item nor a turn of its context (null and false where they are not known).

    Only what some rule mentions is computed (`schemas.validation`).
    """

    reason: str
    field: str
    broken: pl.Expr
    says: str
    value: pl.Expr | None = None
    of: Literal["row", "entry"] = "row"


@dataclass(frozen=True)
class WideColumn:
    """A column of the wide table; `classes` names what its integers stand for."""

    name: str
    type: pa.DataType
    classes: list[str] | None = None


class Kind(ABC):
    """A kind of task. Its methods are functions of a task of that kind and of what they are given."""

    name: ClassVar[str]
    answered_by: ClassVar[str]
    """What an annotation is, in words: "Every annotation is ..."."""
    column: ClassVar[Column]
    """The column of ANNOTATIONS and LABELS that holds the answer, and is null where there is none."""
    key: ClassVar[str]
    """The key of the answer in JSON."""
    takes: ClassVar[frozenset[str]] = frozenset()
    """The fields of a Task that this kind has a use for, beside those of every task."""
    needs: ClassVar[frozenset[str]] = frozenset()
    """Those of them that it cannot do without."""

    def fits(self, task: Task) -> None:
        """Raises ValueError where the task's declaration does not fit its kind."""
        for field in _SPECIAL:
            unset = getattr(task, field) == type(task).model_fields[field].get_default()
            a = "an" if self.name[0] in "aeiou" else "a"
            if not unset and field not in self.takes:
                raise ValueError(f"{a} {self.name} task has no {field}")
            if unset and field in self.needs:
                raise ValueError(f"{a} {self.name} task needs {'' if field in _PLURAL else 'a '}{field}")
        self.check(task)

    def check(self, task: Task) -> None:
        """Raises ValueError where the values of the fields do not go together."""
        return

    def label_ids(self, task: Task) -> list[str]:
        """Every label that an answer may hold, in order; empty where there are none or any word is one."""
        return [] if task.taxonomy is None else task.taxonomy.ids

    def asks(self, task: Task) -> dict[str, str]:
        """{label: what of `asked` puts it to an annotator}; empty where nothing is put to them one by one."""
        return {}

    def slots(self, task: Task) -> dict[str, str]:
        """{label: its slot} of labels of which an answer has one at most in each slot; the others are not named."""
        return {}

    @abstractmethod
    def json_schema(self, task: Task) -> dict[str, Any]:
        """The JSON Schema of what stands under `key`."""

    @abstractmethod
    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        """The answer that `given` (what stands under `key`) says; ValueError with what is wrong with it."""

    @abstractmethod
    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        """What stands under `key` for `answer`."""

    @abstractmethod
    def rules(self, task: Task) -> list[Rule]:
        """The rules of an answer, beside those of every annotation."""

    @abstractmethod
    def distance(self, task: Task) -> Distance:
        """The name of `difference`."""

    @abstractmethod
    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """How far apart two answers are, from 0 to 1; ValueError where there is nothing to compare."""

    @abstractmethod
    def wide(self, task: Task) -> list[WideColumn]:
        """The task's columns in the wide table."""

    def widen(self, task: Task, labels: pl.DataFrame) -> pl.DataFrame:
        """`item_id` and the columns of `wide` for the rows of `labels` (LABELS), in their order."""
        frame = conform(labels, LABELS)
        columns = self.columns(task, frame)
        schema = pa.schema([(column.name, column.type) for column in self.wide(task)])
        kinds = pl.from_arrow(schema.empty_table())
        assert isinstance(kinds, pl.DataFrame)
        made = (columns[name].cast(dtype).alias(name) for name, dtype in kinds.schema.items())
        return pl.DataFrame([frame["item_id"], *made])

    @abstractmethod
    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        """The columns of `wide` by name, of the rows of `labels` (LABELS)."""

    @abstractmethod
    def control(self, task: Task, language: str | None, about: str = "text") -> list[Element]:
        """The Label Studio elements that ask the question `about` the object of this name; see
        `schemas.label_studio_config`. DsbuildError where Label Studio has no control for it."""

    def card(self, task: Task) -> list[str]:
        """Lines of Markdown that say what an answer may be."""
        return []


_PLURAL = {"attributes", "levels", "ties"}


def answered(part: Any) -> Any:
    """`part` of an answer, which must be there to be compared.

    Raises:
        ValueError: it is null: no answer.
    """
    if part is None:
        raise ValueError("one of the two is no answer to this task")
    return part


def folded(text: str) -> str:
    """`text` as texts are compared: NFC, runs of blanks as one, none at its ends."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()
