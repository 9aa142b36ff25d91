"""What a server's log says about the client: how many requests too many, too early, and how steady it was."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.annotators.llm.faults.client import Entry
from tests.annotators.llm.faults.draws import Faults


@dataclass(frozen=True)
class Judged:
    """Requests beyond one a row: `extra` were sent, `least` cannot be avoided. `early` came back before Retry-After.
    `answers` has those of each second (of each quarter, in a run of less than four seconds) while there was work for
    every place in flight."""

    extra: int
    least: int
    early: int
    refused: int
    answers: tuple[int, ...]

    @property
    def waste(self) -> float:
        """The share of extra requests above the least possible."""
        return self.extra / self.least - 1 if self.least else float(self.extra)

    @property
    def steadiness(self) -> float:
        """The slowest second as a share of the median one."""
        return min(self.answers) / statistics.median(self.answers)


def judge(entries: Sequence[Entry], faults: Faults, rows: Sequence[str], retry_after: float) -> Judged:
    """Hold the log of one run about `rows` against the faults that were drawn."""
    by_row: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_row[entry.row].append(entry)
    early = refused = 0
    for asked in by_row.values():
        asked.sort(key=lambda entry: entry.number)
        for before, after in pairwise(asked):
            if before.outcome == "429":
                refused += 1
                early += after.asked - before.answered < retry_after
    begun = min(entry.asked for entry in entries)
    # Until the last row was asked for the first time; after that only those who have to wait are left.
    fresh = max(entry.asked for entry in entries if entry.number == 0)
    width = min(1.0, (fresh - begun) / 4)
    counts = Counter(int((entry.answered - begun) / width) for entry in entries if entry.answered < fresh)
    return Judged(
        extra=len(entries) - len(rows),
        least=sum(faults.least(row) for row in rows) - len(rows),
        early=early,
        refused=refused,
        answers=tuple(counts[place] for place in range(int((fresh - begun) / width))),
    )
