"""What was asked: the tasks, as they were declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.kinds import kind_of
from schemas.task import Task

_PERSPECTIVES = {
    "writer": "what the writer felt",
    "reader": "what a reader perceives",
    "speaker": "what the speaker felt",
    "observer": "what an observer perceives",
    "evoked": "what the item evokes in the one who judges it",
    "intended": "what it was written or acted to express",
}


@dataclass(frozen=True)
class Asked:
    """One task: its labels are pairs of id and definition; instructions pairs of language and text."""

    name: str
    perspective: str
    answer: str
    taxonomy: str
    instructions: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]


def question(tasks: Sequence[Task]) -> tuple[Asked, ...]:
    """The tasks in the recipe's order."""
    return tuple(
        Asked(
            name=task.name,
            perspective=f"{task.perspective} ({_PERSPECTIVES[task.perspective]})",
            answer=kind_of(task).answered_by,
            taxonomy=task.taxonomy.title if task.taxonomy else "",
            instructions=tuple(task.instructions.items()),
            labels=tuple((label.id, label.definition) for label in task.taxonomy.labels) if task.taxonomy else (),
        )
        for task in tasks
    )


def label_order(tasks: Sequence[Task]) -> Mapping[str, list[str]]:
    """The labels of each task in its taxonomy's order."""
    return {task.name: task.label_ids for task in tasks}
