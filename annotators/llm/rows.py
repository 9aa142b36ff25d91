"""One row: ask, read, one repair turn, one fresh ask, and then a dead letter; a row fails alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from annotators.llm.media import fault_of
from annotators.llm.reading import Bad, Good
from annotators.llm.strategies import Item
from annotators.llm.wire.deadline import deadline
from annotators.llm.wire.transport import RowFailed
from annotators.media import Unusable

if TYPE_CHECKING:
    from annotators.llm.asking import Asker
    from annotators.llm.questions import Questions
    from annotators.llm.request import Request
    from annotators.llm.responses.answers import Stored


@dataclass(frozen=True)
class Row:
    """An item put to one annotator: its id, the hash of what is shown, what is shown, and which sample it is."""

    item_id: str
    item_hash: str
    item: Item
    sample: int


def unaskable(questions: Questions, item: Item) -> Bad | None:
    """Why `item` is not asked about at all; null where it is."""
    if questions.compares and sorted(item.candidates) != ["a", "b"]:
        return Bad("no_candidates", "its context has no one turn a and one turn b to compare", "")
    if (fault := fault_of(item.media)) is not None:
        return Bad(*fault, "")
    if not item.text.strip() and not questions.compares and not item.media:
        return Bad("no_text", "the item has no text", "")
    if (lacks := questions.prompt.lacks(item)) is not None:
        return Bad("nothing_seen", lacks, "")
    return None


class RowAnnotator:
    """What the answers to a row come to.

    A usable answer ends it. An unusable one gets a repair turn that shows what is wrong (not from a base model, which
    understands no such turn, nor after a refusal), then the question is asked once more as if for the first time. If
    an answer was cut off, that last ask allows twice the tokens: the same room would be filled again. If all fail the
    row is a dead letter, now and in every later run, until `retry_failed` opens another round of the same kind. Every
    ask is a request of its own in the store, so a resumed run goes the same way without asking.

    Of several tasks each fails alone, but only in the end: an answer that lacks one of them is repaired like any
    other. If none is whole, each task has its answer from the one that answers most of them, else from the first that
    answers it, and the others are dead letters.
    """

    def __init__(self, questions: Questions, asker: Asker, *, deadline: float, retry_failed: bool) -> None:
        self._questions = questions
        self._asker = asker
        self._deadline = deadline
        self._retry_failed = retry_failed

    def first(self, row: Row) -> Request | None:
        """The request that a row begins with; null where `annotate` alone knows what to do with it."""
        return None if unaskable(self._questions, row.item) is not None else self._questions.ask(row.item, row.sample)

    def read(self, row: Row, stored: Stored) -> Good | Bad:
        """What an answer to a request about `row` says."""
        return self._questions.read(stored.body, row.item, row.sample, stored.form)

    async def annotate(self, row: Row, spent: float = 0.0, before: Good | Bad | None = None) -> Good | Bad:
        """The answer to `row`, or why there is none; `deadline` seconds at most, all waiting and the `spent` ones
        included.

        A row that fails on the way has the last answer there was as `raw`, and what it did answer is kept; `before` is
        one that was read already.

        Raises:
            DsbuildError: no row can be answered.
        """
        if (unusable := unaskable(self._questions, row.item)) is not None:
            return unusable
        heard: list[Good | Bad] = []
        try:
            async with deadline(self._deadline - spent):
                return await self._rounds(row, heard)
        except TimeoutError:
            end = Bad("deadline", f"no usable answer within {self._deadline:g} s", "")
        except RowFailed as error:
            end = Bad("http", error.detail, "")
        except Unusable as error:
            end = Bad(error.reason, error.detail, "")
        return _together(heard or ([] if before is None else [before]), end)

    async def _rounds(self, row: Row, heard: list[Good | Bad]) -> Good | Bad:
        """`heard` collects every answer, so that what came before a failure is not lost."""
        may_ask = self._retry_failed
        ask = 0
        while True:
            verdict = await self._round(row, ask, heard)
            if isinstance(verdict, Good) and verdict.complete:
                return verdict
            ask += 2
            if not await self._asker.has(self._questions.ask(row.item, row.sample, ask)):
                if not may_ask:
                    return _together(heard, None)
                may_ask = False

    async def _round(self, row: Row, ask: int, heard: list[Good | Bad]) -> Good | Bad:
        first = self._questions.ask(row.item, row.sample, ask)
        verdict = await self._verdict(first, row, heard)
        if isinstance(verdict, Good) and verdict.complete:
            return verdict
        longer = isinstance(verdict, Bad) and verdict.reason == "truncated"
        if self._questions.instructed and not (isinstance(verdict, Bad) and verdict.reason == "refused"):
            wrong = _wrong(verdict)
            repair = self._questions.repair(first, wrong.raw, wrong.detail, row.item)
            repaired = await self._verdict(repair, row, heard)
            if isinstance(repaired, Good) and repaired.complete:
                return repaired
            longer = longer or (isinstance(repaired, Bad) and repaired.reason == "truncated")
        again = self._questions.ask(row.item, row.sample, ask + 1, longer=longer)
        return await self._verdict(again, row, heard)

    async def _verdict(self, request: Request, row: Row, heard: list[Good | Bad]) -> Good | Bad:
        verdict = self.read(row, await self._asker.answer(request, row.item_id))
        heard.append(verdict)
        return verdict


def _wrong(verdict: Good | Bad) -> Bad:
    """What is wrong with an answer that is not whole, in one message."""
    if isinstance(verdict, Bad):
        return verdict
    failed = [answer for answer in verdict.answers if isinstance(answer, Bad)]
    return Bad(failed[0].reason, "; ".join(answer.detail for answer in failed), failed[0].raw)


def _together(heard: list[Good | Bad], end: Bad | None) -> Good | Bad:
    """What several answers, none of them whole, come to; `end` is what stopped the asking before its time."""
    parts = [verdict for verdict in heard if isinstance(verdict, Good)]
    last = heard[-1] if heard else None
    if end is not None:
        last = end if last is None else replace(end, raw=_wrong(last).raw)
    assert last is not None
    if not parts:
        return _wrong(last)
    # max and next take the first of several, so the order of the asks decides and nothing else.
    most = max(parts, key=lambda part: sum(not isinstance(answer, Bad) for answer in part.answers))
    answers, confidence = list(most.answers), list(most.confidence)
    for place, answer in enumerate(answers):
        if not isinstance(answer, Bad):
            continue
        other = next((part for part in parts if not isinstance(part.answers[place], Bad)), None)
        if other is not None:
            answers[place] = other.answers[place]
            if confidence:
                confidence[place] = other.confidence[place] if other.confidence else None
        elif isinstance(last, Bad):
            answers[place] = last
        else:
            answers[place] = last.answers[place]
    whole = not any(isinstance(answer, Bad) for answer in answers)
    return Good(tuple(answers), most.extra, tuple(confidence), complete=whole)
