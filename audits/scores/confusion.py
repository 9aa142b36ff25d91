"""What was given where the reference says something else."""

from __future__ import annotations

import numpy as np

from audits.arrays import Codes, Flags, Floats, in_rows


def confusion(given: Flags, reference: Flags, times: Codes) -> Floats:
    """(L + 1, L + 1) counts, row = reference, column = given, "none of these" last; the sum is the number of items.

    `given` and `reference` are patterns (P, L), each of which `times` (P,) items have. One label on each side is the
    plain confusion matrix. With several, an item's count of 1 is split evenly over its pairs: each label on both sides
    with itself; each missed label (reference only) with each extra one (given only); without an extra label the missed
    ones stand against "none", without a missed one the extra ones do.
    """
    shared = given & reference
    missed, extra = reference & ~given, given & ~reference
    misses, adds = in_rows(missed)[:, None], in_rows(extra)[:, None]
    nothing = ~in_rows(given | reference)[:, None]
    # rows, columns: (P, L + 1) what the off-diagonal pairs are made of
    rows = np.concatenate([missed, adds & ~misses], axis=1).astype(np.float64)
    columns = np.concatenate([extra, misses & ~adds], axis=1).astype(np.float64)
    alike = np.concatenate([shared, nothing], axis=1).astype(np.float64)
    pairs = alike.sum(axis=1) + rows.sum(axis=1) * columns.sum(axis=1)
    weight = (times / pairs)[:, None]
    return np.asarray((rows * weight).T @ columns + np.diag((alike * weight).sum(axis=0)))
