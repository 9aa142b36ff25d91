"""How the rooms speak to each other: what a step, an annotator and a progress display are."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import polars as pl

from schemas.tables import ANNOTATIONS, ITEMS, PROVENANCE, REJECTS, empty

if TYPE_CHECKING:
    from schemas.task import Task


def no_moves() -> pl.DataFrame:
    """Nothing moved: a frame of `item_id` and `to` without rows."""
    return pl.DataFrame(schema={"item_id": pl.String, "to": pl.String})


def no_dead_letters() -> pl.DataFrame:
    """A frame of dead letters without rows."""
    return pl.DataFrame(schema=dict.fromkeys(("item_id", "task", "annotator", "reason", "detail", "raw"), pl.String))


@dataclass(frozen=True)
class StepOutput:
    """What a step made of a batch of items.

    `items` (ITEMS) go on; `rejects` (REJECTS) are those left out, each with its reason; `figures` are counts for the
    report, added up over batches; `moved` {item_id, to} says whose annotations now belong to another item, because
    the two are the same text.
    """

    items: pl.DataFrame
    rejects: pl.DataFrame = field(default_factory=lambda: empty(REJECTS))
    figures: Mapping[str, Any] = field(default_factory=dict)
    moved: pl.DataFrame = field(default_factory=no_moves)


class MapStep(Protocol):
    """A step that needs to see one batch at a time."""

    shape: Literal["map"]

    def apply(self, items: pl.DataFrame) -> StepOutput: ...


class TwoPassStep(Protocol):
    """A step that decides over the whole corpus: summarise each batch, decide once, apply to each batch.

    The summaries of all batches, in order, are what `decide` gets; `bytes_per_item` says what that costs in memory.
    """

    shape: Literal["two_pass"]
    bytes_per_item: int

    def summarise(self, items: pl.DataFrame) -> pl.DataFrame: ...

    def decide(self, summary: pl.DataFrame) -> pl.DataFrame: ...

    def apply(self, items: pl.DataFrame, decision: pl.DataFrame) -> StepOutput: ...


Step = MapStep | TwoPassStep


@dataclass(frozen=True)
class AnnotatorOutput:
    """What an annotator made of a batch: `annotations` (ANNOTATIONS), `dead_letters` {item_id, task, annotator,
    reason, detail, raw} for items it could not answer, its `provenance` (PROVENANCE), and `figures`."""

    annotations: pl.DataFrame = field(default_factory=lambda: empty(ANNOTATIONS))
    dead_letters: pl.DataFrame = field(default_factory=no_dead_letters)
    provenance: pl.DataFrame = field(default_factory=lambda: empty(PROVENANCE))
    figures: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Annotator(Protocol):
    """Whoever judges items."""

    name: str
    kind: str

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput: ...


Numbered = tuple[int, pl.DataFrame]  # a batch of items under its number


@runtime_checkable
class BatchAnnotator(Annotator, Protocol):
    """One who works on several batches at a time, so that the slowest row of one holds up no other.

    `batches` gives them from the beginning, as often as it is called; `total` counts their items. The outputs come in
    any order, each with the number of its batch and the batch itself.
    """

    def annotate_all(
        self, batches: Callable[[], Iterator[Numbered]], tasks: Sequence[Task], total: int
    ) -> AsyncGenerator[tuple[int, pl.DataFrame, AnnotatorOutput]]: ...


class Progress(Protocol):
    """A display of how far a node is, handed in by the engine."""

    def __call__(self, done: int, total: int, **figures: Any) -> None: ...


def no_items() -> pl.DataFrame:
    """A frame of items without rows."""
    return empty(ITEMS)
