"""A memory of keys in 16 bytes each, for corpora that do not fit as Python objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Places = NDArray[np.int64]


class Seen:
    """Keys with the place where each stood, in the order added.

    Kept as a few sorted runs, merged when they come to be of like size (as a log-structured store does), so adding n
    keys in batches costs O(n log n) and looking one up O(log n) for each run.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Keys, Places]] = []

    def look(self, keys: Keys) -> tuple[NDArray[np.int64], Places]:
        """(how often each of `keys` was added before, the place of its first time or -1)."""
        counts = np.zeros(len(keys), dtype=np.int64)
        first = np.full(len(keys), -1, dtype=np.int64)
        for known, places in self._runs:
            low = np.searchsorted(known, keys, side="left")
            here = np.searchsorted(known, keys, side="right") - low
            new = (here > 0) & (counts == 0)
            first[new] = places[low[new]]
            counts += here
        return counts, first

    def add(self, keys: Keys, places: Places) -> None:
        """Remember `keys`, each with its place."""
        if not len(keys):
            return
        order = np.argsort(keys, kind="stable")
        run = (keys[order], places[order])
        while self._runs and len(self._runs[-1][0]) <= 2 * len(run[0]):
            older = self._runs.pop()
            merged = np.concatenate([older[0], run[0]])
            # Stable, older first: the first place of a key stays in front.
            order = np.argsort(merged, kind="stable")
            run = (merged[order], np.concatenate([older[1], run[1]])[order])
        self._runs.append(run)

    def occurrences(self, keys: Keys, places: Places) -> tuple[NDArray[np.int64], Places]:
        """Add `keys` and say for each how often it was there before, this very batch included, and where first."""
        before, first = self.look(keys)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(keys) else order[:0]
        lengths = np.diff(np.append(starts, len(keys)))
        rank = np.empty(len(keys), dtype=np.int64)
        rank[order] = np.arange(len(keys)) - np.repeat(starts, lengths)
        head = np.empty(len(keys), dtype=np.int64)
        head[order] = np.repeat(places[order[starts]], lengths)
        self.add(keys, places)
        return before + rank, np.where(before > 0, first, head)
