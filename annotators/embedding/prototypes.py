"""How near a text is to each label: the score, its centring, and the decision. Pure functions over vectors.

score(x, l) = x . p_l - mean over background b of (b . p_l)

x and b are unit vectors of a text and of a background sentence, p_l is the unit vector in the direction of the mean of
label l's descriptions. Some descriptions are near to every text there is; without the second term their label is given
to too many. The background is a fixed list, so a text's answer never depends on the other texts of its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Prototypes:
    """`directions`: (labels, dimensions) float32, unit rows; `offsets`: (labels,) float32."""

    directions: Vectors
    offsets: Vectors

    def scores(self, texts: Vectors) -> NDArray[np.float64]:
        """(texts, labels) float64: cosine to each label's prototype, less its offset.

        Row by row, not as one matrix product: BLAS may sum in another order when the batch has another size.
        """
        rows = np.stack([self.directions @ text - self.offsets for text in texts]) if len(texts) else texts[:, :0]
        return rows.astype(np.float64)


def prototypes(descriptions: Sequence[Vectors], background: Vectors | None) -> Prototypes:
    """Prototypes from the vectors of each label's descriptions (descriptions, dimensions); without a `background`
    (sentences, dimensions) the scores are plain cosines."""
    means = np.stack([vectors.mean(axis=0) for vectors in descriptions])
    directions = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
    if background is None:
        offsets = np.zeros(len(directions), dtype=np.float32)
    else:
        offsets = (background @ directions.T).mean(axis=0)
    return Prototypes(directions, offsets.astype(np.float32))


def shares(scores: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """(texts, labels) float64, rows sum to 1: the softmax of scores / temperature."""
    powers = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    result: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return result


def decide(scores: NDArray[np.float64], margin: float, alone: Sequence[int]) -> list[list[int]]:
    """The labels of each text, best first: the best one, and every other less than `margin` below it.

    A label in `alone` never stands with others: if it is the best it stands by itself, else it is left out. Equal
    scores keep the labels' order.
    """
    chosen = []
    for row, order in zip(scores, np.argsort(-scores, axis=1, kind="stable"), strict=True):
        best = int(order[0])
        near = [int(i) for i in order[1:] if row[best] - row[i] < margin and int(i) not in alone]
        chosen.append([best] if best in alone else [best, *near])
    return chosen
