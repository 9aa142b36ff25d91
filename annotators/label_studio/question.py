"""What a person was asked: as much of a Task as an answer's meaning hangs on, kept with the answers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from schemas.ids import digest
from schemas.task import Task


@dataclass(frozen=True)
class Question:
    """A task as it was put to people. Two questions with one `hash` may share answers; with two, they may not.

    `labels` holds pairs of id and definition, in the taxonomy's order; `instruction` is the one that was shown.
    Names of labels in other languages are left out: a better translation does not make old answers stale.
    """

    task: str
    kind: str
    perspective: str
    labels: tuple[tuple[str, str], ...]
    exclusive: tuple[str, ...]
    instruction: str | None

    @classmethod
    def of(cls, task: Task, language: str | None = None) -> Self:
        labels = () if task.taxonomy is None else tuple((one.id, one.definition) for one in task.taxonomy.labels)
        return cls(task.name, task.kind, task.perspective, labels, task.exclusive, task.instruction(language))

    @property
    def label_ids(self) -> list[str]:
        return [id for id, _ in self.labels]

    @property
    def hash(self) -> str:
        # Sorted: the order of the boxes is not the question.
        content = asdict(self) | {"labels": sorted(self.labels), "exclusive": sorted(self.exclusive)}
        return digest(content)[:16]

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        data: dict[str, Any] = json.loads(text)
        pairs = tuple((id, definition) for id, definition in data.pop("labels"))
        return cls(**data | {"labels": pairs, "exclusive": tuple(data["exclusive"])})
