"""Questions about TONE: what a word stands for, what is opposite, how far apart two emotions are."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from schemas.errors import DsbuildError
from schemas.tone.load import (
    Definition,
    Norm,
    Statement,
    Word,
    alternatives,
    definitions,
    norms,
    statements,
    vocabulary,
)
from schemas.tone.tree import Node, node, nodes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Found:
    """What a word stands for: a node, and how it is known: as the node's own word, as the short form's, or from the
    vocabulary."""

    word: str
    node: Node
    known_as: Literal["node", "alternative", "vocabulary"]
    source: str


def fold(word: str) -> str:
    """`word` as words are compared: NFC, one blank between parts, case folded."""
    return " ".join(unicodedata.normalize("NFC", word).casefold().split())


@cache
def _by_word() -> dict[str, tuple[Found, ...]]:
    found: dict[str, list[Found]] = {}
    for each in nodes():
        found.setdefault(fold(each.term), []).append(Found(each.term, each, "node", "parrott: long form"))
    for other in alternatives():
        found.setdefault(fold(other.word), []).append(Found(other.word, other.node, "alternative", other.source))
    for word in vocabulary():
        found.setdefault(fold(word.word), []).append(Found(word.word, word.node, "vocabulary", word.source))
    rank = {"node": 0, "alternative": 1, "vocabulary": 2}
    return {
        word: tuple(sorted(these, key=lambda one: (rank[one.known_as], one.node.tier, one.node)))
        for word, these in found.items()
    }


def all_words() -> Mapping[str, tuple[Found, ...]]:
    """Every word that stands for something, folded, with what it stands for, the best first."""
    return _by_word()


def lookup(word: str) -> tuple[Found, ...]:
    """What `word` stands for: nodes of that name, from the primary down, before what only the vocabulary says; empty
    where TONE does not have the word."""
    return _by_word().get(fold(word), ())


def find(word: str) -> Node:
    """The node that `word` stands for, the widest of several tiers; `TERM@TIER` names one of them.

    Raises:
        DsbuildError: TONE does not have the word.
    """
    term, at, tier = word.rpartition("@")
    if at and tier in ("1", "2", "3"):
        return node(term, int(tier))
    found = lookup(word)
    if not found:
        import difflib

        close = difflib.get_close_matches(fold(word), _by_word(), n=3, cutoff=0.75)
        raise DsbuildError(
            f"TONE does not have the word '{word}'.",
            fix=f"Did you mean {' or '.join(close)}?" if close else "See the tree with: dsbuild tone show love",
        )
    return found[0].node


@cache
def _definitions() -> dict[Node, Definition]:
    return {each.node: each for each in definitions()}


def definition(of: Node) -> Definition:
    """What a node means."""
    return _definitions()[of]


def words(of: Node) -> tuple[Word, ...]:
    """The vocabulary of a node."""
    return _words().get(of, ())


@cache
def _words() -> dict[Node, tuple[Word, ...]]:
    found: dict[Node, list[Word]] = {}
    for word in vocabulary():
        found.setdefault(word.node, []).append(word)
    return {of: tuple(these) for of, these in found.items()}


def about(of: Node) -> tuple[Statement, ...]:
    """The statements in which a node is subject or object."""
    return tuple(each for each in statements() if of in (each.subject, each.object))


def opposites(of: Node) -> tuple[tuple[Node, Statement], ...]:
    """What is opposite to a node, with the statement that says so: stated ones first, then those inferred from a
    wider or narrower node."""
    found = [
        (each.object if each.subject == of else each.subject, each)
        for each in about(of)
        if each.predicate == "isOppositeOf"
    ]
    return tuple(sorted(found, key=lambda pair: (pair[1].basis != "stated", pair[0].tier, pair[0])))


def norm(of: Node, dimension: str = "valence") -> Norm | None:
    """A node's place on a dimension, null where there is none."""
    return _norms().get((of, dimension))


@cache
def _norms() -> dict[tuple[Node, str], Norm]:
    return {(each.node, each.dimension): each for each in norms()}


def parent(of: Node) -> Node | None:
    """The node above, null for a primary."""
    if of.tertiary is not None:
        return Node(of.primary, of.secondary)
    return Node(of.primary) if of.secondary is not None else None


def children(of: Node) -> tuple[Node, ...]:
    """The nodes right below."""
    return tuple(each for each in nodes() if parent(each) == of)


def expand(of: Node, tier: int) -> Node:
    """The node's ancestor at `tier` (1 to 3), or the node itself where it stands at that tier or above it."""
    if not 1 <= tier <= 3:
        raise ValueError(f"a tier is 1, 2 or 3, not {tier}")
    return Node(of.primary, of.secondary if tier > 1 else None, of.tertiary if tier > 2 else None)


def distance(a: Node, b: Node) -> float:
    """How far apart two emotions are in the ontology, from 0 (the same node) to 1 (nothing in common).

    Edges on the way from `a` to `b` through the tree, divided by the longest way there is (6: from a tertiary up to
    the root above the primaries and down again); Rada et al., "Development and application of a metric on semantic
    nets", IEEE Transactions on Systems, Man and Cybernetics 19(1), 1989. The length of the shortest way is a metric,
    and so is this.
    """
    up_a, up_b = _ancestors(a), _ancestors(b)
    shared = sum(1 for one, other in zip(up_a, up_b, strict=False) if one == other)
    return (len(up_a) + len(up_b) - 2 * shared) / 6


def _ancestors(of: Node) -> tuple[str, ...]:
    return tuple(step for step in (of.primary, of.secondary, of.tertiary) if step is not None)


def distance_matrix(of: Sequence[Node]) -> NDArray[np.float64]:
    """(N, N) float64: `distance` between every two of N nodes."""
    import numpy as np

    depth = np.array([each.tier for each in of], dtype=np.float64)
    shared = np.zeros((len(of), len(of)))
    same = np.ones((len(of), len(of)), dtype=np.bool_)
    for tier in (1, 2, 3):
        codes: dict[tuple[str, ...], int] = {}
        # A node that does not reach down to this tier shares nothing there, not even with its like.
        code = np.array(
            [
                codes.setdefault(_ancestors(each)[:tier], len(codes)) if each.tier >= tier else -1 - place
                for place, each in enumerate(of)
            ]
        )
        same &= (code[:, None] == code[None, :]) & (code >= 0)[:, None]
        shared += same
    return np.asarray((depth[:, None] + depth[None, :] - 2 * shared) / 6)
