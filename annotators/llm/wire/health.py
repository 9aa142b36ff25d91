"""The circuit breaker: when failures are the server's and not a row's, and when to stop for them."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

WINDOW: Final = 64  # rows that ended last, answered or not
NEARLY_ALL: Final = 61  # of them
AT_FIRST: Final = 16  # rows that fail before any is answered


class Health:
    """Which of the last rows were answered, and since when nobody is.

    It trips when the first 16 rows fail, or when 61 of the last 64 fail for the same reason. A share of bad rows in a
    healthy run does not trip it: with half of all rows failing, 61 of 64 do by chance once in 4 * 10^14 rows.
    """

    def __init__(self) -> None:
        self.answered = 0
        self.failing_since: float | None = None
        self.in_trouble = 0  # rows that are being sent again
        self._last: deque[str] = deque(maxlen=WINDOW)
        self._reasons: Counter[str] = Counter()

    def succeeded(self) -> None:
        """A row was answered."""
        self.answered += 1
        self.failing_since = None
        self._add("")

    def stumbled(self, now: float) -> float:
        """A request failed and its row will try again; for how many seconds nobody has been answered."""
        if self.failing_since is None:
            self.failing_since = now
        return now - self.failing_since

    def failed(self, reason: str) -> int:
        """A row failed for good; of how many last rows nearly all did so, 0 while that is not so."""
        self._add(reason)
        if self._reasons[reason] >= NEARLY_ALL:
            return WINDOW
        failures = len(self._last) - self._reasons[""]
        return failures if self.answered == 0 and failures >= AT_FIRST else 0

    def _add(self, reason: str) -> None:
        if len(self._last) == WINDOW:
            self._reasons[self._last[0]] -= 1
        self._last.append(reason)
        self._reasons[reason] += 1
