"""Accuracy, precision, recall and F1 from counts.

For label l: tp items that both sides say, fp given alone, fn referred to alone; precision = tp / (tp + fp), recall =
tp / (tp + fn), F1 = 2 tp / (2 tp + fp + fn), 0 where the denominator is 0. Micro-F1 adds the counts over labels first.
Macro-F1 is the mean F1 of the labels that occur on either side; labels that nobody gave do not pull it down. Both are
undefined where no label occurs. Accuracy is the share of items whose two sets of labels are equal.
"""

from __future__ import annotations

import numpy as np

from audits.arrays import Flags, Floats

FIGURES = ("accuracy", "macro_f1", "micro_f1")


def features(given: Flags, reference: Flags) -> Floats:
    """(P, 3 L + 2): tp, fp, fn of every label, exact matches, items, of patterns (P, L); they add up over items."""
    equal = (given == reference).all(axis=1, keepdims=True)
    columns = [given & reference, given & ~reference, ~given & reference, equal, np.ones_like(equal)]
    return np.asarray(np.concatenate(columns, axis=1), dtype=np.float64)


def headlines(totals: Floats) -> Floats:
    """(B, 3): accuracy, macro-F1 and micro-F1 of every row of totals (B, 3 L + 2); NaN where undefined."""
    labels = (totals.shape[1] - 2) // 3
    tp, fp, fn = (totals[:, start * labels : (start + 1) * labels] for start in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = totals[:, -2] / totals[:, -1]
        scale = 2 * tp + fp + fn
        occurs = scale > 0
        each = np.where(occurs, 2 * tp / scale, 0.0)
        macro = each.sum(axis=1) / occurs.sum(axis=1)
        micro = 2 * tp.sum(axis=1) / scale.sum(axis=1)
    return np.stack([accuracy, macro, micro], axis=1)


def by_label(totals: Floats) -> dict[str, Floats]:
    """precision, recall, f1, support and predicted, each (L,), of one row of totals (3 L + 2,)."""
    labels = (len(totals) - 2) // 3
    tp, fp, fn = totals[: 3 * labels].reshape(3, labels)
    return {
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "support": tp + fn,
        "predicted": tp + fp,
    }


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))
