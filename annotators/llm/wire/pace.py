"""How many requests may be in flight, and when: the server's word decides, not a guess."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

CUT: Final = 0.75  # what is left of the limit after a cut
GROWTH: Final = 0.25  # each success adds this much, so a limit that is fully used grows by a quarter a round
WINDOW: Final = 64  # how many recent answers say whether refusals are the rule


class Pace:
    """A limit on requests in flight that follows the server's 429s.

    The first 429 of a cool-down cuts the limit, further ones in the same cool-down do not; successes grow it back in
    proportion. The floor is an eighth of the most that is allowed, and at least 2 (or 1 where only 1 is allowed): a
    gateway that refuses some requests whatever the load cannot strangle the run. Only when most recent answers
    were refusals does everybody wait for the cool-down, otherwise only the row that was refused.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.floor = min(most, max(2, most // 8))
        self.limit = float(most)
        self.in_flight = 0
        self.cuts = 0
        self._cool_until = 0.0
        self._closed_until = 0.0
        self._recent: deque[bool] = deque(maxlen=WINDOW)
        self._queue: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Wait for a place in flight, first come first served; who gets it has to `leave`."""
        loop = asyncio.get_running_loop()
        while True:
            wait = self._closed_until - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            if not self._queue and self.in_flight < int(self.limit):
                self.in_flight += 1
                return
            place: asyncio.Future[None] = loop.create_future()
            self._queue.append(place)
            self._admit()
            try:
                await place  # whoever admits us has counted us in already
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self.in_flight -= 1
                    self._admit()
                raise
            if self._closed_until <= loop.time():
                return
            self.in_flight -= 1

    def leave(self) -> None:
        """Give the place in flight back."""
        self.in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        while self._queue and self.in_flight < int(self.limit):
            place = self._queue.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)

    @property
    def mostly_refused(self) -> bool:
        """Whether refusals are the rule: most of the last answers were, and there are some to judge by."""
        return len(self._recent) >= 4 and sum(self._recent) * 2 < len(self._recent)

    def succeeded(self) -> None:
        """A request was answered."""
        self._recent.append(True)
        if self.limit < self.most:
            self.limit = min(self.most, self.limit + GROWTH)
            self._admit()

    def refused(self, retry_after: float) -> None:
        """A request was refused with 429 and told to come back in `retry_after` seconds."""
        now = asyncio.get_running_loop().time()
        self._recent.append(False)
        if now >= self._cool_until:
            self._cool_until = now + retry_after
            self.limit = max(self.floor, self.limit * CUT)
            self.cuts += 1
        if self.mostly_refused:
            self._closed_until = max(self._closed_until, now + retry_after)
