"""Which request meets which fault: a function of a seed, the row and how often that row has been asked about.

The server draws from it and the tests compute from it what the best possible client would have had to send.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import count
from typing import Literal

Fault = Literal["429", "500", "cut", "drop"]


def share(*parts: object) -> float:
    """A number in [0, 1) that is the same wherever and whenever it is drawn."""
    drawn = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(drawn[:6], "big") / 2**48


@dataclass(frozen=True)
class Faults:
    """Shares of requests that are refused (429), fail (500), are answered with JSON cut in half, or lose their
    connection; and `garble`, the share of rows that never get a usable answer."""

    seed: int = 0
    p429: float = 0.0
    p500: float = 0.0
    cut: float = 0.0
    drop: float = 0.0
    garble: float = 0.0

    def draw(self, row: str, number: int) -> Fault | None:
        """What befalls the request about `row` with this number (from 0), None for an answer in full."""
        left = share(self.seed, row, number)
        chances: tuple[tuple[Fault, float], ...] = (
            ("429", self.p429),
            ("500", self.p500),
            ("cut", self.cut),
            ("drop", self.drop),
        )
        for fault, chance in chances:
            if left < chance:
                return fault
            left -= chance
        return None

    def garbled(self, row: str) -> bool:
        """Whether answers about `row` are never JSON."""
        return bool(self.garble) and share(self.seed, row, "garbled") < self.garble

    def least(self, row: str) -> int:
        """How many requests about `row` a client cannot do without: up to the first whole answer; for a garbled row
        up to the third unusable one (the ask, one repair, one fresh ask)."""
        unusable = 0
        for number in count():
            fault = self.draw(row, number)
            if not self.garbled(row):
                if fault is None:
                    return number + 1
            elif fault in (None, "cut"):
                unusable += 1
                if unusable == 3:
                    return number + 1
        raise AssertionError("unreachable")
