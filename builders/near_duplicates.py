"""Pairs of texts that are nearly the same: every pair, exactly, by a set-similarity join.

The similarity is Jaccard's, |x and y| / |x or y|, over the sets x, y of character 5-grams of two texts in NFC with
single blanks (a text shorter than that is one gram). With the grams of every set ordered from rare to frequent, two
sets of similarity t or more share a gram among the first |x| - ceil(t |x|) + 1 of each (prefix filter), and
|y| >= t |x| (length filter): Bayardo, Ma, Srikant, "Scaling up all pairs similarity search", WWW 2007, section 4; the
bound on what can still be shared from a position on is Xiao et al., "Efficient similarity joins for near duplicate
detection", WWW 2008, lemma 1. The filters lose no pair, and what passes them is counted exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from builders.text import composed

GRAM = 5
# How many candidate pairs are looked at together; bounds memory, changes no result.
_AT_ONCE = 2_000_000
# Bounds are loosened by this much, so that rounding never loses a pair; the final test is exact.
_SLACK = 1e-9

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Sets:
    """Sets of grams: `grams` (total,) int64 are ranks from rare (0) to frequent, ascending within each set; set s has
    grams[start[s] : start[s] + size[s]]."""

    grams: Ints
    start: Ints
    size: Ints


def pairs(items: pl.DataFrame, threshold: float, across: str | None = None) -> pl.DataFrame:
    """All pairs of `items` (`item_id`, `text`) whose similarity is at least `threshold`, in (0, 1].

    With `across`, the name of a column, only pairs in which it differs (null is a value like any other). Items
    without text have no pairs. The answer, {a: String, b: String, similarity: Float64}, has each pair once, a before
    b in the order of `items`, sorted by that order.

    Raises:
        ValueError: the threshold is not in (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"a threshold is over 0 and at most 1, not {threshold}")
    compared = items.with_row_index("_row").filter(pl.col("text").is_not_null())
    compared = compared.with_columns(composed(pl.col("text")).alias("_text"))
    texts = compared.select("_text").unique(maintain_order=True).with_row_index("_set")
    sets = _sets(texts["_text"])
    x, y, similarity = _joined(sets, threshold)
    places = compared.join(texts, on="_text", how="left", maintain_order="left")
    columns = ["_row", "item_id", "_set", *([across] if across is not None else [])]
    places = places.select(columns).with_columns(pl.col("_set").cast(pl.Int64))
    between = (
        pl.DataFrame({"_set": x, "_other": y, "similarity": similarity})
        .join(places, on="_set")
        .join(places, left_on="_other", right_on="_set", suffix="_b")
    )
    # The same text at two places.
    within = places.join(places, on="_set", suffix="_b").filter(pl.col("_row") < pl.col("_row_b"))
    within = within.with_columns(similarity=pl.lit(1.0))
    kept = ["_row", "_row_b", "item_id", "item_id_b", "similarity", *([across, f"{across}_b"] if across else [])]
    found = pl.concat([between.select(kept), within.select(kept)])
    if across is not None:
        found = found.filter(pl.col(across).ne_missing(pl.col(f"{across}_b")))
    backwards = pl.col("_row") > pl.col("_row_b")
    return (
        found.with_columns(
            a=pl.when(backwards).then("item_id_b").otherwise("item_id"),
            b=pl.when(backwards).then("item_id").otherwise("item_id_b"),
            _first=pl.min_horizontal("_row", "_row_b"),
            _second=pl.max_horizontal("_row", "_row_b"),
        )
        .sort("_first", "_second")
        .select("a", "b", "similarity")
    )


def _sets(texts: pl.Series) -> _Sets:
    """The sets of 5-grams of distinct `texts`."""
    n = len(texts)
    lengths = texts.str.len_chars().to_numpy().astype(np.int64)
    points = np.frombuffer("".join(texts.to_list()).encode("utf-32-le"), dtype=np.uint32)
    # A text shorter than a gram is filled up with a code point that no text holds.
    width = np.maximum(lengths, GRAM)
    start = np.concatenate([[0], np.cumsum(width)])[:-1].astype(np.int64)
    filled = np.full(int(width.sum()), 0x110000, dtype=np.int64)
    filled[np.repeat(start, lengths) + _ranges(lengths)] = points
    count = width - GRAM + 1
    first = np.repeat(start, count) + _ranges(count)
    of_set = np.repeat(np.arange(n, dtype=np.int64), count)
    gram = _gram_ids(filled, first)
    once = np.unique(of_set * (int(gram.max(initial=0)) + 1) + gram)
    of_set, gram = np.divmod(once, int(gram.max(initial=0)) + 1)
    # Rare grams get low ranks; ties are broken by the gram itself, so the order is the same everywhere.
    frequency = np.bincount(gram)
    order = np.lexsort((np.arange(len(frequency)), frequency))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    ranked = np.sort(of_set * max(len(order), 1) + rank[gram])
    size = np.bincount(of_set, minlength=n).astype(np.int64)
    return _Sets(
        grams=ranked % max(len(order), 1),
        start=np.concatenate([[0], np.cumsum(size)])[:-1].astype(np.int64),
        size=size,
    )


def _gram_ids(points: Ints, first: Ints) -> Ints:
    """A number from 0 for the five code points from each of `first` on: equal grams, equal numbers, no collisions."""
    there = np.bincount(points, minlength=1) > 0
    kinds = int(there.sum())  # of code points, numbered from 0 without gaps
    small = (np.cumsum(there) - 1)[points]
    ids: Ints = small[first]
    bound = kinds
    for step in range(1, GRAM):
        if bound * kinds > 2**62:  # numbered anew, there are no more numbers than grams
            seen, ids = np.unique(ids, return_inverse=True)
            bound = len(seen)
        ids = ids * kinds + small[first + step]
        bound *= kinds
    return np.unique(ids, return_inverse=True)[1].astype(np.int64)


def _ranges(counts: Ints) -> Ints:
    """0..counts[0]-1, 0..counts[1]-1, ... one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total, dtype=np.int64) - np.repeat(ends - counts, counts)


def _joined(sets: _Sets, threshold: float) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """(x, y, similarity) for every two sets, x before y, at or over the threshold."""
    prefix = sets.size - np.ceil(threshold * sets.size - _SLACK).astype(np.int64) + 1
    prefix = np.minimum(prefix, sets.size)
    of_set = np.repeat(np.arange(len(sets.size), dtype=np.int64), prefix)
    position = _ranges(prefix)
    gram = sets.grams[sets.start[of_set] + position]
    # One list for each gram, in it the sets from small to large.
    order = np.lexsort((of_set, sets.size[of_set], gram))
    of_set, position, gram = of_set[order], position[order], gram[order]
    keys = sets.grams + np.repeat(np.arange(len(sets.size), dtype=np.int64), sets.size) * (
        int(sets.grams.max(initial=0)) + 1
    )
    found: list[tuple[Ints, Ints, NDArray[np.float64]]] = []
    for x, y in _candidates(sets, of_set, position, gram, threshold):
        similarity = _similarity(sets, keys, x, y)
        good = similarity >= threshold
        found.append((x[good], y[good], similarity[good]))
    if not found:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, np.empty(0, dtype=np.float64)
    x, y, similarity = (np.concatenate(column) for column in zip(*found, strict=True))
    low, high = np.minimum(x, y), np.maximum(x, y)
    # A pair that shares two grams of its prefixes was met in two lists.
    _, once = np.unique(low * len(sets.size) + high, return_index=True)
    return low[once], high[once], similarity[once]


def _candidates(sets: _Sets, of_set: Ints, position: Ints, gram: Ints, threshold: float) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of sets that share a gram of their prefixes and can reach the threshold, some of them more than once."""
    if not len(gram):
        return
    size = sets.size[of_set]
    list_start = np.concatenate([[0], np.flatnonzero(gram[1:] != gram[:-1]) + 1]).astype(np.int64)
    begin = np.repeat(list_start, np.diff(np.append(list_start, len(gram))))
    # Within a list sizes ascend, so the partners of an entry before it that are large enough are one stretch.
    stride = int(size.max()) + 1
    smallest = np.ceil(threshold * size - _SLACK).astype(np.int64)
    list_number = np.repeat(np.arange(len(list_start), dtype=np.int64), np.diff(np.append(list_start, len(gram))))
    low = np.searchsorted(list_number * stride + size, list_number * stride + smallest, side="left")
    low = np.maximum(low, begin)
    partners = np.maximum(np.arange(len(gram), dtype=np.int64) - low, 0)
    ends = np.cumsum(partners)
    done = 0
    while done < len(gram):
        base = int(ends[done - 1]) if done else 0
        # At least one entry at a time, else as many as stay under the bound.
        stop = max(done + 1, int(np.searchsorted(ends, base + _AT_ONCE, side="right")))
        here = np.arange(done, stop, dtype=np.int64)
        left = np.repeat(here, partners[here])
        right = low[left] + _ranges(partners[here])
        x, y = of_set[left], of_set[right]
        # Shared grams before this one are counted where they stand; from here on at most this many can be shared.
        can_share = 1 + np.minimum(size[left] - position[left] - 1, size[right] - position[right] - 1)
        can_share += np.minimum(position[left], position[right])
        needed = threshold / (1 + threshold) * (size[left] + size[right]) - _SLACK
        possible = can_share >= needed
        x, y = x[possible], y[possible]
        if len(x):
            n = len(sets.size)
            once = np.unique(np.minimum(x, y) * n + np.maximum(x, y))
            low_set, high_set = np.divmod(once, n)
            yield low_set, high_set
        done = stop


def _similarity(sets: _Sets, keys: Ints, x: Ints, y: Ints) -> NDArray[np.float64]:
    """Jaccard's similarity of each pair. `keys` are all (set, gram), ascending, as one number each."""
    stride = int(sets.grams.max(initial=0)) + 1
    result = np.empty(len(x), dtype=np.float64)
    smaller = np.where(sets.size[x] <= sets.size[y], x, y)
    larger = np.where(sets.size[x] <= sets.size[y], y, x)
    ends = np.cumsum(sets.size[smaller])
    done = 0
    while done < len(x):
        base = int(ends[done - 1]) if done else 0
        stop = max(done + 1, int(np.searchsorted(ends, base + 4 * _AT_ONCE, side="right")))
        size = sets.size[smaller[done:stop]]
        which = np.repeat(np.arange(stop - done, dtype=np.int64), size)
        gram = sets.grams[np.repeat(sets.start[smaller[done:stop]], size) + _ranges(size)]
        wanted = larger[done:stop][which] * stride + gram
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        shared: Any = np.bincount(which[keys[at] == wanted], minlength=stop - done)
        union = size + sets.size[larger[done:stop]] - shared
        result[done:stop] = shared / union
        done = stop
    return result
