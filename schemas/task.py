"""One question asked about an item, declared once; everything that depends on it is derived here.

From a Task come the check of every annotation, the JSON Schema an LLM must answer in, the Label Studio labelling
config, the distance that agreement uses and the section of the dataset card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.config import NAME
from schemas.taxonomy import Taxonomy

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["choice", "multi", "text"]
Perspective = Literal["writer", "reader", "speaker", "observer", "evoked", "intended"]
Distance = Literal["nominal", "masi"]

_DISTANCES: dict[str, Distance] = {"choice": "nominal", "multi": "masi", "text": "nominal"}
_ANSWERED_BY = {
    "choice": "one label, or none of them",
    "multi": "any number of labels, none among them",
    "text": "a text",
}


@dataclass(frozen=True)
class Answer:
    """A checked answer: `labels` are ids in the order given and `originals` the strings they were given as (both
    null for a text task; an empty list says "none of these"); `text` is the answer to a text task."""

    labels: list[str] | None = None
    originals: list[str] | None = None
    text: str | None = None


class Task(BaseModel):
    """A question: its name, kind, taxonomy (for kinds with labels), one perspective, instructions by language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    kind: Kind
    taxonomy: Taxonomy | None = None
    perspective: Perspective
    instructions: dict[str, str] = {}

    @model_validator(mode="after")
    def _labels_fit_the_kind(self) -> Self:
        if self.kind == "text" and self.taxonomy is not None:
            raise ValueError("a text task has no taxonomy")
        if self.kind != "text" and self.taxonomy is None:
            raise ValueError(f"a {self.kind} task needs a taxonomy")
        return self

    @property
    def label_ids(self) -> list[str]:
        """The ids of the labels, in the taxonomy's order; empty for a text task."""
        return [] if self.taxonomy is None else self.taxonomy.ids

    @property
    def exclusive(self) -> tuple[str, ...]:
        """Labels that never stand beside others."""
        return () if self.taxonomy is None else self.taxonomy.exclusive

    @property
    def distance(self) -> Distance:
        """How far apart two answers are, for agreement: nominal, or MASI between sets of labels."""
        return _DISTANCES[self.kind]

    def instruction(self, language: str | None) -> str | None:
        """The instructions in `language`, else in English, else in the first language there is."""
        for wanted in (language, (language or "").partition("-")[0], "en"):
            if wanted and wanted in self.instructions:
                return self.instructions[wanted]
        return next(iter(self.instructions.values()), None)

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of one answer: an object with `label`, `labels` or `text`, and nothing else."""
        answer: dict[str, Any]
        if self.kind == "choice":
            key, answer = "label", {"enum": [*self.label_ids, None]}
        elif self.kind == "multi":
            key, answer = "labels", {"type": "array", "items": {"enum": self.label_ids}, "uniqueItems": True}
        else:
            key, answer = "text", {"type": "string"}
        return {"type": "object", "properties": {key: answer}, "required": [key], "additionalProperties": False}

    def parse(self, answer: Mapping[str, Any]) -> Answer:
        """What an answer in the form of `json_schema` says. Keys that belong to other tasks are not looked at.

        Raises:
            ValueError: the answer breaks the schema; the message says how, for the annotator to repair it.
        """
        key = {"choice": "label", "multi": "labels", "text": "text"}[self.kind]
        if key not in answer:
            raise ValueError(f'the key "{key}" is missing')
        given = answer[key]
        if self.kind == "text":
            if not isinstance(given, str):
                raise ValueError(f'"{key}" must be a string')
            return Answer(text=given)
        if self.kind == "choice":
            given = [] if given is None else [given]
        elif not isinstance(given, list):
            raise ValueError(f'"{key}" must be a list of labels')
        return self._labels(key, given)

    def _labels(self, key: str, given: list[Any]) -> Answer:
        assert self.taxonomy is not None
        found: dict[str, str] = {}
        for one in given:
            label = self.taxonomy.resolve(one) if isinstance(one, str) else None
            if label is None:
                raise ValueError(f'"{key}" holds {one!r}, which is none of: {", ".join(self.label_ids)}')
            found.setdefault(label, one)
        alone = [label for label in found if label in self.exclusive]
        if alone and len(found) > 1:
            raise ValueError(f'"{alone[0]}" cannot stand beside other labels')
        return Answer(labels=list(found), originals=list(found.values()))

    def label_studio_config(self) -> str:
        """The Label Studio labelling config (XML) that asks this task about `$text`."""
        from schemas.label_studio_config import task_config

        return task_config(self)

    def validate_annotations(self, annotations: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Split `annotations` (ANNOTATIONS, all of this task) into those that keep its rules and REJECTS."""
        from schemas.validation import split_by_rules

        return split_by_rules(self, annotations)

    def card_section(self) -> str:
        """The task as a section of a dataset card, in Markdown."""
        from schemas.markdown import escape

        lines = [
            f"### {escape(self.name)}",
            "",
            f"Perspective: {self.perspective}. Every annotation is {_ANSWERED_BY[self.kind]}.",
        ]
        if self.taxonomy is not None:
            lines += ["", f"Taxonomy: {escape(self.taxonomy.title)} ({escape(self.taxonomy.source)}).", ""]
            lines += ["| label | meaning | TONE |", "| --- | --- | --- |"]
            for label in self.taxonomy.labels:
                place = [step for step in self.taxonomy.tone_path(label.id) if step]
                tone = " > ".join(place) if place else f"none: {label.tone_note}"
                lines.append(f"| {escape(label.id)} | {escape(label.definition)} | {escape(tone)} |")
        return "\n".join(lines) + "\n"
