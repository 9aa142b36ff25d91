"""Groups of items that must never be parted, and what is connected through them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl


def group_names(items: pl.DataFrame, kinds: Sequence[str] | None = None) -> pl.Series:
    """For each of `items` (ITEMS) the names of its groups of these kinds (None: of any), List(String).

    A name holds the corpus and the kind: two corpora may call different things alike.
    """
    named = items.select(pl.int_range(pl.len()).alias("_row"), "corpus", "groups").explode("groups")
    named = named.drop_nulls("groups").unnest("groups")
    if kinds is not None:
        named = named.filter(pl.col("kind").is_in(list(kinds)))
    names = named.group_by("_row", maintain_order=True).agg(
        pl.concat_str("corpus", "kind", "id", separator="\x1f").alias("groups")
    )
    rows = pl.DataFrame({"_row": pl.int_range(items.height, eager=True)})
    return rows.join(names, on="_row", how="left", maintain_order="left")["groups"]


class Components:
    """Numbers 0..n-1 in components that `join` merges (union by size, path halving)."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))
        self._size = [1] * n

    def find(self, one: int) -> int:
        """The number that stands for the component of `one`."""
        parent = self._parent
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    def join(self, one: int, other: int) -> None:
        """Make one component of those of `one` and `other`."""
        one, other = self.find(one), self.find(other)
        if one == other:
            return
        if self._size[one] < self._size[other]:
            one, other = other, one
        self._parent[other] = one
        self._size[one] += self._size[other]

    def all(self) -> Iterable[list[int]]:
        """Every component, its numbers ascending, in the order of their first numbers."""
        members: dict[int, list[int]] = {}
        for one in range(len(self._parent)):
            members.setdefault(self.find(one), []).append(one)
        return sorted(members.values())
