"""A budget that holds: whatever is in flight, whatever gets lost, whoever shares it, however often a run is killed."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final

from annotators.llm.spending.ledger import PICO, Ledger
from schemas.errors import BudgetSpent

POLL_SECONDS: Final = 0.1  # how often to look whether another process has given something back


@dataclass
class _Waiting:
    amount: int
    future: asyncio.Future[None]


class Budget:
    """Money for the LLM answers of a recipe, in USD, shared by its annotators.

    The most a request can cost is reserved before it is sent and replaced by what it did cost afterwards, so the total
    never passes `usd`. When nothing is in flight any more and what is left does not suffice for the next one, it is
    over: nothing is reserved again, so a run stops with nothing on its way.

    Stored answers count with what they once cost: a run that is resumed, or killed every minute, has one budget, not
    one each time; they are used even when the budget is spent. Whoever waits is served in the order of coming.

    With a `ledger` (a folder) the processes of a run share the budget, and what was paid without an answer to show for
    it is remembered: lost answers, and what was in flight when a process was killed, count in full in later runs too.
    That takes some 3 microseconds more a request.
    """

    def __init__(self, usd: float, ledger: Path | None = None) -> None:
        self.usd = usd
        self._limit = round(usd * PICO)
        self._spent = self._reserved = 0
        self._folder = ledger
        self._ledger: Ledger | None = None
        self._waiting: deque[_Waiting] = deque()
        self._over = False

    def __reduce__(self) -> tuple[type[Budget], tuple[float, Path | None]]:
        return Budget, (self.usd, self._folder)

    @property
    def shared(self) -> bool:
        """Whether other processes can have a part in it."""
        return self._folder is not None

    @property
    def spent(self) -> float:
        """USD that this process has counted: answers used, stored ones included, and lost ones."""
        return self._spent / PICO

    @property
    def reserved(self) -> float:
        """USD set aside by this process for requests in flight."""
        return self._reserved / PICO

    @property
    def total(self) -> float:
        """USD counted by all who share the budget, what was lost in earlier runs included, without reservations."""
        shared = self._shared()
        return (self._spent if shared is None else shared.counted()) / PICO

    async def reserve(self, usd: float) -> None:
        """Set `usd` aside, waiting for requests in flight to cost less than was reserved for them.

        Raises:
            BudgetSpent: nothing is in flight any more and the budget does not suffice.
        """
        amount = ceil(usd * PICO)
        if self._over:
            raise self._refusal(amount)
        if not self._waiting and self._take(amount):
            return
        waiting = _Waiting(amount, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._serve()
        try:
            while True:
                # Only another process can give back without waking us.
                done, _ = await asyncio.wait([waiting.future], timeout=POLL_SECONDS if self._others() else None)
                if done:
                    waiting.future.result()
                    return
                self._serve()
        except asyncio.CancelledError:
            if waiting.future.done() and not waiting.future.cancelled() and waiting.future.exception() is None:
                self._release(amount)
            else:
                waiting.future.cancel()
            self._serve()
            raise

    def settle(self, reserved: float, actual: float) -> None:
        """Replace a reservation by what the request did cost."""
        self._move(ceil(reserved * PICO), round(actual * PICO))
        self._serve()

    def lost(self, reserved: float) -> None:
        """Count a reservation in full, for ever: the answer got lost, and nobody knows whether it is on the bill."""
        amount = ceil(reserved * PICO)
        self._reserved -= amount
        self._spent += amount
        if (shared := self._shared()) is not None:
            shared.lose(amount)
        self._serve()

    def count(self, usd: float) -> None:
        """Count a stored answer."""
        self._move(0, round(usd * PICO))

    def close(self) -> None:
        """End this process's part: what it counted is in the store and will be counted from there; what it lost stays
        in the ledger."""
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    def _take(self, amount: int) -> bool:
        shared = self._shared()
        if shared is not None:
            if not shared.take(amount, self._limit):
                return False
        elif self._spent + self._reserved + amount > self._limit:
            return False
        self._reserved += amount
        return True

    def _release(self, amount: int) -> None:
        self._move(amount, 0)

    def _move(self, reserved: int, spent: int) -> None:
        self._reserved -= reserved
        self._spent += spent
        if (shared := self._shared()) is not None:
            shared.move(reserved, spent)

    def _serve(self) -> None:
        """Give to those who wait, first come first served; refuse when nothing more can come back."""
        while self._waiting:
            first = self._waiting[0]
            if first.future.done():
                self._waiting.popleft()
            elif self._take(first.amount):
                self._waiting.popleft()
                first.future.set_result(None)
            elif self._reserved == 0 and not self._others():
                # The run ends here. Nobody behind is served, though less might do: it would only be cut off on its way.
                self._over = True
                for waiting in self._waiting:
                    if not waiting.future.done():
                        waiting.future.set_exception(self._refusal(waiting.amount))
                self._waiting.clear()
            else:
                return

    def _refusal(self, amount: int) -> BudgetSpent:
        return BudgetSpent(
            f"The budget of {self.usd:.2f} USD does not allow another request: {self.total:.4f} USD are spent and the"
            f" next one may cost up to {amount / PICO:.4f} USD.",
            fix="Raise budget.usd in the recipe and run again; what was answered is not asked again.",
        )

    def _others(self) -> bool:
        """Whether another process holds reservations that it may give back."""
        shared = self._shared()
        return shared is not None and shared.held_by_others() > 0

    def _shared(self) -> Ledger | None:
        if self._folder is None:
            return None
        if self._ledger is None:
            self._ledger = Ledger(self._folder)
        return self._ledger
