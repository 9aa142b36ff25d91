"""One number in a range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element

import polars as pl
import pyarrow as pa

from schemas.answer import Answer
from schemas.kinds.base import Kind, Rule, WideColumn, answered
from schemas.kinds.drawing import OBJECT, header, points, required, word
from schemas.kinds.points import Points
from schemas.markdown import escape

if TYPE_CHECKING:
    from schemas.answer import Shown
    from schemas.task import Task

_QUESTION = {"en": "Choose a number.", "mr": "एक संख्या निवडा.", "hi": "एक संख्या चुनिए।"}


class Scale(Kind):
    """An answer is in `value`."""

    name = "scale"
    answered_by = "a number on the scale"
    column = "value"
    key = "value"
    takes = frozenset({"range", "step", "levels"})
    needs = frozenset({"range"})

    def check(self, task: Task) -> None:
        Points.of(task).check()

    def json_schema(self, task: Task) -> dict[str, Any]:
        return Points.of(task).schema()

    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        return Answer(value=Points.of(task).read(self.key, given))

    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        return Points.of(task).write(answered(answer.value))

    def rules(self, task: Task) -> list[Rule]:
        return Points.of(task).rules("value")

    def distance(self, task: Task) -> Literal["interval"]:
        return "interval"

    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """|a - b| / (highest - lowest)."""
        return float(abs(answered(a.value) - answered(b.value)) / Points.of(task).width)

    def wide(self, task: Task) -> list[WideColumn]:
        return [WideColumn(task.name, pa.float64())]

    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        return {task.name: labels["value"]}

    def control(self, task: Task, language: str | None, about: str = OBJECT) -> list[Element]:
        return [header(word(_QUESTION, language), 5), points(required(language, about=about), Points.of(task))]

    def card(self, task: Task) -> list[str]:
        return ["", escape(f"Scale: {Points.of(task).in_words()}.")]
