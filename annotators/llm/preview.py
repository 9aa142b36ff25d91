"""What would be asked about some items, and what was: every request of theirs, and the answers there are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from annotators.llm.packing.pack import is_short, packs
from annotators.llm.packing.questions import PackQuestions
from annotators.llm.questions import Questions, items_of
from annotators.llm.reading import Bad, Good, read_reply
from annotators.llm.rows import Row, unaskable
from annotators.llm.spending.cost import cost_of
from schemas.ids import item_hash

if TYPE_CHECKING:
    import polars as pl

    from annotators.llm.config import LLMConfig
    from annotators.llm.request import Request
    from annotators.llm.responses.answers import Stored
    from annotators.llm.shots.library import Library
    from schemas.task import Task

Look = Callable[[Sequence[bytes]], Mapping[bytes, "Stored"]]


@dataclass(frozen=True)
class Asked:
    """The first request about one item, or about the several that share it; `lacks` says why it would not be sent."""

    items: tuple[str, ...]
    sample: int
    request: Request
    lacks: str | None = None


@dataclass(frozen=True)
class Heard:
    """An answer that is stored: what it was asked for (`first`, `repair`, `again`), what the model said, what that
    comes to for each item, and its tokens as the server counted them."""

    asked: str
    items: tuple[str, ...]
    sample: int
    raw: str
    verdicts: tuple[Good | Bad, ...]
    prompt_tokens: int | None
    completion_tokens: int | None


class Preview:
    """The requests of one annotator about `items` (ITEMS, with `seen` where it is shown others' answers).

    Raises:
        RecipeError: the configuration does not fit the tasks.
        DsbuildError: the bundled model's server, or the model that finds the nearest examples, is not installed.
    """

    def __init__(
        self, config: LLMConfig, tasks: Sequence[Task], items: pl.DataFrame, library: Library | None = None
    ) -> None:
        (self.questions,) = Questions.groups(config, tasks, library)
        asyncio.run(self.questions.prepare(items))
        self._packed = PackQuestions(self.questions)
        hashes = (item_hash(*row) for row in items.select("text", "context", "media").iter_rows())
        self._rows = [
            Row(str(item.item_id), shown, item, sample)
            for item, shown in zip(items_of(items), hashes, strict=True)
            for sample in range(config.samples)
        ]

    def asked(self) -> Iterator[Asked]:
        """What the annotator begins with: one request for each item, or for each pack of items, and each sample."""
        for rows in self._together():
            if len(rows) > 1:
                yield Asked(tuple(row.item_id for row in rows), rows[0].sample, self._packed.ask(rows))
            else:
                (row,) = rows
                why = unaskable(self.questions, row.item)
                lacks = None if why is None else why.detail
                yield Asked((row.item_id,), row.sample, self.questions.ask(row.item, row.sample), lacks)

    def heard(self, look: Look) -> Iterator[Heard]:
        """The answers that are stored, in the order in which they are asked for; `look` finds them by their keys."""
        for rows in self._together():
            alone = rows
            if len(rows) > 1:
                request = self._packed.ask(rows)
                if (stored := look([request.key]).get(request.key)) is None:
                    continue
                verdicts = self._packed.read(stored.body, rows, stored.form)
                yield _heard("first", rows, stored, verdicts)
                alone = [row for row, one in zip(rows, verdicts, strict=True) if not _whole(one)]
            yield from chain.from_iterable(self._of_row(row, look) for row in alone)

    def _together(self) -> Iterator[list[Row]]:
        size = self.questions.config.items_per_prompt
        for places in packs(self._rows, size):
            pack = [self._rows[place] for place in places]
            short = []
            if size > 1:
                short = [row for row in pack if is_short(row) and unaskable(self.questions, row.item) is None]
            if len(short) > 1:
                yield short
            yield from ([row] for row in pack if len(short) < 2 or row not in short)

    def _of_row(self, row: Row, look: Look) -> Iterator[Heard]:
        questions = self.questions
        ask = 0
        while (found := self._one(questions.ask(row.item, row.sample, ask), "first", row, look)) is not None:
            yield found
            if _whole(found.verdicts[0]):
                return
            first = questions.ask(row.item, row.sample, ask)
            repair = self._one(questions.repair(first, *_wrong(found.verdicts[0]), row.item), "repair", row, look)
            if repair is not None:
                yield repair
            for longer in (False, True):
                again = self._one(questions.ask(row.item, row.sample, ask + 1, longer=longer), "again", row, look)
                if again is not None:
                    yield again
            ask += 2

    def _one(self, request: Request, asked: str, row: Row, look: Look) -> Heard | None:
        stored = look([request.key]).get(request.key)
        if stored is None:
            return None
        return _heard(asked, [row], stored, [self.questions.read(stored.body, row.item, row.sample, stored.form)])


def estimated(config: LLMConfig, asked: Sequence[Asked], have: Set[bytes]) -> dict[str, Any]:
    """What is still to be asked, `have` being the keys that are answered: as `annotators.llm.spending.cost.estimate`
    says it, an upper bound for one ask each."""
    cost = cost_of(config)
    wanted = {one.request.key: one.request for one in asked if one.lacks is None}
    left = [request for key, request in wanted.items() if key not in have]
    prompt = sum(request.size() for request in left)
    completion = sum(request.family.answer_tokens for request in left)
    return {
        "calls": len(wanted),
        "cached": len(wanted) - len(left),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "usd": round(cost.usd(prompt, completion), 6),
        "price_known": cost.known,
        "note": cost.note,
    }


def _whole(verdict: Good | Bad) -> bool:
    return isinstance(verdict, Good) and verdict.complete


def _wrong(verdict: Good | Bad) -> tuple[str, str]:
    """What was said and what is wrong with it, as a repair turn shows it."""
    failed = [verdict] if isinstance(verdict, Bad) else [one for one in verdict.answers if isinstance(one, Bad)]
    return failed[0].raw, "; ".join(one.detail for one in failed)


def _heard(asked: str, rows: Sequence[Row], stored: Stored, verdicts: Sequence[Good | Bad]) -> Heard:
    reply = read_reply(stored.body)
    raw = stored.body.decode("utf-8", "replace") if reply is None else reply.content or reply.refusal or ""
    ids = tuple(row.item_id for row in rows)
    tokens = (stored.prompt_tokens, stored.completion_tokens)
    return Heard(asked, ids, rows[0].sample, raw, tuple(verdicts), *tokens)


def parsed(verdict: Good | Bad, tasks: Sequence[Task]) -> dict[str, Any]:
    """A verdict as plain data: {task: its answer's filled fields}, the texts beside them, or `problem`."""
    if isinstance(verdict, Bad):
        return {"problem": f"{verdict.reason}: {verdict.detail}"}
    found: dict[str, Any] = {}
    for task, answer in zip(tasks, verdict.answers, strict=True):
        if isinstance(answer, Bad):
            found[task.name] = {"problem": f"{answer.reason}: {answer.detail}"}
        else:
            found[task.name] = {name: one for name, one in answer.columns().items() if one is not None}
    return found | ({"beside": dict(verdict.extra)} if verdict.extra else {})
