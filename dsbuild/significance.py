"""Whether so many against so many could be chance."""

from __future__ import annotations

import numpy as np


def binomial_p(one: int, other: int) -> float:
    """The exact two-sided p-value of `one` against `other` if both were equally likely: McNemar's test of paired
    answers, the sign test of paired numbers; 1 where nothing speaks for either.

    With n = one + other and k = min(one, other): min(1, 2 P(X <= k)) for X binomial with n draws and p = 1/2 (McNemar,
    1947, Psychometrika 12, in its exact form).
    """
    n, k = one + other, min(one, other)
    if n == 0:
        return 1.0
    # log C(n, i) - n log 2 for i = 0..k, by the ratio of neighbours: (n - i + 1) / i.
    i = np.arange(1, k + 1, dtype=np.float64)
    steps = np.log(n - i + 1) - np.log(i)
    logs = np.concatenate([[0.0], np.cumsum(steps)]) - n * np.log(2.0)
    top = logs.max()
    return float(min(1.0, 2.0 * np.exp(top) * np.exp(logs - top).sum()))
