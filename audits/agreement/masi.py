"""How far apart two sets of labels are.

MASI, Passonneau (2006), "Measuring agreement on set-valued items (MASI) for semantic and pragmatic annotation", LREC:
the distance is 1 - J * M with the Jaccard index J = |A and B| / |A or B| and the monotonicity M = 1 for equal sets,
2/3 where one contains the other, 1/3 where they overlap otherwise, 0 where they are disjoint. It enters alpha as it
is, unsquared. Two empty sets are equal; an empty and a nonempty one are disjoint (J = 0), hence at distance 1.

Variants in use that give other figures: M rounded to .67 and .33, and 1 - J multiplied by 1/3 or 2/3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from audits.arrays import Codes, Flags, Floats

Distance = Callable[[Codes, Codes], Floats]
"""The distance between answers a and b, given as rows of the distinct answers; arrays broadcast."""


def nominal(a: Codes, b: Codes) -> Floats:
    """1 between different answers, 0 between equal ones."""
    return np.asarray(a != b, dtype=np.float64)


def masi(member: Flags) -> Distance:
    """The MASI distance between the rows of `member` (answers, labels)."""
    words = _packed(member)
    size = member.sum(axis=1).astype(np.int64)

    def distance(a: Codes, b: Codes) -> Floats:
        shared = sum(np.bitwise_count(word[a] & word[b]).astype(np.int64) for word in words)
        both = size[a] + size[b] - shared
        jaccard = np.where(both == 0, 1.0, shared / np.maximum(both, 1))
        contained = shared == np.minimum(size[a], size[b])
        monotonicity = np.where(shared == both, 1.0, np.where(contained, 2 / 3, 1 / 3))
        return np.asarray(1 - jaccard * monotonicity, dtype=np.float64)

    return distance


def jaccard(member: Flags) -> Distance:
    """1 - |A and B| / |A or B| between the rows of `member` (answers, labels); two empty sets are equal."""
    words = _packed(member)
    size = member.sum(axis=1).astype(np.int64)

    def distance(a: Codes, b: Codes) -> Floats:
        shared = sum(np.bitwise_count(word[a] & word[b]).astype(np.int64) for word in words)
        both = size[a] + size[b] - shared
        return np.asarray(1 - np.where(both == 0, 1.0, shared / np.maximum(both, 1)), dtype=np.float64)

    return distance


def _packed(member: Flags) -> list[NDArray[np.uint64]]:
    """The rows as bit masks, one array (answers,) for every 64 labels."""
    answers, labels = member.shape
    padded = np.zeros((answers, -(-max(labels, 1) // 64) * 64), dtype=np.bool_)
    padded[:, :labels] = member
    packed = np.packbits(padded, axis=1, bitorder="little").view(np.uint64)
    return [np.ascontiguousarray(packed[:, word]) for word in range(packed.shape[1])]
