"""Where a run finds examples: files, the corpora of the recipe, and a folder for vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from annotators.llm.shots.choice import Shots
from annotators.llm.shots.choosing import Chooser
from annotators.llm.shots.nearest import Embedder
from annotators.llm.shots.pool import Pool, pool_of
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    import polars as pl

    from schemas.config import AnnotatorEnv
    from schemas.task import Task

CACHE = "embeddings.sqlite"


@dataclass(frozen=True)
class Library:
    """`read` (name to ANNOTATIONS) and `items` (batches of ITEMS) as in AnnotatorEnv; null outside of a run, where no
    corpus can be read. `cache` is a folder for vectors. A pool is read once."""

    read: Callable[[str], pl.DataFrame] | None = None
    items: Callable[[], Iterator[pl.DataFrame]] | None = None
    cache: Path | None = None
    _pools: dict[tuple[str, ...], Pool] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, env: AnnotatorEnv) -> Library:
        """What the engine offers."""
        return cls(env.read, env.items, env.cache)

    def portable(self) -> Library:
        """The same for another process: with the pools that were read, and nothing to read more from."""
        return Library(None if self.read is None else _read_before, None, self.cache, self._pools)

    def has(self, shots: str | Shots) -> bool:
        """Whether the examples can be read here."""
        return isinstance(shots, str) or shots.corpus is None or self.read is not None

    def chooser(self, shots: str | Shots, tasks: Sequence[Task]) -> Chooser:
        """What picks the examples that `shots` names.

        Raises:
            RecipeError: there are none, or one does not answer the tasks.
        """
        key = (str(shots), *(task.name for task in tasks))
        if key not in self._pools:
            self._pools[key] = pool_of(shots, tasks, self.read, self.items)
        embedder = None
        if isinstance(shots, Shots) and shots.pick == "nearest":
            embedder = Embedder(shots, None if self.cache is None else self.cache / CACHE)
        return Chooser(shots, self._pools[key], tasks, embedder)


def _read_before(name: str) -> pl.DataFrame:
    raise DsbuildError(f"The examples of {name} were not read before the work was shared out.")
