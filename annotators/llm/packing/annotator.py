"""Asking about a pack of rows, and about each row that its answer does not settle by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from annotators.llm.packing.compared import Comparison
from annotators.llm.packing.pack import joint
from annotators.llm.packing.questions import PackQuestions
from annotators.llm.reading import Bad, Good
from annotators.llm.rows import Row, RowAnnotator
from annotators.llm.wire.deadline import deadline
from annotators.llm.wire.transport import RowFailed

if TYPE_CHECKING:
    from annotators.llm.asking import Asker
    from annotators.llm.questions import Questions


class PackAnnotator:
    """What the answers to packs come to; `comparison` lasts over all batches of an annotator.

    `deadline` seconds is the most that a pack may take, all waiting included; then each of its rows has its own.
    """

    def __init__(
        self, questions: Questions, rows: RowAnnotator, asker: Asker, *, deadline: float, comparison: Comparison
    ) -> None:
        self._packed = PackQuestions(questions)
        self._rows = rows
        self._asker = asker
        self._deadline = deadline
        self._comparison = comparison
        self.asked = 0
        self.fallbacks = 0

    async def annotate(self, pack: Sequence[Row]) -> list[Good | Bad]:
        """The answer to each row of `pack` (of one sample), or why there is none, in their order.

        Raises:
            DsbuildError: no row can be answered.
        """
        together = joint(pack, self._rows)
        compared = self._comparison.take(together)
        found: dict[int, Good | Bad] = {}
        if len(together) > 1:
            places = {id(row): place for place, row in enumerate(pack)}
            for row, verdict in zip(together, await self._asked(together), strict=True):
                if isinstance(verdict, Good) and verdict.complete:
                    found[places[id(row)]] = verdict
            self.fallbacks += len(together) - len(found)
        alone = [place for place in range(len(pack)) if place not in found]
        answers = await asyncio.gather(*(self._rows.annotate(pack[place]) for place in alone))
        for place, row in enumerate(pack):
            if place in found and any(row is one for one in compared):
                await self._comparison.compare(row, found[place], self._rows)
        settled = found | dict(zip(alone, answers, strict=True))
        return [settled[place] for place in range(len(pack))]

    async def _asked(self, rows: Sequence[Row]) -> Sequence[Good | Bad]:
        self.asked += 1
        try:
            async with deadline(self._deadline):
                stored = await self._asker.answer(self._packed.ask(rows), " ".join(row.item_id for row in rows))
        except TimeoutError:
            return [Bad("deadline", "the pack was not answered in time", "")] * len(rows)
        except RowFailed as error:
            return [Bad("http", error.detail, "")] * len(rows)
        return self._packed.read(stored.body, rows, stored.form)

    def figures(self) -> dict[str, Any]:
        """`packed`: how many packs there were, how many of their rows needed a prompt of their own, and how far packed
        and single answers agree; `warnings`: sentences for whoever reads the report."""
        compared = self._comparison.figures()
        warning = compared.pop("warning")
        about = {"packs": self.asked, "fallbacks": self.fallbacks, **compared}
        return {"packed": about, "warnings": [] if warning is None else [warning]}
