"""What every annotator's entry in a recipe has, and what the engine hands to an annotator."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field

from schemas.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from schemas.protocols import Annotator, Progress
    from schemas.task import Task

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


class Spending(Protocol):
    """Money that several annotators share: a cost is reserved before it is caused and replaced when it is known."""

    async def reserve(self, usd: float) -> None:
        """Set `usd` aside; raises DsbuildError where less is left and nothing that is reserved will be given back."""

    def settle(self, reserved: float, actual: float) -> None:
        """Replace a reservation by what it did cost."""

    def count(self, usd: float) -> None:
        """Count what an answer that is used again once cost."""


@dataclass(frozen=True)
class AnnotatorEnv:
    """What an annotator may use: the response store, folders for caches and logs, the folder that relative paths of
    the recipe start from, a display, the shared budget, and whether dead letters are to be asked again."""

    store: Path
    cache: Path
    logs: Path
    directory: Path
    progress: Progress
    budget: Spending | None = None
    retry_failed: bool = False


class AnnotatorConfig(BaseModel):
    """An entry of the recipe's `annotate`: a name, a kind, the tasks it answers (default: all) and the items.

    `not_in_key` names the options that change how fast or from where answers come, never which answers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    not_in_key: ClassVar[frozenset[str]] = frozenset()

    name: str = Field(pattern=NAME)
    kind: str
    tasks: tuple[str, ...] | None = None
    on: Selection = Selection()

    def cannot(self, task: Task) -> str | None:
        """Why an annotator of this kind cannot answer `task`, for whoever wrote the recipe; null where it can."""
        return None

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """What besides the options decides the answers: contents of files named there, versions of models."""
        return {}

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator, with whatever it needs started; all of it is stopped when the context ends."""
        raise TypeError(f"{type(self).__name__} does not say how its annotator is made")

    def estimate(self, env: AnnotatorEnv, tasks: Sequence[Task], items: pl.DataFrame) -> dict[str, Any]:
        """What annotating `items` would take: {calls, cached, prompt_tokens, completion_tokens, usd}; zeros for
        annotators that call nobody."""
        return {"calls": 0, "cached": 0, "prompt_tokens": 0, "completion_tokens": 0, "usd": 0.0}
