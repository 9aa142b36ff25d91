"""One row: ask, read, one repair turn, one fresh ask, and then a dead letter; a row fails alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from annotators.llm.reading import Bad, Good, read_answer
from annotators.llm.strategies import Item
from annotators.llm.wire.transport import RowFailed

if TYPE_CHECKING:
    from annotators.llm.asking import Asker
    from annotators.llm.questions import Questions
    from annotators.llm.request import Request


@dataclass(frozen=True)
class Row:
    """An item put to one annotator: its id, the hash of what is shown, what is shown, and which sample it is."""

    item_id: str
    item_hash: str
    item: Item
    sample: int


class RowAnnotator:
    """What the answers to a row come to.

    A usable answer ends it. An unusable one gets a repair turn that shows what is wrong (not from a base model, which
    understands no such turn, nor after a refusal), then the question is asked once more as if for the first time.
    If that fails too the row is a dead letter, now and in every later run, until `retry_failed` opens another round
    of the same kind. Every ask is a request of its own in the store, so a resumed run goes the same way without asking.
    """

    def __init__(self, questions: Questions, asker: Asker, *, deadline: float, retry_failed: bool) -> None:
        self._questions = questions
        self._asker = asker
        self._deadline = deadline
        self._retry_failed = retry_failed

    async def annotate(self, row: Row) -> Good | Bad:
        """The answer to `row`, or why there is none; `deadline` seconds at most, all waiting included.

        Raises:
            DsbuildError: no row can be answered.
        """
        if self._questions.compares and sorted(row.item.candidates) != ["a", "b"]:
            return Bad("invalid", "its context has no one turn a and one turn b to compare", "")
        if not row.item.text.strip() and not self._questions.compares:
            return Bad("invalid", "the item has no text", "")
        try:
            async with asyncio.timeout(self._deadline):
                return await self._rounds(row)
        except TimeoutError:
            return Bad("deadline", f"no usable answer within {self._deadline:g} s", "")
        except RowFailed as error:
            return Bad("http", error.detail, "")

    async def _rounds(self, row: Row) -> Good | Bad:
        may_ask = self._retry_failed
        ask = 0
        while True:
            verdict = await self._round(row, ask)
            if isinstance(verdict, Good):
                return verdict
            ask += 2
            if not await self._asker.has(self._questions.ask(row.item, row.sample, ask)):
                if not may_ask:
                    return verdict
                may_ask = False

    async def _round(self, row: Row, ask: int) -> Good | Bad:
        first = self._questions.ask(row.item, row.sample, ask)
        verdict = await self._verdict(first, row)
        if isinstance(verdict, Good):
            return verdict
        if self._questions.instructed and verdict.reason != "refused":
            repair = self._questions.repair(first, verdict.raw, verdict.detail)
            repaired = await self._verdict(repair, row)
            if isinstance(repaired, Good):
                return repaired
        return await self._verdict(self._questions.ask(row.item, row.sample, ask + 1), row)

    async def _verdict(self, request: Request, row: Row) -> Good | Bad:
        body = await self._asker.answer(request, row.item_id)
        return read_answer(body, self._questions.tasks, self._questions.prompt.extra, row.item.shown)
