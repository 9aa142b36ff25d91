"""How strong each of several labels is: a level for every label that was asked, the lowest included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element

import polars as pl

from schemas.answer import Answer
from schemas.kinds import sets
from schemas.kinds.base import Kind, Rule, WideColumn, answered
from schemas.kinds.drawing import OBJECT, box_names, header, numbered, points, required, word
from schemas.kinds.points import Points, number
from schemas.kinds.sets import SHARES
from schemas.markdown import escape

if TYPE_CHECKING:
    from schemas.answer import Shown
    from schemas.task import Task

_QUESTION = {
    "en": "Choose a level for each.",
    "mr": "प्रत्येकासाठी एक पातळी निवडा.",
    "hi": "हर एक के लिए एक स्तर चुनिए।",
}


class Intensity(Kind):
    """An answer is in `labels`: one entry for every asked label, its level as `score`. A label that is absent was not
    asked; that is not its lowest level."""

    name = "intensity"
    answered_by = "a level for each label that was asked, the lowest included"
    column = "labels"
    key = "levels"
    takes = frozenset({"taxonomy", "range", "step", "levels"})
    needs = frozenset({"taxonomy", "range"})

    def check(self, task: Task) -> None:
        Points.of(task).check()

    def asks(self, task: Task) -> dict[str, str]:
        return {label: label for label in task.label_ids}

    def json_schema(self, task: Task) -> dict[str, Any]:
        level = Points.of(task).schema()
        return {
            "type": "object",
            "properties": dict.fromkeys(task.label_ids, level),
            "required": task.label_ids,
            "additionalProperties": False,
        }

    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        if not isinstance(given, dict):
            raise ValueError(f'"{self.key}" must be an object with a level for each label')
        levels = {}
        for one, level in given.items():
            label = sets.resolve(self.key, task, one)
            if label in levels:
                raise ValueError(f'"{self.key}" has "{label}" twice')
            levels[label] = level
        missing = [label for label in task.label_ids if label not in levels]
        if missing:
            raise ValueError(f'"{self.key}" has no level for: {", ".join(missing)}')
        allowed = Points.of(task)
        scores: list[float | None] = [allowed.read(label, levels[label]) for label in task.label_ids]
        originals = [str(levels[label]) for label in task.label_ids]
        return Answer(labels=task.label_ids, originals=originals, scores=scores)

    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        allowed = Points.of(task)
        return {label: allowed.write(level) for label, level in _levels(answer).items()}

    def rules(self, task: Task) -> list[Rule]:
        due = pl.col("asked").list.n_unique().fill_null(len(task.label_ids))
        missing = Rule(
            "an asked label has no level",
            "labels",
            pl.col("labels").is_not_null() & (pl.col("_entries") < due),
            "fewer levels than labels were asked",
            value=pl.format("{} of {}", "_entries", due),
        )
        none = Rule("a label without a level", "labels.score", pl.col("score").is_null(), "no level", of="entry")
        levels = Points.of(task).rules("labels.score", of_entries=True)
        return [*sets.label_rules(task, task.label_ids), missing, none, *levels]

    def distance(self, task: Task) -> Literal["interval"]:
        return "interval"

    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """The mean of |a - b| / (highest - lowest) over the labels that both were asked."""
        mine, other = _levels(a), _levels(b)
        both = [label for label in mine if label in other]
        if not both:
            raise ValueError("no label was put to both of them")
        return sum(abs(mine[label] - other[label]) for label in both) / len(both) / Points.of(task).width

    def wide(self, task: Task) -> list[WideColumn]:
        return [WideColumn(task.name, SHARES)]

    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        """The level of every label in the taxonomy's order, null where nobody was asked it."""
        found = sets.places(sets.entries(labels, "labels"), task.label_ids, labels).drop_nulls("score")
        levels = sets.filled(found, "score", labels.height, len(task.label_ids), float("nan"))
        return {task.name: sets.lists(levels, labels["labels"].is_not_null())}

    def control(self, task: Task, language: str | None, about: str = OBJECT) -> list[Element]:
        """The levels for each label, as `answer_1`, `answer_2`, ... in the taxonomy's order."""
        assert task.taxonomy is not None
        names = box_names(task.taxonomy, language)
        drawn = [header(word(_QUESTION, language), 5)]
        for place, label in enumerate(task.label_ids, 1):
            drawn.append(header(names[label], 6))
            drawn.append(points(required(language, name=numbered(place), about=about), Points.of(task)))
        return drawn

    def card(self, task: Task) -> list[str]:
        assert task.taxonomy is not None
        order, allowed = ", ".join(map(escape, task.label_ids)), Points.of(task)
        return [
            "",
            f"Levels: {escape(allowed.in_words())}. A label at {number(allowed.low)} was asked; one that is absent was "
            f"not. In `data` the levels stand in this order: {order}.",
            *sets.taxonomy_lines(task.taxonomy),
        ]


def _levels(answer: Answer) -> dict[str, float]:
    labels, scores = answered(answer.labels), answered(answer.scores)
    return {label: score for label, score in zip(labels, scores, strict=True) if score is not None}
