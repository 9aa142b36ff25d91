"""What every annotator's entry in a recipe has, and what the engine hands to an annotator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field

from schemas.errors import DsbuildError
from schemas.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from schemas.protocols import Annotator, Progress
    from schemas.task import Task

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
# Of an environment variable. Keys have small letters or dashes, so one that was pasted in its place is refused.
VARIABLE = r"^[A-Z_][A-Z0-9_]*$"


class Spending(Protocol):
    """Money that several annotators share: a cost is reserved before it is caused and replaced when it is known."""

    async def reserve(self, usd: float) -> None:
        """Set `usd` aside; raises DsbuildError where less is left and nothing that is reserved will be given back."""

    def settle(self, reserved: float, actual: float) -> None:
        """Replace a reservation by what it did cost."""

    def lost(self, reserved: float) -> None:
        """Count a reservation in full: what it was for may have been charged, and there is nothing to show for it."""

    def count(self, usd: float) -> None:
        """Count what an answer that is used again once cost."""


def _nobody(name: str) -> pl.DataFrame:
    raise DsbuildError(f"Nobody's annotations can be read here, those of {name!r} neither.")


def nowhere(corpus: str) -> Path:
    """Where the files of a corpus lie, when nothing says it: raises DsbuildError."""
    raise DsbuildError(f"Nothing says where the files of the corpus {corpus!r} lie.")


def _no_items() -> Iterator[pl.DataFrame]:
    raise DsbuildError("There are no items to be read here.")


@dataclass(frozen=True)
class AnnotatorEnv:
    """What an annotator may use: the response store, folders for caches and logs, the folder that relative paths of
    the recipe start from, a display, the shared budget, and whether dead letters are to be asked again.

    `folder(corpus)` is the folder that the paths of a corpus's media start from; raises DsbuildError where there is
    none. `read(name)` gives the annotations (ANNOTATIONS, of every task, by-products too) of one that its
    configuration `reads`; `items()` every item of the dataset (ITEMS), batch by batch in the seeded order, whatever
    its own `on` chooses. Both raise DsbuildError where there is nothing to read: an unknown name, or no run around the
    annotator.
    """

    store: Path
    cache: Path
    logs: Path
    directory: Path
    progress: Progress
    budget: Spending | None = None
    retry_failed: bool = False
    folder: Callable[[str], Path] = nowhere
    read: Callable[[str], pl.DataFrame] = _nobody
    items: Callable[[], Iterator[pl.DataFrame]] = _no_items


class AnnotatorConfig(BaseModel):
    """An entry of the recipe's `annotate`: a name, a kind, the tasks it answers (default: all) and the items.

    `not_in_key` names the options that change how fast or from where answers come, never which answers; `shares` the
    modules beside the annotator's own package whose code decides the answers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    not_in_key: ClassVar[frozenset[str]] = frozenset()
    shares: ClassVar[tuple[str, ...]] = ()

    name: str = Field(pattern=NAME)
    kind: str
    tasks: tuple[str, ...] | None = None
    on: Selection = Selection()

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of annotators or corpora whose annotations it needs: they are there before it begins, and its
        `AnnotatorEnv.read` gives them."""
        return self.shown_answers

    @property
    def shown_answers(self) -> tuple[str, ...]:
        """Those of `reads` whose answers it is shown with each item, in the column `seen` of the items it is handed:
        list<struct{annotator, task, annotation_id, answer, extra}>, see `schemas.given`."""
        return ()

    @property
    def answers_each(self) -> int:
        """How many answers of its own it gives to one task about one item: samples 0 to n - 1 of an annotation. The
        samples behind a vote come after them, and are no answers of their own."""
        return 1

    def expanded(self) -> tuple[Self, ...]:
        """The annotators that this entry of a recipe stands for, each with a name of its own; nearly always itself.
        Where it is several, its own name means all of them wherever a recipe names it."""
        return (self,)

    def priced(self, prices: Path) -> Self:
        """The same with the prices of a user's price file filled in; annotators that cost nothing have none."""
        return self

    def cannot(self, task: Task) -> str | None:
        """Why an annotator of this kind cannot answer `task`, for whoever wrote the recipe; null where it can."""
        return None

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """What besides the options decides the answers: contents of files named there, versions of models."""
        return {}

    def judge(self, figures: Mapping[str, Any], dead_letters: Callable[[], pl.DataFrame]) -> None:
        """Whether so many failures are still bearable: `figures` are its own, summed over the batches so far, and
        `dead_letters` gives those of the last of these.

        Raises:
            DsbuildError: they are not.
        """

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator, with whatever it needs started; all of it is stopped when the context ends."""
        raise TypeError(f"{type(self).__name__} does not say how its annotator is made")

    def estimate(self, env: AnnotatorEnv, tasks: Sequence[Task], items: pl.DataFrame) -> dict[str, Any]:
        """What annotating `items` would take: {calls, cached, prompt_tokens, completion_tokens, usd}; zeros for
        annotators that call nobody."""
        return {"calls": 0, "cached": 0, "prompt_tokens": 0, "completion_tokens": 0, "usd": 0.0}

    def plan(
        self, env: AnnotatorEnv, tasks: Sequence[Task], batches: Callable[[], Iterator[pl.DataFrame]]
    ) -> dict[str, Any]:
        """`items` and what `estimate` says of all the items of `batches` (given from the beginning as often as called);
        an annotator that can say more from what it has measured overrides this."""
        total: dict[str, Any] = {"items": 0, "calls": 0, "cached": 0, "usd": 0.0}
        for batch in batches():
            total["items"] += batch.height
            for name, value in self.estimate(env, tasks, batch).items():
                adds_up = isinstance(value, (int, float)) and not isinstance(value, bool)
                total[name] = total.get(name, 0) + value if adds_up else value
        return total
