"""A set of hashes at eight bytes a hash: what was counted is not counted again, for millions of answers."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

RECENT: Final = 65_536  # hashes that a Python set holds before they are merged into the array


class Seen:
    """Which hashes were added. The first 64 bits stand for a hash: two of a million collide with p = 3e-8."""

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._sorted: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)  # (hashes,) uint64, ascending

    def __len__(self) -> int:
        return len(self._recent) + len(self._sorted)

    def add(self, key: bytes) -> bool:
        """Add a hash of at least 8 bytes; whether it was new."""
        number = int.from_bytes(key[:8], "big")
        if number in self._recent:
            return False
        wanted = np.uint64(number)
        place = int(self._sorted.searchsorted(wanted))
        if place < len(self._sorted) and self._sorted[place] == wanted:
            return False
        self._recent.add(number)
        if len(self._recent) >= RECENT:
            new = np.fromiter(self._recent, dtype=np.uint64, count=len(self._recent))
            self._sorted = np.concatenate([self._sorted, new])
            self._sorted.sort()
            self._recent.clear()
        return True
