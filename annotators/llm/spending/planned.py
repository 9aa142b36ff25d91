"""What annotating is likely to take, from what is stored: arrays in, totals with intervals out.

The items come in a seeded order, so those that have been asked are a simple random sample of all of them. n items were
asked and R are left, N = n + R. A total over what is left is estimated by R times the mean of the sample, prompt tokens
and USD by a linear regression on what is known of every item, the size of its prompt. What is uncertain about it is

    t s sqrt(R N / n),

s the standard deviation in the sample, or of what the regression leaves over, and t Student's quantile for n - 1 (or
n - 2) degrees of freedom: the variance of an expansion (or regression) estimator with the finite population correction
(Cochran 1977, Sampling Techniques, 3rd ed., equations 2.20 and 7.29). Shares have Wilson's interval, with n R / N in
place of n for the same reason: what is left is a sample, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from annotators.llm.spending.intervals import LEVEL, student, wilson_share

Floats = NDArray[np.float64]
FEWEST: Final = 5  # items below which a sample says too little for an interval

METHOD: Final = (
    "from {n:,} items that have been asked: means with a 95% normal interval for a finite population (prompt tokens and"
    " USD by regression on the size of the prompts), dead letters with Wilson's; hours from the seconds an answer took"
    " and how many were in flight then, at {most:,} in flight"
)


@dataclass(frozen=True)
class Sampled:
    """What was measured of each of n items: (n,) arrays. `size` is the size of its prompt in bytes, the others are sums
    over all that was asked about it: `calls`, `prompt` and `completion` tokens, `usd`, `seconds`; `dead` (rows) that
    came to nothing. `begun` and `took` (answers,) are when each answer was asked for and how long it took, in seconds.
    """

    size: Floats
    calls: Floats
    prompt: Floats
    completion: Floats
    usd: Floats
    seconds: Floats
    dead: Floats
    begun: Floats
    took: Floats


@dataclass(frozen=True)
class Left:
    """What is left: how many `items`, of `rows` rows each (samples), the bytes of all their prompts, how many requests
    may be in flight, and the limits a minute (null: none is known)."""

    items: int
    rows: int
    size: float
    most: int
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


def forecast(sampled: Sampled, left: Left) -> dict[str, Any]:
    """What `left` is likely to take.

    Returns:
        items (left), from (items asked), in_flight (on average while they were), calls, prompt_tokens,
        completion_tokens, usd, hours, dead_letters (rows), each {value, low, high}, and method. `low` of the hours is
        with as many in flight as allowed and answers as quick as they were; `high` where more in flight would not be
        answered any faster.
    """
    n, r = len(sampled.size), left.items
    prompt, usd = (_by_size(values, sampled.size, left) for values in (sampled.prompt, sampled.usd))
    calls, completion = _total(sampled.calls, r), _total(sampled.completion, r)
    in_flight = overlap(sampled.begun, sampled.took)
    hours = _hours(sampled, left, in_flight, calls, prompt, completion)
    return {
        "items": r,
        "from": n,
        "in_flight": round(in_flight, 2),
        "calls": _rounded(calls, 1),
        "prompt_tokens": _rounded(prompt, 1),
        "completion_tokens": _rounded(completion, 1),
        "usd": _rounded(usd, 6),
        "hours": _rounded(hours, 6),
        "dead_letters": _rounded(_dead(sampled.dead, n, left), 1),
        "method": METHOD.format(n=n, most=left.most),
    }


def _rounded(figures: dict[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in figures.items()}


def _total(values: Floats, r: int) -> dict[str, float]:
    return _interval(r * float(values.mean()), values - values.mean(), len(values) - 1, r)


def _by_size(values: Floats, size: Floats, left: Left) -> dict[str, float]:
    away = size - size.mean()
    if not left.items or (away**2).sum() < 1e-9 * size.sum():
        return _total(values, left.items)
    slope = float((away * values).sum() / (away**2).sum())
    rest = values - values.mean() - slope * away
    value = left.items * (float(values.mean()) + slope * (left.size / left.items - float(size.mean())))
    return _interval(value, rest, len(values) - 2, left.items)


def _interval(value: float, rest: Floats, freedom: int, r: int) -> dict[str, float]:
    """`value` with its interval; `rest` (n,) is what the estimate leaves over in the sample."""
    n = len(rest)
    spread = float(np.sqrt((rest**2).sum() / freedom))
    reach = student(freedom, LEVEL) * spread * sqrt(r * (n + r) / n)
    return {"value": value, "low": max(0.0, value - reach), "high": value + reach}


def _dead(dead: Floats, n: int, left: Left) -> dict[str, float]:
    rows = left.items * left.rows
    share = float(dead.sum()) / (n * left.rows)
    if not left.items:
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    low, high = wilson_share(share, n * left.items / (n + left.items))
    return {"value": share * rows, "low": low * rows, "high": high * rows}


def overlap(begun: Floats, took: Floats) -> float:
    """How many requests were in flight on average while any was, from when each began and how long it took."""
    if not len(begun):
        return 0.0
    order = np.argsort(begun, kind="stable")
    start, end = begun[order], np.maximum.accumulate(begun[order] + took[order])
    idle = np.maximum(0.0, start[1:] - end[:-1]).sum()
    busy = float(end[-1] - start[0] - idle)
    return float(took.sum()) / busy if busy > 0 else 1.0


def _hours(
    sampled: Sampled,
    left: Left,
    in_flight: float,
    calls: dict[str, float],
    prompt: dict[str, float],
    completion: dict[str, float],
) -> dict[str, float]:
    work = _total(sampled.seconds, left.items)  # seconds of answering, whoever waits beside
    fastest = {name: value / left.most for name, value in work.items()}
    # Little's law: at the in-flight of the sample the server answered this fast; more in flight need not help.
    measured = min(float(left.most), max(in_flight, 1.0))
    slowest = work["high"] / measured
    seconds = {"value": fastest["value"], "low": fastest["low"], "high": max(fastest["high"], slowest)}
    for name in seconds:
        if left.requests_per_minute:
            seconds[name] = max(seconds[name], 60 * calls[name] / left.requests_per_minute)
        if left.tokens_per_minute:
            tokens = prompt[name] + completion[name]
            seconds[name] = max(seconds[name], 60 * tokens / left.tokens_per_minute)
    return {name: value / 3600 for name, value in seconds.items()}
