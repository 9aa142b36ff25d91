"""How pleasant, aroused and dominant an emotion is: measured for some nodes, interpolated over the tree for the rest.

Valence is VADER's: the mean of ten people's ratings of the word, from -4 to 4, divided by 4. Arousal and dominance are
estimates from EmoBank: the mean over the sentences that hold the word of (rating - 3) / 2, ratings from 1 to 5.

A node without a value of its own has, from below, the mean of its children's values, where any child has one; what is
then still open has the value of the node above it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev

from schemas.errors import DsbuildError
from schemas.tone.tree import Node, nodes

VADER = "vader-3.3.2"
EMOBANK = "emobank@248ce2a"
TREE = "tree"
SENTENCES = 5  # fewer sentences than this are no estimate


@dataclass(frozen=True)
class Norm:
    """A row of norms.tsv; `value` from -1 to 1, `sd` on the same scale, `n` raters or sentences, null where
    interpolated."""

    node: Node
    dimension: str
    value: float
    sd: float | None
    n: int | None
    source: str
    basis: str


@dataclass(frozen=True)
class Measured:
    """The mean, the deviation (of the ratings, dividing by n) and the number of ratings or sentences of one word."""

    mean: float
    sd: float
    n: int


def read_vader(path: Path) -> dict[str, tuple[str, Measured]]:
    """{token: (its line, what the ten ratings give)} of vader_lexicon.txt, on the scale from -1 to 1.

    Raises:
        DsbuildError: a line is not in the lexicon's format.
    """
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            token, _, _, raw = line.rstrip("\r").split("\t")
            ratings = [int(rating) / 4 for rating in raw.strip("[]").split(",")]
        except ValueError:
            raise DsbuildError("This is no line of VADER's lexicon.", where=f"{path}:{number}") from None
        found[token] = (line, Measured(fmean(ratings), pstdev(ratings), len(ratings)))
    return found


def read_emobank(path: Path, words: Iterable[str]) -> dict[str, dict[str, Measured]]:
    """{dimension: {word: estimate}} from emobank.csv, for the words that occur in `SENTENCES` sentences or more."""
    known = set(words)
    ratings: dict[str, dict[str, list[float]]] = {"arousal": {}, "dominance": {}}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for word in known.intersection(re.findall("[a-z]+", row["text"].lower())):
                for dimension, column in (("arousal", "A"), ("dominance", "D")):
                    ratings[dimension].setdefault(word, []).append((float(row[column]) - 3) / 2)
    return {
        dimension: {
            word: Measured(fmean(given), pstdev(given), len(given))
            for word, given in of_words.items()
            if len(given) >= SENTENCES
        }
        for dimension, of_words in ratings.items()
    }


def norms(dimension: str, measured: Mapping[str, Measured], source: str) -> list[Norm]:
    """One for each node, in the tree's order."""
    values: dict[Node, float] = {node: measured[node.term].mean for node in nodes() if node.term in measured}
    own = set(values)
    if not own:
        return []
    for tier in (2, 1):  # from below
        for node in nodes():
            if node.tier == tier and node not in values:
                below = [values[child] for child in nodes() if _parent(child) == node and child in values]
                if below:
                    values[node] = fmean(below)
    for node in nodes():  # from above: parents stand before children
        if node not in values:
            parent = _parent(node)
            values[node] = values[parent] if parent is not None else fmean(values[each] for each in own)
    made = []
    for node in nodes():
        has = measured.get(node.term)
        value = round(values[node], 4)
        if has is None:
            made.append(Norm(node, dimension, value, None, None, TREE, "interpolated"))
        else:
            made.append(Norm(node, dimension, value, round(has.sd, 4), has.n, source, "data"))
    return made


def _parent(node: Node) -> Node | None:
    if node.tier == 3:
        return Node(node.primary, node.secondary)
    return Node(node.primary) if node.tier == 2 else None
