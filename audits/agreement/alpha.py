"""Krippendorff's alpha from counts: its value, its leave-one-out values and its bootstrap replicates.

Krippendorff (2011), "Computing Krippendorff's alpha-reliability", and (2004), Content Analysis, chapter 11. With n_uc
annotators who gave answer c to unit u, m_u = sum_c n_uc >= 2, N_c = sum_u n_uc, n = sum_c N_c, distance d:

    alpha = 1 - Do / De,   Do = C / n,   De = Q / (n (n - 1)),
    C = sum_u D_u,   D_u = sum_ck n_uc n_uk d_ck / (m_u - 1),   Q = sum_ck N_c N_k d_ck,

so alpha = 1 - C (n - 1) / Q. Where only one answer occurs Q is 0 and alpha is undefined, never 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import krippendorff
import numpy as np

from audits.agreement.masi import Distance, nominal
from audits.arrays import Codes, Floats

# `krippendorff` holds units x answers x answers floats; up to this many cells it gives the point estimate.
_REFERENCE_CELLS = 4_000_000
# Weights times counts as a dense product while the table is at least this full, else entry by entry.
_FULL = 1 / 32
_BLOCK = 2_000_000


@dataclass(frozen=True)
class Counts:
    """How often each of S answers was given to each of P distinct units; units with fewer than 2 answers are empty.

    The entries (E,) are sorted by answer, then unit.
    """

    units: int
    answers: int
    unit: Codes
    answer: Codes
    count: Floats
    times: Codes
    """(P,) how many items have this pattern of answers."""
    size: Floats
    """(P,) m_u, or 0 where m_u < 2."""
    disagreement: Floats
    """(P,) D_u."""
    distance: Distance

    @cached_property
    def table(self) -> Floats:
        """(P, S) the counts, dense."""
        table = np.zeros((self.units, self.answers))
        table[self.unit, self.answer] = self.count
        return table


def count(unit: Codes, answer: Codes, times: Codes, answers: int, distance: Distance) -> Counts:
    """Tabulate annotations: `unit` and `answer` (M,) are positions; each unit stands for `times` (P,) items."""
    units = len(times)
    given = np.bincount(unit, minlength=units)
    pairable = given[unit] >= 2
    keys, counted = np.unique(answer[pairable] * units + unit[pairable], return_counts=True)
    entry_answer, entry_unit = np.divmod(keys, max(units, 1))
    size = np.where(given >= 2, given, 0).astype(np.float64)
    amount = counted.astype(np.float64)
    pairs = _pairs(entry_unit, units)
    left, right = pairs
    apart = amount[left] * amount[right] * distance(entry_answer[left], entry_answer[right])
    total = np.bincount(entry_unit[left], weights=apart, minlength=units)
    disagreement = total / np.maximum(size - 1, 1)
    return Counts(units, answers, entry_unit, entry_answer, amount, times, size, disagreement, distance)


def count_table(table: Floats, times: Codes) -> Counts:
    """The same from a table (P, S) of how often each answer was given to each unit; nominal distance."""
    table = np.where(table.sum(axis=1, keepdims=True) >= 2, table, 0.0)
    answer, unit = np.nonzero(table.T)
    size = table.sum(axis=1)
    disagreement = (size**2 - (table**2).sum(axis=1)) / np.maximum(size - 1, 1)
    return Counts(len(table), table.shape[1], unit, answer, table[unit, answer], times, size, disagreement, nominal)


def point(counts: Counts) -> float | None:
    """Alpha; None where it is undefined."""
    weights = counts.times.astype(np.float64)[None, :]
    value = float(replicate(counts, weights)[0])
    if not np.isfinite(value):
        return None
    if counts.times.sum() * counts.answers**2 > _REFERENCE_CELLS:
        return value
    return _reference(counts)


def replicate(counts: Counts, weights: Floats) -> Floats:
    """Alpha for every row of `weights` (B, P), the times that each unit occurs; NaN where undefined."""
    n = weights @ counts.size
    observed = weights @ counts.disagreement
    expected = _expected(counts, _totals(counts, weights), n)
    return _alpha(observed, expected, n)


def leave_one_out(counts: Counts) -> Floats:
    """(P,) alpha without one item of each pattern; NaN where undefined.

    Without unit u, C loses D_u, n loses m_u, and Q loses 2 sum_c n_uc g_c - D_u (m_u - 1), with g = d N.
    """
    weights = counts.times.astype(np.float64)[None, :]
    totals = _totals(counts, weights)
    n = float((weights @ counts.size)[0])
    gain = _against(counts, totals)[0]
    crossed = np.bincount(counts.unit, weights=counts.count * gain[counts.answer], minlength=counts.units)
    within = counts.disagreement * np.maximum(counts.size - 1, 0)
    full = float(totals[0] @ gain)
    rest = full - 2 * crossed + within
    # What only one answer is left of differs from 0 by rounding alone.
    rest[np.abs(rest) <= 1e-12 * max(full, 1.0)] = 0.0
    return _alpha((weights @ counts.disagreement)[0] - counts.disagreement, rest, n - counts.size)


def binary_features(yes: Floats, asked: Floats) -> Floats:
    """What the alpha of each label by itself, yes or no, is made of: (P, 3 L) N_yes, n and C; they add up over units.

    `yes`, `asked`: (P, L) annotators who gave the label, and who were asked it; fewer than 2 asked are no pair.
    """
    asked = np.where(asked >= 2, asked, 0.0)
    yes = np.where(asked >= 2, yes, 0.0)
    apart = 2 * yes * (asked - yes) / np.maximum(asked - 1, 1)
    return np.concatenate([yes, asked, apart], axis=1)


def binary_alpha(totals: Floats) -> Floats:
    """Nominal alpha (..., L) from totals (..., 3, L) of `binary_features`; NaN where undefined."""
    yes, n, apart = totals[..., 0, :], totals[..., 1, :], totals[..., 2, :]
    return _alpha(apart, 2 * yes * (n - yes), n)


def _alpha(observed: Floats, expected: Floats, n: Floats | float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - observed * (n - 1) / expected, np.nan)


def _pairs(unit: Codes, units: int) -> tuple[Codes, Codes]:
    """All ordered pairs of different entries of the same unit, as positions."""
    order = np.argsort(unit, kind="stable")
    length = np.bincount(unit, minlength=units)
    start = np.cumsum(length) - length
    per_entry = length[unit[order]]
    left = np.repeat(np.arange(len(order)), per_entry)
    within = np.arange(len(left)) - np.repeat(np.cumsum(per_entry) - per_entry, per_entry)
    right = np.repeat(start[unit[order]], per_entry) + within
    different = left != right
    return order[left[different]], order[right[different]]


def _totals(counts: Counts, weights: Floats) -> Floats:
    """N_c for every row of `weights`: (B, S)."""
    if len(counts.unit) >= _FULL * counts.units * counts.answers:
        return weights @ counts.table
    result = np.empty((len(weights), counts.answers))
    for row, weight in enumerate(weights):
        result[row] = np.bincount(counts.answer, weights=weight[counts.unit] * counts.count, minlength=counts.answers)
    return result


def _against(counts: Counts, totals: Floats) -> Floats:
    """g = d N for every row of `totals` (B, S), the distances taken in blocks."""
    if counts.distance is nominal:
        return np.asarray(totals.sum(axis=1, keepdims=True) - totals)
    everything = np.arange(counts.answers)
    result = np.empty_like(totals)
    step = max(1, _BLOCK // max(counts.answers, 1))
    for column in range(0, counts.answers, step):
        block = counts.distance(everything[:, None], everything[None, column : column + step])
        result[:, column : column + step] = totals @ block
    return result


def _expected(counts: Counts, totals: Floats, n: Floats) -> Floats:
    """Q for every row of `totals`."""
    if counts.distance is nominal:
        return np.asarray(n**2 - (totals**2).sum(axis=1))
    return np.asarray((totals * _against(counts, totals)).sum(axis=1))


def _reference(counts: Counts) -> float:
    """Alpha by the package that is everyone's reference, from one row of counts an item."""

    def metric(_v1: Any, _v2: Any, i1: Any, i2: Any, n_v: Any, dtype: Any = np.float64) -> Any:
        return counts.distance(i1, i2)

    by_item = np.repeat(counts.table.astype(np.int64), counts.times, axis=0)
    level: Any = metric  # the package's protocol ties dtypes together that it hands over as they are
    return float(krippendorff.alpha(value_counts=by_item, level_of_measurement=level))
