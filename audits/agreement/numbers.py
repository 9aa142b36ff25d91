"""Krippendorff's alpha for numbers (interval metric), from sums that add up over items.

Krippendorff (2011), "Computing Krippendorff's alpha-reliability": with the difference (a - b)^2 the pairs of the values
x of one unit sum to 2 (m sum x^2 - (sum x)^2), so that no table of values is needed. With C the sum over units of that
by m - 1, n the values in all units with m >= 2, and Q = 2 (n sum x^2 - (sum x)^2) over all of them:

    alpha = 1 - Do / De,   Do = C / n,   De = Q / (n (n - 1)).

For several numbers at once (the levels of the labels) Do and De are summed over them, which is the same formula for the
squared Euclidean distance where everybody gave all of them.
"""

from __future__ import annotations

import numpy as np

from audits.arrays import Codes, Floats

SUMS = 4
"""Figures a unit adds for each of its numbers: C, m, sum x, sum x^2."""


def features(unit: Codes, values: Floats, units: int) -> Floats:
    """(units, SUMS) of `values` (M,) given to `unit` (M,); units with fewer than two values are zero.

    Values should be near 0 (the caller subtracts their mean), or their squares lose digits.
    """
    many = np.bincount(unit, minlength=units).astype(np.float64)
    total = np.bincount(unit, weights=values, minlength=units)
    squares = np.bincount(unit, weights=values**2, minlength=units)
    apart = 2 * (many * squares - total**2) / np.maximum(many - 1, 1)
    found = np.stack([np.maximum(apart, 0.0), many, total, squares], axis=1)
    found[many < 2] = 0.0
    return np.asarray(found)


def alpha(totals: Floats) -> Floats:
    """Alpha (..., L) of each number from totals (..., L, SUMS); NaN where undefined."""
    observed, expected = _parts(totals)
    return _ratio(observed, expected)


def joint_alpha(totals: Floats) -> Floats:
    """Alpha (...) of all numbers together from totals (..., L, SUMS); NaN where undefined."""
    observed, expected = _parts(totals)
    return _ratio(observed.sum(axis=-1), expected.sum(axis=-1))


def _parts(totals: Floats) -> tuple[Floats, Floats]:
    """(Do, De), 0 where there are no values."""
    apart, n, total, squares = (totals[..., place] for place in range(SUMS))
    spread = 2 * (n * squares - total**2)
    # Values that are all the same differ from each other by rounding alone.
    spread = np.where(spread <= 1e-12 * np.maximum(n * squares, 1e-300), 0.0, spread)
    return apart / np.maximum(n, 1), spread / np.maximum(n * (n - 1), 1)


def _ratio(observed: Floats, expected: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - observed / expected, np.nan)
