"""Which of two candidates is preferred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element

import polars as pl

from schemas.answer import Answer
from schemas.kinds import sets
from schemas.kinds.base import Kind, Rule, WideColumn, answered
from schemas.kinds.drawing import OBJECT, Box, boxes, header, required, word
from schemas.kinds.sets import INDEX, SHARES

if TYPE_CHECKING:
    from schemas.answer import Shown
    from schemas.task import Task

_QUESTION = {"en": "Which of the two?", "mr": "दोन्हींपैकी कोणते?", "hi": "दोनों में से कौन-सा?"}
_NAMES = {
    "a": {"en": "A", "mr": "A", "hi": "A"},
    "tie": {"en": "no difference", "mr": "काही फरक नाही", "hi": "कोई अंतर नहीं"},
    "b": {"en": "B", "mr": "B", "hi": "B"},
}


class Pairwise(Kind):
    """An answer is in `labels`: one of a, b and (with `ties`) tie. The item's context holds the two candidates."""

    name = "pairwise"
    answered_by = "the one of two candidates, a or b, that is preferred"
    column = "labels"
    key = "preferred"
    takes = frozenset({"ties"})

    def label_ids(self, task: Task) -> list[str]:
        return ["a", "tie", "b"] if task.ties else ["a", "b"]

    def json_schema(self, task: Task) -> dict[str, Any]:
        return {"enum": task.label_ids}

    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        label = given.strip().lower() if isinstance(given, str) else given
        if label not in task.label_ids:
            raise ValueError(f'"{self.key}" holds {given!r}, which is none of: {", ".join(task.label_ids)}')
        return Answer(labels=[label], originals=[given])

    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        return _one(answer)

    def rules(self, task: Task) -> list[Rule]:
        several = (pl.col("_entries") > 1) & (pl.col("_scored") == 0)
        neither = pl.col("labels").is_not_null() & (pl.col("_entries") == 0)
        return [
            *sets.label_rules(task, task.label_ids),
            Rule("more than one label", "labels", several, "one of them", value=pl.format("{} labels", "_entries")),
            Rule("nothing preferred", "labels", neither, f"one of {', '.join(task.label_ids)}", value=pl.lit("[]")),
            *sets.weight_rules(one=True),
        ]

    def distance(self, task: Task) -> Literal["ordinal"]:
        return "ordinal"

    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """The difference of the two on a = 0, tie = 1/2, b = 1."""
        return abs(_position(a) - _position(b))

    def wide(self, task: Task) -> list[WideColumn]:
        return [WideColumn(task.name, INDEX, task.label_ids), WideColumn(f"{task.name}_p", SHARES)]

    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        """The place of the answer in `label_ids`, and the share of each."""
        index = sets.one_index(labels, task.label_ids)
        return {task.name: index, f"{task.name}_p": sets.shares_of(labels, task.label_ids)}

    def control(self, task: Task, language: str | None, about: str = OBJECT) -> list[Element]:
        shown = [Box(label, word(_NAMES[label], language)) for label in task.label_ids]
        return [header(word(_QUESTION, language), 5), boxes(required(language, about=about), False, shown)]

    def card(self, task: Task) -> list[str]:
        ties = "" if task.ties else " One of them has to be preferred."
        return ["", f"The two candidates are the turns a and b of the item's context.{ties}"]


def _one(answer: Answer) -> str:
    labels = answered(answer.labels)
    if len(labels) != 1:
        raise ValueError("no one preference")
    return str(labels[0])


def _position(answer: Answer) -> float:
    places = {"a": 0.0, "tie": 0.5, "b": 1.0}
    given = sets.shares(answer)
    if given is None:
        return places[_one(answer)]
    total = sum(given.values())
    if not total:
        raise ValueError("no one preference")
    return sum(places[label] * share for label, share in given.items()) / total
