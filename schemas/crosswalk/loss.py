"""How much a crosswalk loses, in bits."""

from __future__ import annotations

import math
from collections.abc import Mapping as Counts
from dataclasses import dataclass

from schemas.crosswalk.mapping import Crosswalk, Mapping


@dataclass(frozen=True)
class Losses:
    """What a conversion loses on one distribution of labels.

    Attributes:
        labels: how many labels were counted (or their weight).
        converted: how many of them become something.
        before: H(A), the entropy of the labels that become something, in bits a label.
        after: H(B), the entropy of what they become.
        bits: H(A|B), what is lost of each, on average.
        of_label: of each label that becomes something and occurs, what is lost of it: -log2 P(a|b) bits.

    All figures in bits are rounded to six decimals, so that they are the same on every machine.
    """

    labels: float
    converted: float
    before: float
    after: float
    bits: float
    of_label: dict[str, float]


def losses(walk: Crosswalk, counts: Counts[str, float] | None = None, *, blends: bool = True) -> Losses:
    """The information lost by `walk` on labels that occur as often as `counts` says (null: all equally often).

    What a label becomes is a function b = f(a), so that the conditional entropy is a sum over the labels alone:
    H(A|B) = H(A) - H(B) = -sum of P(a) log2 (P(a) / P(f(a))) (Cover, T. M. and Thomas, J. A. 2006. Elements of
    Information Theory, 2nd ed., eq. 2.10-2.14 and problem 2.4), where P(f(a)) is the probability of all labels that
    become the same. P is taken over the labels that become something: the others are not less exact, they are gone,
    and `converted` says how many are left. `blends` says whether a blend of several labels becomes all of them; else
    it is gone as well.

    Raises:
        ValueError: a count is no label's, negative, or not finite.
    """
    given = dict.fromkeys(walk.by_label, 1.0) if counts is None else {label: float(n) for label, n in counts.items()}
    for label, n in given.items():
        if label not in walk.by_label or not math.isfinite(n) or n < 0:
            raise ValueError(f"{label!r}: {n} is no count of a label of {walk.source.name}")
    kept = {label: n for label, n in given.items() if n > 0 and becomes(walk.by_label[label], blends=blends)}
    total = math.fsum(kept.values())
    cells: dict[tuple[str, ...], float] = {}
    for label, n in kept.items():
        cells[walk.by_label[label].targets] = cells.get(walk.by_label[label].targets, 0.0) + n
    exact = {label: math.log2(cells[walk.by_label[label].targets] / n) for label, n in kept.items()}
    return Losses(
        labels=math.fsum(given.values()),
        converted=total,
        before=_entropy(list(kept.values())),
        after=_entropy(list(cells.values())),
        bits=_bits(math.fsum(n / total * exact[label] for label, n in kept.items())),
        of_label={label: _bits(bits) for label, bits in exact.items()},
    )


def becomes(mapping: Mapping, *, blends: bool = True) -> bool:
    """Whether a label becomes something, `blends` if blends of several labels do."""
    return mapping.sure and (blends or len(mapping.targets) == 1)


def _entropy(counts: list[float]) -> float:
    """The entropy in bits of a distribution given as positive counts; 0 for none."""
    total = math.fsum(counts)
    return _bits(math.fsum(n / total * math.log2(total / n) for n in counts))


def _bits(value: float) -> float:
    return round(value, 6) + 0.0
