"""What a memory probe's answers come to: a paired difference, its interval, and how likely chance gives as much.

`difference` is the mean over items of how near the answer is to the truth, less how near the item's controls are to it.
The interval is the percentile interval of bootstrap samples of the items (Efron and Tibshirani, 1993, section 13.3), so
that chance alone puts its lower bound above the truth in about one case of 40. `p` is the share of permutations with a
difference at least as large, one-sided and counting the one that was seen (Phipson and Smyth, 2010, "Permutation
p-values should never be zero", Statistical Applications in Genetics and Molecular Biology 9): of the signs of the
differences where every item has its own control (Fisher's test), of who has which truth where the controls are other
items' truths.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95
DECIMALS = 10
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """One probe: what it asked, on how many items, how near answers and controls are to the truth on average (0 to 1),
    and whether the lower bound of the difference is above `margin`."""

    probe: str
    items: int
    value: float | None
    control: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    margin: float
    known: bool
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The figure as plain data."""
        return asdict(self)


def against_own(probe: str, near: Floats, control: Floats, margin: float, seed: int) -> Figure:
    """The figure where every item has a control of its own: `near` and `control` are (items,)."""
    if len(near) < 2:
        return _nothing(probe, len(near), margin)
    apart = near - control
    generator = np.random.default_rng(seed)
    signs = generator.choice(np.array([-1.0, 1.0]), size=(RESAMPLES, len(apart)))
    chance = (signs * apart).mean(axis=1)
    return _figure(probe, near, control, apart, chance, margin, generator)


def against_others(probe: str, nearness: Floats, margin: float, seed: int) -> Figure:
    """The figure where the controls are other items' truths: `nearness` (items, items) says how near the answer of each
    row's item is to the truth of each column's."""
    many = len(nearness)
    if many < 2:
        return _nothing(probe, many, margin)
    near = np.diagonal(nearness).copy()
    control = (nearness.sum(axis=1) - near) / (many - 1)
    generator = np.random.default_rng(seed)
    # (resamples, items): whose truth each item gets.
    whose = generator.random((RESAMPLES, many)).argsort(axis=1)
    matched = nearness[np.arange(many), whose].sum(axis=1)
    chance = matched / many - (nearness.sum() - matched) / (many * (many - 1))
    return _figure(probe, near, control, near - control, chance, margin, generator)


def _figure(
    probe: str,
    near: Floats,
    control: Floats,
    apart: Floats,
    chance: Floats,
    margin: float,
    generator: np.random.Generator,
) -> Figure:
    difference = float(apart.mean())
    drawn = generator.integers(0, len(apart), size=(RESAMPLES, len(apart)))
    low, high = np.quantile(apart[drawn].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    p = (1 + int((chance >= difference - 1e-12).sum())) / (1 + len(chance))
    value, base, shown, low, high, p = (
        round(float(one), DECIMALS) for one in (near.mean(), control.mean(), difference, low, high, p)
    )
    return Figure(probe, len(apart), value, base, shown, low, high, p, margin, low > margin)


def _nothing(probe: str, items: int, margin: float) -> Figure:
    note = "fewer than two items have usable answers"
    return Figure(probe, items, None, None, None, None, None, None, margin, False, note)
