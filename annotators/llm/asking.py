"""Asking once: a request is answered from the store if it can be, and its answer goes there before anyone reads it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from annotators.llm.reading import read_reply
from annotators.llm.responses.answers import Arrived, Busy, Looked, Stored
from annotators.llm.responses.store import ResponseStore
from annotators.llm.seen import Seen
from annotators.llm.spending.cost import cached_tokens

if TYPE_CHECKING:
    from annotators.llm.request import Request
    from annotators.llm.spending.cost import Cost
    from annotators.llm.wire.transport import Wire
    from schemas.config import Spending

POLL_SECONDS = 0.1  # how often to look whether another process has its answer


@dataclass
class Usage:
    """Tokens and USD of the answers that were used, stored ones and unusable ones included: the same for a resumed run.

    `usd_at_most` is the full price of the tokens that the server counted, as a budget counts it; `usd` is less where
    the server says that it still had a part of the prompt (`cached_tokens`) and that has a price of its own. Answers
    whose tokens the server did not count (`uncounted`) are in neither.
    """

    answers: int = 0
    uncounted: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    usd: float = 0.0
    usd_at_most: float = 0.0


class Payment:
    """One request's share of the budget: at most `limit` USD each time it is sent."""

    def __init__(self, budget: Spending, limit: float) -> None:
        self._budget = budget
        self._limit = limit

    async def reserve(self) -> None:
        await self._budget.reserve(self._limit)

    def lost(self) -> None:
        # Nobody knows whether an answer that got lost is on the bill, so it is counted in full.
        self._budget.lost(self._limit)

    def refused(self) -> None:
        self._budget.settle(self._limit, 0.0)

    def answered(self, usd: float) -> None:
        self._budget.settle(self._limit, usd)


class Desk:
    """Where all batches of a run have their requests answered; equal requests are asked once.

    `from_store` counts the answers that were there, `usd` is what all answers cost, for the display; `counted` are the
    answers that are on the budget already.
    """

    def __init__(
        self,
        store: ResponseStore,
        transport: Wire,
        *,
        cost: Cost,
        budget: Spending | None,
        model: str,
        name: str,
        counted: Seen | None = None,
    ) -> None:
        self.from_store = 0
        self.usd = 0.0
        self.cost = cost
        self.budget = budget
        self.store = store
        self._transport = transport
        self._model = model
        self._name = name
        self._asking: dict[bytes, asyncio.Future[Stored]] = {}
        self._counted = Seen() if counted is None else counted

    def asking(self, key: bytes) -> asyncio.Future[Stored] | None:
        """The answer to come to a request that this process is asking or about to ask."""
        return self._asking.get(key)

    async def look(self, keys: Sequence[bytes]) -> dict[bytes, Looked]:
        """Of each of `keys` the stored answer, or a claim on asking it, or that another process is at it.

        What is claimed counts as being asked from here on; `ask` has to follow, or `give_up`.
        """
        looked: dict[bytes, Looked] = dict(self.store.read(keys))
        missing = [key for key in keys if key not in looked]
        if missing:
            looked |= await self.store.look_all(missing)
        for key, found in looked.items():
            if isinstance(found, Stored):
                self._found(key, found)
            elif not isinstance(found, Busy):
                self._asking[key] = asyncio.get_running_loop().create_future()
        return looked

    async def answer(self, request: Request, item_id: str) -> Stored:
        """The server's answer to `request`, which is asked about `item_id`.

        Raises:
            RowFailed: the endpoint does not answer this request.
            DsbuildError: it answers none, or the store cannot be used, or the budget is spent.
        """
        while True:
            while (other := self._asking.get(request.key)) is not None:
                await asyncio.wait([other])
                if not other.cancelled():  # else its row ran out of time, which says nothing about this one
                    return other.result()
            # Held before the first wait, so that nobody else begins to look meanwhile.
            held = self._asking[request.key] = asyncio.get_running_loop().create_future()
            try:
                found = (await self.store.look_all([request.key]))[request.key]
            except BaseException:
                self._drop(request.key, held)
                raise
            if isinstance(found, Stored):
                self._found(request.key, found)
                del self._asking[request.key]
                held.set_result(found)
                return found
            if isinstance(found, Busy):
                self._drop(request.key, held)
                await asyncio.sleep(POLL_SECONDS)
                continue
            return await self.ask(request, item_id)

    async def ask(self, request: Request, item_id: str) -> Stored:
        """Send a request that was claimed; raises what `answer` raises."""
        key = request.key
        future = self._asking[key]
        try:
            stored = await self._send(request, item_id)
        except BaseException as error:
            self.store.release(key)
            self._drop(key, future, error if isinstance(error, Exception) else None)
            raise
        del self._asking[key]
        future.set_result(stored)
        return stored

    def count_stored(self, keys: Sequence[bytes]) -> int:
        """Put what the store has of `keys` on the budget; how many that are."""
        found = self.store.read(keys)
        for key, stored in found.items():
            self._pay(key, stored)
        return len(found)

    def usd_of(self, stored: Stored) -> float:
        """The price of an answer, by the tokens that the server counted."""
        return self.cost.usd(stored.prompt_tokens or 0, stored.completion_tokens or 0)

    def _found(self, key: bytes, stored: Stored) -> None:
        self.from_store += 1
        self.usd += self.usd_of(stored)
        self._pay(key, stored)

    def _pay(self, key: bytes, stored: Stored) -> None:
        if self.budget is not None and self._counted.add(key):
            self.budget.count(self.usd_of(stored))

    def _drop(self, key: bytes, future: asyncio.Future[Stored], error: Exception | None = None) -> None:
        del self._asking[key]
        if error is None:
            future.cancel()
        else:
            future.set_exception(error)
            future.exception()  # seen: without a second reader nobody else will look

    async def _send(self, request: Request, item_id: str) -> Stored:
        payment = None
        if self.budget is not None:
            payment = Payment(self.budget, self.cost.usd(request.size(), request.family.answer_tokens))
        form = None

        def body(response_format: str) -> bytes:
            nonlocal form
            form = response_format
            return request.body(response_format)

        asked_at = time.time()
        said, seconds = await self._transport.ask(body, payment, request.key)
        reply = read_reply(said)
        prompt, completion = (None, None) if reply is None else (reply.prompt_tokens, reply.completion_tokens)
        stored = Stored(said, prompt, completion, form)
        usd = self.usd_of(stored)
        self.usd += usd
        if self.budget is not None and payment is not None:
            if prompt is None or completion is None:
                payment.lost()  # what it cost is not in the store, so it is remembered as lost
            else:
                payment.answered(usd)
            self._counted.add(request.key)
        self.store.add(
            Arrived(request.key, said, prompt, completion, self._model, self._name, item_id, asked_at, seconds, form)
        )
        return stored


class Asker:
    """The answers that one batch uses, counted: each once, whoever asked for it."""

    def __init__(self, desk: Desk) -> None:
        self.usage = Usage()
        self._desk = desk
        self._counted: set[bytes] = set()

    async def answer(self, request: Request, item_id: str) -> Stored:
        """The answer to `request`; raises what `Desk.answer` raises."""
        stored = await self._desk.answer(request, item_id)
        self.use(request.key, stored)
        return stored

    async def ask(self, request: Request, item_id: str) -> Stored:
        """The answer to a request that was claimed; raises what `Desk.answer` raises."""
        stored = await self._desk.ask(request, item_id)
        self.use(request.key, stored)
        return stored

    async def has(self, request: Request) -> bool:
        """Whether the store has an answer to `request`."""
        return request.key in await self._desk.store.peek([request.key])

    def use(self, key: bytes, stored: Stored) -> None:
        """Count an answer that is used; once, however often it is."""
        if key in self._counted:
            return
        self._counted.add(key)
        usage = self.usage
        cost, prompt = self._desk.cost, stored.prompt_tokens or 0
        usage.answers += 1
        usage.uncounted += stored.prompt_tokens is None or stored.completion_tokens is None
        usage.prompt_tokens += prompt
        usage.completion_tokens += stored.completion_tokens or 0
        if cost.cached_input is not None:
            usage.cached_tokens += min(prompt, cached_tokens(stored.body))
        usage.usd_at_most = cost.usd(usage.prompt_tokens, usage.completion_tokens)
        usage.usd = cost.usd(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
