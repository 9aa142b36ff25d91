"""Which emotion of one speaker the other one's answer shows more often than answers do otherwise.

For an ordered pair of emotions (A, B) in one corpus, let p_A be the part of the turns before an answer that have A and
p_B the part of the answers that have B. Over the answers t of an exchange e

    U_e = sum over t of (1[before_t = A] - p_A) (1[answer_t = B] - p_B)

has mean zero if the two are independent. The sum of all U_e is observed less expected (n p_A p_B). Turns of one
exchange resemble each other, so exchanges, not turns, are what is drawn at random: z = sum U_e / sqrt(sum U_e^2),
corpora added up (the cluster-robust score test after Liang and Zeger 1986), and p the upper tail of the normal
distribution. Pairs are tested together by Holm's step-down procedure (Holm 1979): the chance of one false statement
among all of them is at most ALPHA.

That test says what comes together from turn to turn. Whether the order matters is asked by a second one, which is
reported beside it and decides nothing: given what each exchange holds, every order of its turns is equally likely. Its
distribution is exact. In an exchange of n turns with a of A and b of B, gluing k pairs "A B" together gives

    E[C(X, k)] = C(n - k; k, a - k, b - k, rest) / C(n; a, b, rest)        (multinomial coefficients)

and P(X = x) = sum over k >= x of (-1)^(k - x) C(k, x) E[C(X, k)] (inclusion and exclusion; Feller 1968, vol. 1, IV.3).
X over all exchanges is their sum, the convolution.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise, permutations
from math import comb, erfc, factorial, sqrt

import numpy as np
from numpy.typing import NDArray

from dsbuild.tone.dialogues import Dialogues, Exchange, Term

ALPHA = 0.05


@dataclass(frozen=True)
class Transition:
    """`observed` answers with `after` came to turns with `before`; `expected` under independence, by corpus too.

    `p` is the chance of so many or more, `p_holm` the same adjusted for all pairs that were tested, `p_order` that of
    the second test. `answers` is how many turns with `before` got an answer at all.
    """

    before: Term
    after: Term
    answers: int
    observed: int
    expected: float
    z: float
    p: float
    p_holm: float
    p_order: float
    by_corpus: dict[str, int]

    @property
    def significant(self) -> bool:
        """Whether it is one of the pairs that come more often than chance explains."""
        return self.p_holm < ALPHA


def transitions(corpora: Sequence[Dialogues]) -> list[Transition]:
    """Every ordered pair of two emotions of the corpora, tested over all their exchanges together."""
    exchanges = [exchange for corpus in corpora for exchange in corpus.exchanges]
    terms = sorted({term for exchange in exchanges for term in exchange if term is not None})
    found = [_tested(before, after, corpora, exchanges) for before, after in permutations(terms, 2)]
    adjusted = holm([each.p for each in found])
    return [replace(each, p_holm=p_holm) for each, p_holm in zip(found, adjusted, strict=True)]


def _tested(before: Term, after: Term, corpora: Sequence[Dialogues], exchanges: Sequence[Exchange]) -> Transition:
    by_corpus: dict[str, int] = {}
    answers, expected, total, variance = 0, 0.0, 0.0, 0.0
    for corpus in corpora:
        pairs = [list(pairwise(exchange)) for exchange in corpus.exchanges if len(exchange) > 1]
        n = sum(map(len, pairs))
        first = sum(a == before for each in pairs for a, _ in each)
        second = sum(b == after for each in pairs for _, b in each)
        by_corpus[corpus.corpus] = sum(pair == (before, after) for each in pairs for pair in each)
        answers += first
        if n == 0:
            continue
        expected += first * second / n
        for each in pairs:
            u = sum(((a == before) - first / n) * ((b == after) - second / n) for a, b in each)
            total += u
            variance += u * u
    z = total / sqrt(variance) if variance else 0.0
    observed = sum(by_corpus.values())
    p = erfc(z / sqrt(2)) / 2
    shapes = Counter((len(e), e.count(before), e.count(after)) for e in exchanges)
    return Transition(
        before, after, answers, observed, expected, z, p, p, tail(shapes, observed), dict(sorted(by_corpus.items()))
    )


def tail(shapes: Counter[tuple[int, int, int]], observed: int) -> float:
    """P(X >= observed) over exchanges given as {(turns, turns with A, turns with B): how many}."""
    total: NDArray[np.float64] = np.ones(1)
    for (n, a, b), times in sorted(shapes.items()):
        if a and b:
            for _ in range(times):
                total = np.convolve(total, distribution(n, a, b)).astype(np.float64)
    return float(min(total[observed:].sum(), 1.0))


@cache
def distribution(n: int, a: int, b: int) -> NDArray[np.float64]:
    """P(X = 0), P(X = 1), ... for one exchange of n turns of which a have A and b have B."""
    most = min(a, b)
    arrangements = Fraction(factorial(n), factorial(a) * factorial(b) * factorial(n - a - b))
    moments = [
        Fraction(factorial(n - k), factorial(k) * factorial(a - k) * factorial(b - k) * factorial(n - a - b))
        / arrangements
        for k in range(most + 1)
    ]
    return np.array(
        [float(sum((-1) ** (k - x) * comb(k, x) * moments[k] for k in range(x, most + 1))) for x in range(most + 1)]
    )


def holm(values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given."""
    adjusted = [0.0] * len(values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda each: values[each])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = highest
    return adjusted
