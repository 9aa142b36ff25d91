"""Asking once: a request is answered from the store if it can be, and its answer goes there before anyone reads it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from annotators.llm.reading import read_reply
from annotators.llm.responses.store import Arrived, Busy, ResponseStore, Stored

if TYPE_CHECKING:
    from annotators.llm.request import Request
    from annotators.llm.spending.cost import Cost
    from annotators.llm.wire.transport import Transport
    from schemas.config import Spending

POLL_SECONDS = 0.1  # how often to look whether another process has its answer


def batched(keys: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """Lists of at most `size` of the keys, in order."""
    rest = iter(keys)
    while some := list(islice(rest, size)):
        yield some


@dataclass
class Usage:
    """Tokens and USD of the answers that were used, stored ones included: the same for a resumed run."""

    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0


class Payment:
    """One request's share of the budget: at most `limit` USD each time it is sent."""

    def __init__(self, budget: Spending, limit: float) -> None:
        self._budget = budget
        self._limit = limit

    async def reserve(self) -> None:
        await self._budget.reserve(self._limit)

    def lost(self) -> None:
        # Nobody knows whether an answer that got lost is on the bill, so it is counted in full.
        self._budget.settle(self._limit, self._limit)

    def refused(self) -> None:
        self._budget.settle(self._limit, 0.0)

    def answered(self, usd: float) -> None:
        self._budget.settle(self._limit, usd)


class Asker:
    """Answers to requests, from the store or from the endpoint; equal requests are asked once."""

    def __init__(
        self, store: ResponseStore, transport: Transport, *, cost: Cost, budget: Spending | None, model: str, name: str
    ) -> None:
        self.usage = Usage()
        self.from_store = 0
        self._store = store
        self._transport = transport
        self._cost = cost
        self._budget = budget
        self._model = model
        self._name = name
        self._asking: dict[bytes, asyncio.Future[Stored]] = {}
        self._counted: set[bytes] = set()

    async def answer(self, request: Request, item_id: str) -> bytes:
        """The body of the server's answer to `request`, which is asked about `item_id`.

        Raises:
            RowFailed: the endpoint does not answer this request.
            DsbuildError: it answers none, or the store cannot be used, or the budget is spent.
        """
        key = request.key
        while (other := self._asking.get(key)) is not None:
            await asyncio.wait([other])
            if not other.cancelled():  # else its row ran out of time, which says nothing about this one
                return other.result().body
        future: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._asking[key] = future
        try:
            stored = await self._find_or_ask(request, item_id)
            future.set_result(stored)
            return stored.body
        except BaseException as error:
            if isinstance(error, Exception):
                future.set_exception(error)
                future.exception()  # seen: without a second reader nobody else will look
            else:
                future.cancel()
            raise
        finally:
            del self._asking[key]

    async def count_stored(self, requests: Iterable[Request]) -> None:
        """Put what the store already has of `requests` on the budget, before anything new is asked."""
        if self._budget is None:
            return
        for some in batched((request.key for request in requests), 500):
            for key, stored in (await self._store.peek(some)).items():
                self._budget.count(self._count(key, stored))

    async def has(self, request: Request) -> bool:
        """Whether the store has an answer to `request`."""
        return request.key in await self._store.peek([request.key])

    async def _find_or_ask(self, request: Request, item_id: str) -> Stored:
        while isinstance(found := await self._store.look(request.key), Busy):
            await asyncio.sleep(POLL_SECONDS)
        if isinstance(found, Stored):
            self.from_store += 1
            usd = self._count(request.key, found)
            if self._budget is not None:
                self._budget.count(usd)
            return found
        try:
            return await self._ask(request, item_id)
        except BaseException:
            self._store.release(request.key)
            raise

    async def _ask(self, request: Request, item_id: str) -> Stored:
        payment, limit = None, 0.0
        if self._budget is not None:
            limit = self._cost.usd(request.size(), request.family.answer_tokens)
            payment = Payment(self._budget, limit)
        asked_at = time.time()
        body, seconds = await self._transport.ask(request.body, payment)
        reply = read_reply(body)
        stored = Stored(
            body,
            None if reply is None else reply.prompt_tokens,
            None if reply is None else reply.completion_tokens,
        )
        usd = self._count(request.key, stored)
        if payment is not None:
            payment.answered(usd if stored.prompt_tokens is not None else limit)
        self._store.add(
            Arrived(
                request.key,
                body,
                stored.prompt_tokens,
                stored.completion_tokens,
                self._model,
                self._name,
                item_id,
                asked_at,
                seconds,
            )
        )
        return stored

    def _count(self, key: bytes, stored: Stored) -> float:
        """Add an answer to the usage, once; its price in USD."""
        if key in self._counted:
            return 0.0
        self._counted.add(key)
        prompt, completion = stored.prompt_tokens or 0, stored.completion_tokens or 0
        usd = self._cost.usd(prompt, completion)
        self.usage.answers += 1
        self.usage.prompt_tokens += prompt
        self.usage.completion_tokens += completion
        self.usage.usd += usd
        return usd
