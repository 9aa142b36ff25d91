"""From a configuration and tasks to requests: everything that is known before anything is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from annotators.llm.local.card import ModelCard, load_card
from annotators.llm.request import Family, Request, canonical, messages_json
from annotators.llm.shots import load_shots
from annotators.llm.strategies import Item, Prompt, prompt_hash, prompt_text
from schemas.errors import RecipeError
from schemas.ids import digest

if TYPE_CHECKING:
    import polars as pl
    from pydantic import JsonValue

    from annotators.llm.config import LLMConfig
    from schemas.task import Task


class Questions:
    """The requests that one annotator asks about items for one set of tasks, and where they come from.

    Raises:
        RecipeError: an unknown model, strategy, task or file of shots, or one that does not fit the tasks.
        DsbuildError: the bundled model's server is not installed.
    """

    def __init__(self, config: LLMConfig, tasks: Sequence[Task]) -> None:
        self.config = config
        self.tasks = tuple(tasks)
        self.card = None if config.local is None else load_card(config.local)
        self.instructed = _instructed(config, self.card)
        shots = () if config.shots is None else load_shots(config.shots, tasks)
        self.prompt = Prompt(
            tasks, strategy=config.strategy, own=config.prompt, shots=shots, instructed=self.instructed
        )
        self.identity: dict[str, JsonValue] = (
            {"base_url": config.endpoint(), "model": config.model} if self.card is None else self.card.identity()
        )
        params = config.params_for(tasks)
        fields = params.body() | ({} if self.card is None else self.card.request)
        model = config.model if self.card is None else self.card.name
        self.family = Family(self.identity, model, fields, self.prompt.schema, answer_tokens=params.answer_tokens)
        self.compares = any(task.kind == "pairwise" for task in tasks)
        self._head_json = messages_json(self.prompt.head)[:-1] + ("," if self.prompt.head else "")

    @classmethod
    def groups(cls, config: LLMConfig, tasks: Sequence[Task]) -> list[Self]:
        """The sets of tasks that are answered in one call each: one set, of the annotator's own tasks."""
        known = {task.name: task for task in tasks}
        missing = [name for name in config.tasks or () if name not in known]
        if missing:
            raise RecipeError(
                f'Annotator "{config.name}" has no task "{missing[0]}".', fix=f"There is: {', '.join(known)}."
            )
        mine = [task for task in tasks if config.tasks is None or task.name in config.tasks]
        return [cls(config, mine)] if mine else []

    def ask(self, item: Item, sample: int, ask: int = 0) -> Request:
        """The request about `item`, for the n-th sample, the n-th time it is asked."""
        # As messages_json of all messages, but what is the same for every item is written once.
        return Request(self.family, f"{self._head_json}{messages_json([self.prompt.user(item)])[1:]}", sample, ask)

    def repair(self, request: Request, raw: str, error: str) -> Request:
        """The request that shows the model its unusable answer and what is wrong with it."""
        messages = messages_json(self.prompt.repair(request.messages, raw, error))
        return Request(self.family, messages, request.sample, request.ask)

    def provenance(self) -> dict[str, Any]:
        """The row of PROVENANCE; its id is a hash of the rest."""
        config = self.config
        row = {
            "annotator": config.name,
            "kind": config.kind,
            "model": config.model,
            "identity": canonical(self.identity),
            "params": canonical(
                {
                    "fields": self.family.fields,
                    "samples": config.samples,
                    "shots": None if config.shots is None else Path(config.shots).name,
                    "tasks": [task.name for task in self.tasks],
                }
            ),
            "prompt": prompt_text(self.prompt),
            "prompt_hash": prompt_hash(self.prompt),
            "strategy": config.strategy if config.prompt is None else config.prompt.name,
            "code": code_version(),
        }
        return {"provenance": digest(row)[:16], **row}


def _instructed(config: LLMConfig, card: ModelCard | None) -> bool:
    if config.instructed is not None:
        return config.instructed
    return True if card is None else card.instructed


def items_of(items: pl.DataFrame) -> Iterator[Item]:
    """What prompts show of the rows of ITEMS, in their order."""
    for item_id, text, context in items.select("item_id", "text", "context").iter_rows():
        yield Item(text or "", context or (), item_id)


@cache
def code_version() -> str:
    """A hash of the sources that turn an item into a question and an answer into annotations."""
    found = hashlib.sha256()
    for package in ("annotators.llm", "annotators.llm.strategies", "annotators.llm.shots", "annotators.llm.local"):
        folder = files(package)
        for name in sorted(entry.name for entry in folder.iterdir() if entry.name.endswith((".py", ".j2"))):
            found.update(f"{package}/{name}\0".encode() + (folder / name).read_bytes() + b"\0")
    return found.hexdigest()[:16]
