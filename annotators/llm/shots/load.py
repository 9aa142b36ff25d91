"""Examples for a prompt: files of texts with their labels, shipped or a user's own."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from schemas.errors import RecipeError
from schemas.task import Shown, Task, Turn


class ShotTurn(BaseModel):
    """A turn before the text of an example, or one of two candidates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    speaker: str | None = None
    text: str


class Shot(BaseModel):
    """An example: a `text` in `language`, in English too where it is not, the turns before it in `context`, and what is
    said about it.

    `labels` answers tasks with labels: a list for the one task whose taxonomy has them, or a list for each task by
    name. `answers` answers any task, by its name, with the JSON object that is asked of the model.
    `extra` holds the texts that a strategy asks for beside the answer, by their names: {reasoning: ...}.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str
    text: str
    english: str | None = None
    context: tuple[ShotTurn, ...] = ()
    labels: list[str] | dict[str, list[str]] = {}
    answers: dict[str, dict[str, Any]] = {}
    extra: dict[str, str] = {}

    @property
    def turns(self) -> list[dict[str, Any]]:
        """The context as prompts show it."""
        return [turn.model_dump() for turn in self.context]

    def answer(self, task: Task) -> dict[str, Any]:
        """The answer to `task`, in the form of its JSON Schema.

        Raises:
            ValueError: the shot has no answer to the task, or one that the task does not allow.
        """
        given = self.answers.get(task.name) or self._labelled(task)
        shown = Shown(None, self.text, tuple(Turn(None, turn.speaker, turn.text) for turn in self.context))
        task.parse(given, shown)
        return given

    def _labelled(self, task: Task) -> dict[str, Any]:
        labels = self.labels if isinstance(self.labels, list) else self.labels.get(task.name)
        if labels is None or task.kind not in ("choice", "multi"):
            raise ValueError(f'the shot has no answer to the task "{task.name}"')
        if task.kind == "choice" and len(labels) > 1:
            raise ValueError(f'the task "{task.name}" takes one label')
        return {"labels": labels} if task.kind == "multi" else {"label": labels[0] if labels else None}


def shipped() -> list[str]:
    """The names of the files of shots that dsbuild ships, sorted."""
    folder = files("annotators.llm") / "shots"
    return sorted(e.name.removesuffix(".yaml") for e in folder.iterdir() if e.name.endswith(".yaml"))


def load_shots(name: str, tasks: Sequence[Task]) -> tuple[Shot, ...]:
    """The shots in the shipped file `name`, or in the file at that path, in the file's order.

    Raises:
        RecipeError: there is no such file, it is no list of shots, or a label is outside its task's taxonomy.
    """
    if name in shipped():
        text = (files("annotators.llm") / "shots" / f"{name}.yaml").read_text(encoding="utf-8")
    elif Path(name).is_file():
        text = Path(name).read_text(encoding="utf-8")
    else:
        raise RecipeError(
            f'There are no shots "{name}".', fix=f"Shipped are {', '.join(shipped())}; a file is given by its path."
        )
    try:
        shots = TypeAdapter(tuple[Shot, ...]).validate_python(tuple(yaml.safe_load(text) or ()))
    except (yaml.YAMLError, ValidationError, TypeError) as error:
        raise RecipeError(
            f"This is not a list of shots: {error}",
            where=name,
            fix="Each has language, text, english and context (optional), and labels or answers.",
        ) from error
    for number, shot in enumerate(shots, 1):
        for task in tasks:
            try:
                shot.answer(task)
            except ValueError as error:
                raise RecipeError(f"Shot {number}: {error}.", where=name) from error
    return shots
