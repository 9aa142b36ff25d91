"""chrF: how near one text is to another, by the character n-grams that they share.

M. Popović (2015), "chrF: character n-gram F-score for automatic MT evaluation", WMT. For n = 1..6, without white space,
precision is the share of the hypothesis' n-grams that the reference has, recall the share of the reference's that the
hypothesis has, counted with multiplicity; both are averaged over the n of which both texts have n-grams, and

chrF = (1 + b^2) P R / (b^2 P + R), with b = 2.

It needs no words, so it is fair to languages that do not put blanks between them or inflect richly.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Final

ORDER: Final = 6
BETA: Final = 2.0


def chrf(hypothesis: str, reference: str) -> float:
    """chrF of `hypothesis` against `reference`, from 0 to 1; two texts without any character but blanks are equal."""
    hypothesis, reference = _characters(hypothesis), _characters(reference)
    if not hypothesis or not reference:
        return float(hypothesis == reference)
    precision = recall = 0.0
    orders = 0
    for n in range(1, ORDER + 1):
        ours, theirs = _grams(hypothesis, n), _grams(reference, n)
        if not ours or not theirs:
            break
        shared = (ours & theirs).total()
        precision += shared / ours.total()
        recall += shared / theirs.total()
        orders += 1
    precision, recall = precision / orders, recall / orders
    if precision + recall == 0:
        return 0.0
    return (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)


def _characters(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split())


def _grams(text: str, n: int) -> Counter[str]:
    return Counter(text[i : i + n] for i in range(len(text) - n + 1))
