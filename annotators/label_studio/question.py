"""What a person was asked: as much of a Task as an answer's meaning hangs on, kept with the answers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Self

from schemas.ids import digest
from schemas.task import Task
from schemas.taxonomy import Label, Taxonomy

# The fields of a Task that say what an answer may be, beside its labels.
_FORM = ("range", "step", "levels", "rate", "where", "most", "ties", "attributes")
# Their labels have a control each, known by its number: with another order `answer_1` would be another label.
_NUMBERED = ("ranking", "intensity")


@dataclass(frozen=True)
class Question:
    """A task as it was put to people. Two questions with one `hash` may share answers; with two, they may not.

    `labels` holds pairs of id and definition, in the taxonomy's order; `instruction` is the one that was shown. `form`
    is what else says which answers there are: a JSON object of the task's range, step, levels, rate, where, most, ties
    and attributes ([name, attribute] in their order), as far as they are set; empty if none is.
    Names of labels in other languages are left out: a better translation does not make old answers stale.
    """

    task: str
    kind: str
    perspective: str
    labels: tuple[tuple[str, str], ...]
    exclusive: tuple[str, ...]
    instruction: str | None
    form: str = ""

    @classmethod
    def of(cls, task: Task, language: str | None = None) -> Self:
        labels = () if task.taxonomy is None else tuple((one.id, one.definition) for one in task.taxonomy.labels)
        return cls(
            task.name, task.kind, task.perspective, labels, task.exclusive, task.instruction(language), _form(task)
        )

    @property
    def label_ids(self) -> list[str]:
        return [id for id, _ in self.labels]

    @property
    def hash(self) -> str:
        # Sorted: the order of the boxes is not the question, but where the controls are known by their number.
        labels = list(self.labels) if self.kind in _NUMBERED else sorted(self.labels)
        content = asdict(self) | {"labels": labels, "exclusive": sorted(self.exclusive)}
        del content["form"]
        # Questions that have no form keep the hash they had before there were others.
        return digest(content if not self.form else content | {"form": self.form})[:16]

    def as_task(self) -> Task:
        """A task that takes the answers to this question: with its labels, but without their names."""
        return _task(self)

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        data: dict[str, Any] = json.loads(text)
        pairs = tuple((id, definition) for id, definition in data.pop("labels"))
        return cls(**data | {"labels": pairs, "exclusive": tuple(data["exclusive"])})


def _form(task: Task) -> str:
    fields = type(task).model_fields
    found: dict[str, Any] = {
        name: value
        for name, value in task.model_dump(mode="json", include=set(_FORM)).items()
        if getattr(task, name) != fields[name].get_default()
    }
    if "where" in found:
        found["where"] = sorted(found["where"])
    if "attributes" in found:
        # A list: their controls are numbered, so their order counts.
        found["attributes"] = [[name, found["attributes"][name]] for name in task.attributes]
    return json.dumps(found, sort_keys=True, ensure_ascii=False) if found else ""


@lru_cache(maxsize=64)
def _task(question: Question) -> Task:
    given: dict[str, Any] = json.loads(question.form) if question.form else {}
    if "attributes" in given:
        given["attributes"] = dict(given["attributes"])
    taxonomy = None
    if question.labels:
        taxonomy = Taxonomy(
            name="asked",
            title="As it was asked",
            source="a session",
            labels=tuple(Label(id=id, definition=text, tone_note="as asked") for id, text in question.labels),
            exclusive=question.exclusive,
        )
    return Task.model_validate(
        {
            "name": question.task,
            "kind": question.kind,
            "perspective": question.perspective,
            "instructions": {} if question.instruction is None else {"en": question.instruction},
            "taxonomy": taxonomy,
            **given,
        }
    )
