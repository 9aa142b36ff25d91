"""A text: an explanation, a caption, a translation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element

import polars as pl
import pyarrow as pa

from schemas.answer import Answer
from schemas.kinds.base import Kind, Rule, WideColumn, answered, folded
from schemas.kinds.drawing import OBJECT, header, required, word

if TYPE_CHECKING:
    from schemas.answer import Shown
    from schemas.task import Task

_QUESTION = {"en": "Write your answer.", "mr": "तुमचे उत्तर लिहा.", "hi": "अपना उत्तर लिखिए।"}


class Text(Kind):
    """An answer is in `text`."""

    name = "text"
    answered_by = "a text"
    column = "text"
    key = "text"

    def json_schema(self, task: Task) -> dict[str, Any]:
        return {"type": "string"}

    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        if not isinstance(given, str):
            raise ValueError(f'"{self.key}" must be a string')
        return Answer(text=given)

    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        return answered(answer.text)

    def rules(self, task: Task) -> list[Rule]:
        return []

    def distance(self, task: Task) -> Literal["nominal"]:
        return "nominal"

    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """0 for the same text in NFC with runs of blanks as one, else 1."""
        return float(folded(answered(a.text)) != folded(answered(b.text)))

    def wide(self, task: Task) -> list[WideColumn]:
        return [WideColumn(task.name, pa.string())]

    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        return {task.name: labels["text"]}

    def control(self, task: Task, language: str | None, about: str = OBJECT) -> list[Element]:
        area = required(language, about=about) | {"rows": "4", "maxSubmissions": "1", "editable": "true"}
        return [header(word(_QUESTION, language), 5), Element("TextArea", area)]
