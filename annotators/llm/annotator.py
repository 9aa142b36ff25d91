"""The LLM as an annotator: items in, annotations and dead letters out, in an order that depends on neither."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import polars as pl

from annotators.llm.asking import Asker, Desk
from annotators.llm.collecting import rare_collections
from annotators.llm.columns import Found, annotation_table, dead_letter_table
from annotators.llm.packing import Comparison, PackAnnotator, PackQuestions, joint, packs
from annotators.llm.questions import MORE, Questions, beside
from annotators.llm.reading import Bad
from annotators.llm.rows import Row, RowAnnotator
from annotators.llm.seen import Seen
from annotators.llm.spending.cost import cost_of
from annotators.llm.strategies import Item
from annotators.llm.stream import Batch, Stream
from annotators.llm.verdicts.voting import vote
from schemas.config import nowhere
from schemas.ids import item_hash
from schemas.protocols import AnnotatorOutput
from schemas.tables import PROVENANCE, conform

if TYPE_CHECKING:
    from pathlib import Path

    from annotators.llm.config import LLMConfig
    from annotators.llm.responses.store import ResponseStore
    from annotators.llm.shots.library import Library
    from annotators.llm.wire.transport import Wire
    from schemas.config import Spending
    from schemas.protocols import Numbered, Progress
    from schemas.task import Task

PROGRESS_SECONDS = 0.2


class LLMAnnotator:
    """An annotator (see schemas.protocols) that asks an LLM; made by `annotators.llm.build`."""

    kind = "llm"

    def __init__(
        self,
        config: LLMConfig,
        store: ResponseStore,
        transport: Wire,
        *,
        progress: Progress | None = None,
        retry_failed: bool = False,
        budget: Spending | None = None,
        folder: Callable[[str], Path] = nowhere,
        library: Library | None = None,
    ) -> None:
        self.name = config.name
        self.config = config
        self.transport = transport
        self._store = store
        self._progress = progress
        self._retry_failed = retry_failed
        self._budget = budget
        self._folder = folder
        self._library = library
        self._done = self._dead = 0
        self._shown = 0.0

    def desk(self) -> Desk:
        """Where requests to this annotator's model are answered: from the store, else by its transport."""
        return self._desk(Seen())

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """Annotate `items` (ITEMS), asking in their order; one call answers all tasks that are this annotator's.

        The texts that a strategy asks for beside the answer (a translation, reasons) are annotations of text tasks.
        Figures (`asked`, `answered`, `dead_letters` in rows, `reasons`, and the answers, tokens and USD behind them)
        are the same however often the run was interrupted.

        Raises:
            DsbuildError: no row can be answered (endpoint, key, quota, budget, full disk), or the share of dead
                letters is above `max_failed`. What was answered is in the store.
        """
        result = AnnotatorOutput()
        async with aclosing(self.annotate_all(lambda: iter([(0, items)]), tasks, items.height)) as outputs:
            async for _, _, output in outputs:
                result = output
        self.config.judge(result.figures, lambda: result.dead_letters)
        return result

    async def annotate_all(
        self, batches: Callable[[], Iterator[Numbered]], tasks: Sequence[Task], total: int
    ) -> AsyncGenerator[tuple[int, pl.DataFrame, AnnotatorOutput]]:
        """The same for many batches, several at a time; each comes back with its number as soon as it is finished.

        `batches` gives them from the beginning, as often as it is called; `total` counts their items.
        """
        counted = await self.count_stored(tasks, batches)
        async with aclosing(self.annotate_stream(_one_by_one(batches()), tasks, total, counted)) as outputs:
            async for one in outputs:
                yield one

    async def count_stored(self, tasks: Sequence[Task], batches: Callable[[], Iterator[Numbered]]) -> Seen:
        """Put what the store already has on the budget, before anything new is asked; which answers that were."""
        counted = Seen()
        groups = Questions.groups(self.config, tasks, self._library)
        if groups and self._budget is not None:
            await self._count_stored(groups[0], self._desk(counted), batches())
        return counted

    def _desk(self, counted: Seen) -> Desk:
        return Desk(
            self._store,
            self.transport,
            cost=cost_of(self.config),
            budget=self._budget,
            model=self.config.model,
            name=self.name,
            counted=counted,
        )

    async def annotate_stream(
        self, batches: AsyncIterator[Numbered], tasks: Sequence[Task], total: int, counted: Seen
    ) -> AsyncGenerator[tuple[int, pl.DataFrame, AnnotatorOutput]]:
        """The same for batches that come one by one; `counted` are the answers that are on the budget already."""
        groups = Questions.groups(self.config, tasks, self._library)
        if not groups:
            async for number, items in batches:
                yield number, items, AnnotatorOutput()
            return
        questions = groups[0]
        desk = self._desk(counted)
        total *= self.config.samples
        self._done = self._dead = 0

        def tick(done: int, dead: int) -> None:
            self._done += done
            self._dead += dead
            if self._progress is not None and (now := time.monotonic()) - self._shown > PROGRESS_SECONDS:
                self._shown = now
                self._show(total, desk)

        stream = Stream(
            desk, most=min(self.transport.pace.most, max(1, total)), deadline=self.config.deadline_s, tick=tick
        )
        try:
            with rare_collections():
                async with aclosing(stream.run(self._opened(questions, desk, batches))) as finished:
                    async for batch in finished:
                        await self._store.flush()  # nobody sees an answer that is not stored
                        yield batch.number, batch.items, self._output(questions, batch)
        finally:
            self._show(total, desk)

    async def _opened(self, questions: Questions, desk: Desk, batches: AsyncIterator[Numbered]) -> AsyncIterator[Batch]:
        async for number, items in batches:
            asker = Asker(desk)
            one = RowAnnotator(questions, asker, deadline=self.config.deadline_s, retry_failed=self._retry_failed)
            whole = await asyncio.to_thread(self._attach, items) if self.config.attaches else items
            await questions.prepare(items)
            batch = Batch(number, items, list(_rows(whole, self.config.samples)), one, asker)
            if self.config.items_per_prompt > 1:
                # Batches are in the seeded order, so the head of the first one is a sample of all items.
                compared = Comparison(
                    questions.tasks, wanted=0 if number else self.config.checked_singly, samples=self.config.samples
                )
                many = PackAnnotator(questions, one, asker, deadline=self.config.deadline_s, comparison=compared)
                batch.packs = packs(batch.rows, self.config.items_per_prompt)
                batch.many, batch.more = many.annotate, many.figures
            yield batch

    async def _count_stored(self, questions: Questions, desk: Desk, batches: Iterator[Numbered]) -> None:
        """Put what the store already has on the budget, before anything new is asked.

        Batches are begun in their order, so the first of which nothing is stored ends what earlier runs have done.
        """
        async for batch in self._opened(questions, desk, _one_by_one(batches)):
            wanted = (batch.one.first(row) for row in batch.rows)
            if batch.packs is not None:
                packed = PackQuestions(questions)
                together = (joint([batch.rows[place] for place in pack], batch.one) for pack in batch.packs)
                wanted = (packed.ask(pack) for pack in together if len(pack) > 1)
            if not desk.count_stored([request.key for request in wanted if request is not None]):
                return

    def _attach(self, items: pl.DataFrame) -> pl.DataFrame:
        return self.config.attached(items, self._folder)

    def _show(self, total: int, desk: Desk) -> None:
        if self._progress is not None:
            self._progress(
                self._done,
                total,
                sent=self.transport.traffic.sent,
                stored=desk.from_store,
                dead=self._dead,
                in_flight=self.transport.pace.in_flight,
                usd=round(desk.usd, 4),
            )

    def _output(self, questions: Questions, batch: Batch) -> AnnotatorOutput:
        provenance = questions.provenance()
        found = batch.found()
        more = dict(batch.more())
        if self.config.vote:
            found, more["vote"] = vote(found, questions.tasks, self.config.samples)
        return AnnotatorOutput(
            annotations=annotation_table(found, questions, provenance["provenance"]),
            dead_letters=dead_letter_table(found, questions),
            provenance=conform(pl.DataFrame([provenance]), PROVENANCE),
            figures=_figures(found, votes=self.config.vote) | _rounded(asdict(batch.asker.usage)) | more,
        )


async def _one_by_one(batches: Iterator[Numbered]) -> AsyncIterator[Numbered]:
    for one in batches:
        yield one


def _rows(items: pl.DataFrame, samples: int) -> Iterator[Row]:
    more = [name for name in MORE if name in items.columns]
    columns = ["item_id", "text", "context", "media", "language", *more]
    for item_id, text, context, media, language, *rest in items.select(columns).iter_rows():
        shown = item_hash(text, context, media)
        item = Item(text or "", context or (), item_id, language, **beside(more, rest))
        for sample in range(samples):
            yield Row(item_id, shown, item, sample)


def _figures(found: Found, *, votes: bool) -> dict[str, Any]:
    if votes:  # the samples behind a vote are no answers of their own
        found = [pair for pair in found if pair[0].sample == 0]
    reasons = Counter(verdict.reason for _, verdict in found if isinstance(verdict, Bad))
    dead = reasons.total()
    return {
        "asked": len(found),
        "answered": len(found) - dead,
        "dead_letters": dead,
        "reasons": dict(sorted(reasons.items())),
    }


def _rounded(usage: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in usage.items()}
