"""Fusion of answers as arrays. Pure functions.

`p`: (annotators, items, labels) float64, the share each annotator gives each label; a row of NaN where it did not
answer. What is fused is (items, labels), NaN where nobody answered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def weighted(p: Floats, weights: Floats) -> Floats:
    """The weighted mean over the annotators that answered: sum_m w[m, c] p[m, i, c] / sum_m w[m, c].

    `weights`: (annotators, labels), 0 or more. NaN where those that answered have no weight at all.
    """
    w = np.where(np.isnan(p), 0.0, weights[:, None, :])
    total = w.sum(axis=0)
    with np.errstate(invalid="ignore"):
        fused: Floats = (w * np.nan_to_num(p)).sum(axis=0) / np.where(total > 0, total, np.nan)
    return fused


def multi_head(p: Floats, logits: Floats, heads: Floats) -> Floats:
    """Multi-Head Probability Fusion: p_i(c) = sum_h a_h sum_m W[h, m, c] p[m, i, c].

    W = softmax of `logits` (heads, annotators, labels) over the annotators that answered, a = softmax of `heads`
    (heads,). Team RAS, 9th ABAW (arXiv 2507.02205), after its released code, where the logits are learned; here they
    are given. That W is renormalised over those that answered is ours: there, all do.
    """
    there = ~np.isnan(p)  # (annotators, items, labels)
    shift = logits - logits.max(axis=1, keepdims=True)
    powers = np.exp(shift)[:, :, None, :] * there[None]
    total = powers.sum(axis=1)
    with np.errstate(invalid="ignore"):
        inner = (powers * np.nan_to_num(p)[None]).sum(axis=1) / np.where(total > 0, total, np.nan)
    share = np.exp(heads - heads.max())
    fused: Floats = np.tensordot(share / share.sum(), inner, axes=1)
    return fused


def majority(held: Floats, p: Floats, one: bool) -> Floats:
    """(items, labels) the share of the annotators that answered which gave each label (`held`: as p, 1 or 0, NaN).

    Where `one` label is wanted, labels with equally many are told apart by their mean share, by less than a vote.
    """
    answered = np.maximum((~np.isnan(held)).all(axis=2).sum(axis=0), 1)[:, None]
    votes = np.where(np.isnan(held).all(axis=0), np.nan, np.nansum(held, axis=0))
    if one:
        votes = votes + 1e-6 * np.nan_to_num(weighted(p, np.ones((p.shape[0], p.shape[2]))))
    result: Floats = votes / answered
    return result


def pair_probability(basic: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
    """Pair-wise Probability Aggregation: p(k) = p(i) + p(j) for the compound k of the basic labels i and j.

    `basic`: (items, labels) -> (items, pairs). Team RAS (arXiv 2507.02205) takes the largest as it is; so does who
    reads this, since dividing by the sum, as `shares` does, changes no order.
    """
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    result: Floats = basic[:, first] + basic[:, second]
    return result


def pair_similarity(basic: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
    """Pair-wise Feature Similarity Aggregation: p(k) in proportion to sqrt(p(i) p(j)).

    The paper (arXiv 2507.02205) names the method; its formula was not at hand, so this one is ours: a compound is as
    similar to what is judged as its two parts are on average. Where p is the softmax of similarities s / t, the softmax
    over the pairs of their mean similarity (s(i) + s(j)) / 2t is just this. Unlike the sum it is small where one of the
    two is.
    """
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    result: Floats = np.sqrt(basic[:, first] * basic[:, second])
    return result


def shares(weights: Floats) -> Floats:
    """Rows divided by their sums; the same for all labels where a row has none."""
    total = weights.sum(axis=1, keepdims=True)
    even = np.full_like(weights, 1 / max(weights.shape[1], 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = np.where(total == 0, even, weights / total)
    return result


def certainty(fused: Floats, one: bool) -> Floats:
    """(items,) 1 - H / log L for the distribution of `one` label of L (what is missing to 1 is "none of these", one
    more label); for sets 1 - the mean over the labels of the binary entropy in bits. From 0 to 1."""
    if not one:
        p = np.clip(fused, 0.0, 1.0)
        result: Floats = 1 - (_surprise(p) + _surprise(1 - p)).mean(axis=1) / np.log(2)
        return result
    none = np.clip(1 - fused.sum(axis=1, keepdims=True), 0.0, 1.0)
    whole = shares(np.concatenate([fused, none], axis=1))
    count = fused.shape[1] + bool((none > 1e-9).any())
    entropy = _surprise(whole).sum(axis=1) / np.log(max(count, 2))
    return np.asarray(np.clip(1 - entropy, 0.0, 1.0))


def _surprise(p: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > 0, -p * np.log(p), np.where(np.isnan(p), np.nan, 0.0))


def disagreement(p: Floats, one: bool) -> Floats:
    """(items,) the mean over pairs of annotators of how far apart their answers are, from 0 to 1, as the tasks' own
    `difference` of answers with scores: for `one` label the total variation distance, half the sum of |p - q| over the
    labels and "none of these"; for sets 1 - sum of min / sum of max. NaN with fewer than two answers."""
    apart = np.zeros(p.shape[1])
    pairs = np.zeros(p.shape[1])
    for a in range(len(p)):  # annotators are few; items and labels are arrays
        for b in range(a):
            if one:
                none = np.abs(p[a].sum(axis=1) - p[b].sum(axis=1))
                far = (np.abs(p[a] - p[b]).sum(axis=1) + none) / 2
            else:
                least, most = np.minimum(p[a], p[b]).sum(axis=1), np.maximum(p[a], p[b]).sum(axis=1)
                far = np.where(most == 0, 0.0, 1 - least / np.where(most == 0, 1.0, most))
            both = ~np.isnan(far)
            apart += np.where(both, far, 0.0)
            pairs += both
    with np.errstate(invalid="ignore"):
        result: Floats = apart / np.where(pairs > 0, pairs, np.nan)
    return result


def spread(values: Floats, width: float) -> Floats:
    """(items,) how far numbers lie apart: the mean over pairs of |a - b| / width. `values`: (annotators, items), NaN
    for no answer; NaN with fewer than two."""
    apart = np.zeros(values.shape[1])
    pairs = np.zeros(values.shape[1])
    for a in range(len(values)):
        for b in range(a):
            far = np.abs(values[a] - values[b]) / width
            both = ~np.isnan(far)
            apart += np.where(both, far, 0.0)
            pairs += both
    with np.errstate(invalid="ignore"):
        result: Floats = apart / np.where(pairs > 0, pairs, np.nan)
    return result
