"""The arrays that audits compute with, and numbering."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


def dense(keys: NDArray[np.int64] | NDArray[np.uint64]) -> tuple[Codes, Codes]:
    """Number the distinct keys in ascending order: (first row of each, number of each row)."""
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    return first.astype(np.int64), number.astype(np.int64)


def in_rows(flags: Flags) -> Flags:
    """(rows,) whether a row of `flags` (rows, columns) holds anything."""
    return np.asarray(flags.any(axis=1))
