"""The items of a corpus by their ids, in 16 bytes each, for labels that lie in other files than the items."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]


class Known:
    """{item id: hash of what is shown of it}."""

    def __init__(self) -> None:
        self._ids: list[Numbers] = []
        self._hashes: list[Numbers] = []

    def add(self, ids: pl.Series, hashes: pl.Series) -> None:
        """Remember items: `ids` and `hashes` are 16 hexadecimal digits each."""
        self._ids.append(numbers(ids))
        self._hashes.append(numbers(hashes))

    def find(self, ids: pl.Series) -> pl.Series:
        """The hashes of the items `ids`, in their order; null where there is no such item."""
        if not self._ids:
            return pl.Series("_hash_", [None] * ids.len(), dtype=pl.String)
        known, hashes = np.concatenate(self._ids), np.concatenate(self._hashes)
        order = np.argsort(known, kind="stable")
        known, hashes = known[order], hashes[order]
        self._ids, self._hashes = [known], [hashes]
        told = ids.drop_nulls().unique()
        wanted = numbers(told)
        place = np.searchsorted(known, wanted)
        there = (place < len(known)) & (known[np.minimum(place, len(known) - 1)] == wanted) if len(known) else place < 0
        texts = [f"{int(hashes[p]):016x}" if ok else None for p, ok in zip(place, there, strict=True)]
        found = pl.DataFrame({"id": told, "_hash_": pl.Series(texts, dtype=pl.String)})
        return ids.rename("id").to_frame().join(found, on="id", how="left", maintain_order="left")["_hash_"]


def numbers(texts: pl.Series) -> Numbers:
    """64 bits for each of `texts`, which are 16 hexadecimal digits."""
    return np.fromiter((int(one, 16) for one in texts.to_list()), dtype=np.uint64, count=texts.len())
