"""Confidence intervals by resampling items.

Items with the same data are interchangeable, so a resample is kept as how often each distinct pattern was drawn; every
figure here is a function of such counts. Intervals: BCa, Efron and Tibshirani (1993), An Introduction to the Bootstrap,
equations 14.9 and 14.10 with the bias correction of 14.14 and the jackknife's acceleration of 14.15.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np

from audits.arrays import Codes, Floats

RESAMPLES = 1000
LEVEL = 0.95
# Weights held at once: 32 MiB.
_CELLS = 4_000_000
# Two replicates nearer than this are the same figure computed in another order.
_SAME = 1e-12


def resamples_of(pattern: Codes, patterns: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each pattern occurs in each bootstrap sample of items, some samples at a time.

    `pattern`: (items,) the pattern of every item. Yields arrays (some resamples, patterns). Every sample has its own
    stream, spawned from `seed`: streams at a constant distance from each other can overlap.
    """
    items = len(pattern)
    # Half the random bits for as long as they do.
    position = np.int32 if items < 2**31 else np.int64
    step = max(1, _CELLS // max(patterns, 1))
    streams = np.random.SeedSequence(seed).spawn(resamples)
    for start in range(0, resamples, step):
        some = streams[start : start + step]
        weights = np.empty((len(some), patterns), dtype=np.float64)
        for row, stream in enumerate(some):
            drawn = np.random.default_rng(stream).integers(0, items, size=items, dtype=position)
            weights[row] = np.bincount(pattern[drawn], minlength=patterns)
        yield weights


def acceleration(jackknife: Floats, times: Codes) -> float:
    """BCa's acceleration from the leave-one-out figures.

    `jackknife`: (patterns,) the figure without one item of a pattern, NaN where that is undefined; `times`: (patterns,)
    how many items have the pattern. Zero where leaving one item out never changes the figure.
    """
    known = np.isfinite(jackknife)
    values, weights = jackknife[known], times[known].astype(np.float64)
    if not weights.sum():
        return 0.0
    away = np.average(values, weights=weights) - values
    spread = float((weights * away**2).sum())
    if spread <= _SAME**2:
        return 0.0
    return float((weights * away**3).sum() / (6 * spread**1.5))


def bca(value: float, replicates: Floats, accelerated: float, level: float) -> tuple[float, float] | None:
    """The BCa interval of `value` at `level`; None where there is none.

    `replicates`: (resamples,) the figure in each bootstrap sample, NaN where it is undefined (left out). Replicates
    equal to `value` count half in the bias correction. Where all lie on one side the correction is infinite, and the
    percentile interval is given.
    """
    known = replicates[np.isfinite(replicates)]
    if not np.isfinite(value) or known.size < 2:
        return None
    normal = NormalDist()
    equal = np.abs(known - value) <= _SAME
    below = float(((known < value) & ~equal).mean() + equal.mean() / 2)
    tails = [(1 - level) / 2, (1 + level) / 2]
    if 0 < below < 1:
        bias = normal.inv_cdf(below)
        shifted = [bias + normal.inv_cdf(tail) for tail in tails]
        if all(1 - accelerated * z > 0 for z in shifted):
            tails = [normal.cdf(bias + z / (1 - accelerated * z)) for z in shifted]
    low, high = np.quantile(known, tails)
    return float(low), float(high)
