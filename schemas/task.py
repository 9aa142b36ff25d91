"""One question asked about an item, declared once; everything that depends on it is derived here.

From a Task come the check of every annotation, the JSON Schema an LLM must answer in, the Label Studio labelling
config, the distance that agreement uses, the columns of the wide table and the section of the dataset card. What each
of them is for a kind of task stands in one module of `schemas.kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.answer import Answer, Shown, Span, Turn
from schemas.config import NAME
from schemas.taxonomy import Taxonomy

if TYPE_CHECKING:
    import polars as pl

    from schemas import kinds
    from schemas.kinds import WideColumn

__all__ = ["Answer", "Attribute", "Distance", "Kind", "Perspective", "Shown", "Span", "Task", "Turn"]

Kind = Literal[
    "choice",
    "multi",
    "ranking",
    "intensity",
    "scale",
    "span",
    "text",
    "trace",
    "open",
    "pairwise",
    "attributes",
]
Perspective = Literal["writer", "reader", "speaker", "observer", "evoked", "intended"]
Distance = Literal["nominal", "masi", "kendall", "interval", "dice", "jaccard", "ordinal", "gower"]
Where = Literal["own", "other"]


class Attribute(BaseModel):
    """One of the small questions of an attributes task: one of `options`, any number of them, or a number in `range`
    (inclusive; at the points range[0], range[0] + step, ... where there is a `step`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["choice", "multi", "scale"]
    options: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    step: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class Task(BaseModel):
    """A question: its name, its kind, one perspective, instructions by language, and what its kind needs.

    Of the other fields a kind takes those that mean something to it and refuses the rest:

    - `taxonomy`: the labels (choice, multi, ranking, intensity; optional for span);
    - `range`: lowest and highest number (scale, trace, intensity); `step`: only range[0], range[0] + step, ... (scale,
      intensity; null is any number); `levels`: names of these points. Levels without a range count 0, 1, 2, ...;
    - `rate`: the points a second that a trace is meant to have, in Hz;
    - `where`: whether a span lies in the item itself ("own") or in another turn ("other");
    - `most`: at most so many (ranking, open, multi, span);
    - `ties`: whether neither may be preferred (pairwise);
    - `attributes`: the questions of an attributes task by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    kind: Kind
    taxonomy: Taxonomy | None = None
    perspective: Perspective
    instructions: dict[str, str] = {}
    range: tuple[float, float] | None = None
    step: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    levels: tuple[str, ...] = ()
    rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    where: tuple[Where, ...] = Field(default=("own", "other"), min_length=1)
    most: int | None = Field(default=None, ge=1)
    ties: bool = True
    attributes: dict[str, Attribute] = {}

    @model_validator(mode="before")
    @classmethod
    def _levels_are_points(cls, given: Any) -> Any:
        levels = given.get("levels") if isinstance(given, dict) else None
        if not isinstance(levels, list | tuple) or len(levels) < 2 or given.get("kind") not in ("scale", "intensity"):
            return given
        if given.get("range") is None:
            given = {**given, "range": (0, len(levels) - 1), "step": given.get("step") or 1}
        elif given.get("step") is None and isinstance(given["range"], list | tuple) and len(given["range"]) == 2:
            low, high = given["range"]
            if isinstance(low, int | float) and isinstance(high, int | float):
                given = {**given, "step": (high - low) / (len(levels) - 1)}
        return given

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        self._kind.fits(self)
        return self

    @property
    def _kind(self) -> kinds.Kind:
        # The kinds build polars expressions and Arrow types, and `import schemas` is to cost next to nothing.
        from schemas.kinds import kind_of

        return kind_of(self)

    @property
    def label_ids(self) -> list[str]:
        """Every label that an answer may hold, in the taxonomy's order (of a pairwise task a, tie, b; of an attributes
        task NAME:OPTION, and NAME for a number); empty where there are none or any word is one."""
        return self._kind.label_ids(self)

    @property
    def exclusive(self) -> tuple[str, ...]:
        """Labels that never stand beside others."""
        return () if self.taxonomy is None else self.taxonomy.exclusive

    @property
    def distance(self) -> Distance:
        """The name of how far apart two answers are, for agreement; `difference` computes it."""
        return self._kind.distance(self)

    def difference(self, a: Answer, b: Answer) -> float:
        """How far apart two answers are: from 0 (the same) to 1; symmetric.

        Raises:
            ValueError: there is nothing to compare, because the two were not asked the same, or one is no answer.
        """
        return self._kind.difference(self, a, b)

    def instruction(self, language: str | None) -> str | None:
        """The instructions in `language`, else in English, else in the first language there is."""
        for wanted in (language, (language or "").partition("-")[0], "en"):
            if wanted and wanted in self.instructions:
                return self.instructions[wanted]
        return next(iter(self.instructions.values()), None)

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema (draft 2020-12) of one answer: an object with the kind's key, and nothing else."""
        key = self._kind.key
        return {
            "type": "object",
            "properties": {key: self._kind.json_schema(self)},
            "required": [key],
            "additionalProperties": False,
        }

    def parse(self, answer: Mapping[str, Any], shown: Shown | None = None) -> Answer:
        """What an answer in the form of `json_schema` says. Keys that belong to other tasks are not looked at.

        A span's quote is looked up in what was `shown`.

        Raises:
            ValueError: the answer breaks the schema; the message says how, for the annotator to repair it.
        """
        key = self._kind.key
        if key not in answer:
            raise ValueError(f'the key "{key}" is missing')
        return self._kind.parse(self, answer[key], shown)

    def given(self, answer: Answer, shown: Shown | None = None) -> dict[str, Any]:
        """`answer` in the form of `json_schema`: what `parse` reads back as the same answer."""
        return {self._kind.key: self._kind.given(self, answer, shown)}

    def label_studio_config(self) -> str:
        """The Label Studio labelling config (XML) that asks this task about `$text`."""
        from schemas.label_studio_config import task_config

        return task_config(self)

    def validate_annotations(
        self, annotations: pl.DataFrame, items: pl.DataFrame | None = None
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Split `annotations` (ANNOTATIONS, all of this task) into those that keep its rules and REJECTS.

        With `items` (ITEMS) the places of spans are held against the texts too.
        """
        from schemas.validation import split_by_rules

        return split_by_rules(self, annotations, items)

    def wide_columns(self) -> list[WideColumn]:
        """The columns that this task has in the wide table, all of them nullable."""
        return self._kind.wide(self)

    def widen(self, labels: pl.DataFrame) -> pl.DataFrame:
        """`item_id` and the `wide_columns` of `labels` (LABELS of this task, one row an item), in the same order.

        Raises:
            DsbuildError: a label is none of this task's.
        """
        return self._kind.widen(self, labels)

    def card_section(self) -> str:
        """The task as a section of a dataset card, in Markdown."""
        from schemas.markdown import escape

        head = f"Perspective: {self.perspective}. Every annotation is {self._kind.answered_by}."
        return "\n".join([f"### {escape(self.name)}", "", head, *self._kind.card(self)]) + "\n"
