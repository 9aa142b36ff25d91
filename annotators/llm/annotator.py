"""The LLM as an annotator: items in, annotations and dead letters out, in an order that depends on neither."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from annotators.llm.asking import Asker
from annotators.llm.questions import Questions
from annotators.llm.reading import Bad, Good
from annotators.llm.rows import Row, RowAnnotator
from annotators.llm.spending.cost import cost_of
from annotators.llm.strategies import Item
from schemas.errors import DsbuildError
from schemas.ids import annotation_id, item_hash
from schemas.protocols import AnnotatorOutput, no_dead_letters
from schemas.tables import ANNOTATIONS, PROVENANCE, conform, polars_schema

if TYPE_CHECKING:
    import pyarrow as pa

    from annotators.llm.config import LLMConfig
    from annotators.llm.responses.store import ResponseStore
    from annotators.llm.wire.transport import Transport
    from schemas.config import Spending
    from schemas.protocols import Progress
    from schemas.task import Task

PROGRESS_SECONDS = 0.2
# The text fields that a strategy asks for before the answer become annotations of text tasks of these names.
EXTRA_TASKS = {"english": "translation"}


class LLMAnnotator:
    """An annotator (see schemas.protocols) that asks an LLM; made by `annotators.llm.build`."""

    kind = "llm"

    def __init__(
        self,
        config: LLMConfig,
        store: ResponseStore,
        transport: Transport,
        *,
        progress: Progress | None = None,
        retry_failed: bool = False,
        budget: Spending | None = None,
    ) -> None:
        self.name = config.name
        self.config = config
        self.transport = transport
        self._store = store
        self._progress = progress
        self._retry_failed = retry_failed
        self._budget = budget

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """Annotate `items` (ITEMS), asking in their order; one call answers all tasks that are this annotator's.

        The translation of a chain-of-translation strategy is an annotation of the text task `translation`. Figures
        (`asked`, `answered`, `dead_letters` in rows, `reasons`, and the answers, tokens and USD behind them) are the
        same however often the run was interrupted.

        Raises:
            DsbuildError: no row can be answered (endpoint, key, quota, budget, full disk), or the share of dead
                letters is above `max_failed`. What was answered is in the store.
        """
        groups = Questions.groups(self.config, tasks)
        if not groups:
            return AnnotatorOutput()
        questions = groups[0]
        asker = Asker(
            self._store,
            self.transport,
            cost=cost_of(self.config),
            budget=self._budget,
            model=self.config.model,
            name=self.name,
        )
        one = RowAnnotator(questions, asker, deadline=self.config.deadline_s, retry_failed=self._retry_failed)
        await asker.count_stored(questions.ask(row.item, row.sample) for row in _rows(items, self.config.samples))
        total = items.height * self.config.samples
        found = await self._all(one, _rows(items, self.config.samples), total, asker)
        await self._store.flush()
        return self._output(questions, found, asker)

    async def _all(
        self, one: RowAnnotator, rows: Iterator[Row], total: int, asker: Asker
    ) -> list[tuple[Row, Good | Bad]]:
        found: list[tuple[Row, Good | Bad]] = []
        bad = 0
        loop = asyncio.get_running_loop()
        shown = loop.time()

        def show() -> None:
            if self._progress is not None:
                traffic = self.transport.traffic
                self._progress(
                    len(found),
                    total,
                    sent=traffic.sent,
                    stored=asker.from_store,
                    dead=bad,
                    in_flight=self.transport.pace.in_flight,
                    usd=round(asker.usage.usd, 4),
                )

        async def work() -> None:
            nonlocal bad, shown
            for row in rows:  # shared by all workers: each takes the next
                verdict = await one.annotate(row)
                found.append((row, verdict))
                bad += isinstance(verdict, Bad)
                if loop.time() - shown > PROGRESS_SECONDS:
                    shown = loop.time()
                    show()

        # Twice as many as may be in flight, so that looking into the store never leaves a slot empty.
        workers = [asyncio.create_task(work()) for _ in range(min(2 * self.transport.pace.most, max(1, total)))]
        try:
            await _finish(workers)
        finally:
            show()
        return found

    def _output(self, questions: Questions, found: list[tuple[Row, Good | Bad]], asker: Asker) -> AnnotatorOutput:
        provenance = questions.provenance()
        annotations: list[dict[str, Any]] = []
        letters: list[dict[str, Any]] = []
        reasons: Counter[str] = Counter()
        for row, verdict in found:
            if isinstance(verdict, Good):
                annotations += self._annotations(row, verdict, questions, provenance["provenance"])
            else:
                reasons[verdict.reason] += 1
                letters += [self._letter(row, verdict, task) for task in questions.tasks]
        dead = sum(reasons.values())
        if dead > self.config.max_failed * len(found):
            raise self._too_many(found, reasons)
        figures = {
            "asked": len(found),
            "answered": len(found) - dead,
            "dead_letters": dead,
            "reasons": dict(sorted(reasons.items())),
            "answers": asker.usage.answers,
            "prompt_tokens": asker.usage.prompt_tokens,
            "completion_tokens": asker.usage.completion_tokens,
            "usd": round(asker.usage.usd, 6),
        }
        order = ["item_id", "task"]
        return AnnotatorOutput(
            annotations=_frame(annotations, ANNOTATIONS).sort([*order, "sample"]),
            dead_letters=pl.DataFrame(letters, schema=no_dead_letters().schema).sort([*order, "detail", "raw"]),
            provenance=_frame([provenance], PROVENANCE),
            figures=figures,
        )

    def _annotations(self, row: Row, good: Good, questions: Questions, provenance: str) -> Iterator[dict[str, Any]]:
        shared = {
            "item_id": row.item_id,
            "item_hash": row.item_hash,
            "annotator": self.name,
            "annotator_kind": self.kind,
            "sample": row.sample,
            "round": "first",
            "shown": "text",
            "skipped": False,
            "provenance": provenance,
        }
        for task, answer in zip(questions.tasks, good.answers, strict=True):
            yield {
                **shared,
                "annotation_id": annotation_id(row.item_id, task.name, self.name, row.sample),
                "task": task.name,
                "perspective": task.perspective,
                **answer.columns(),
            }
        for field, text in good.extra.items():
            name = EXTRA_TASKS.get(field, field)
            yield {
                **shared,
                "annotation_id": annotation_id(row.item_id, name, self.name, row.sample),
                "task": name,
                "labels": None,
                "text": text,
            }

    def _letter(self, row: Row, bad: Bad, task: Task) -> dict[str, Any]:
        sample = f" (sample {row.sample})" if self.config.samples > 1 else ""
        return {
            "item_id": row.item_id,
            "task": task.name,
            "annotator": self.name,
            "reason": bad.reason,
            "detail": bad.detail + sample,
            "raw": bad.raw,
        }

    def _too_many(self, found: list[tuple[Row, Good | Bad]], reasons: Counter[str]) -> DsbuildError:
        examples = [(row, verdict) for row, verdict in found if isinstance(verdict, Bad)]
        row, first = min(examples, key=lambda pair: (pair[0].item_id, pair[0].sample))
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        return DsbuildError(
            f'Annotator "{self.name}" has no usable answer to {len(examples)} of {len(found)} rows ({counts}).',
            where=f"item {row.item_id}",
            fix=f"There: {first.detail}; the answer was {json.dumps(first.raw[:120], ensure_ascii=False)}."
            f" max_failed allows a share of {self.config.max_failed:g}.",
        )


async def _finish(workers: Sequence[asyncio.Task[None]]) -> None:
    """Wait for all workers; after the first error stop the others and raise it."""
    try:
        done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        for worker in done:
            worker.result()
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def _rows(items: pl.DataFrame, samples: int) -> Iterator[Row]:
    for item_id, text, context, media in items.select("item_id", "text", "context", "media").iter_rows():
        shown = item_hash(text, context, media)
        item = Item(text or "", context or (), item_id)
        for sample in range(samples):
            yield Row(item_id, shown, item, sample)


def _frame(rows: list[dict[str, Any]], table: pa.Schema) -> pl.DataFrame:
    columns = {name: [row.get(name) for row in rows] for name in table.names}
    return conform(pl.DataFrame(columns, schema=polars_schema(table)), table)
