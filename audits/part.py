"""What a vote is about: a closed set of labels, of which one or any number is the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audits.methods import VOTED
from schemas.errors import DsbuildError
from schemas.task import Task


@dataclass(frozen=True)
class Part:
    """A question with labels: a task of a kind in VOTED, or one attribute of a task of several.

    A pairwise comparison is a choice among its two candidates and a tie.
    """

    name: str
    kind: Literal["choice", "multi"]
    label_ids: list[str]
    exclusive: tuple[str, ...] = ()

    @property
    def distance(self) -> Literal["nominal", "masi"]:
        """How far apart two answers are."""
        return "nominal" if self.kind == "choice" else "masi"


def part_of(task: Task | Part) -> Part:
    """`task` as a vote sees it.

    Raises:
        DsbuildError: its answers are not labels of a closed set.
    """
    if isinstance(task, Part):
        return task
    if task.kind not in VOTED:
        raise DsbuildError(
            f"Votes on {task.name} cannot be counted by label: it is a task of the kind {task.kind}.",
            fix=f"This is for tasks of the kinds {', '.join(VOTED)}.",
        )
    return Part(task.name, "multi" if task.kind == "multi" else "choice", task.label_ids, task.exclusive)
