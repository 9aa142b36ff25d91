"""Which meaning of its word a node has, and how it is defined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from dsbuild.tone.wordnet import NOUN_ATTRIBUTE, NOUN_FEELING, NOUN_STATE, Synset, WordNet
from schemas.errors import DsbuildError
from schemas.tone.tree import Node, nodes

PREFIX = "wordnet-3.0:"
EDITORIAL = "editorial"
_TIERS = {1: "primary", 2: "secondary", 3: "tertiary"}
# The order of preference. What the rule finds is overruled by senses.yaml, word by word and with a reason.
_PREFERRED = (NOUN_FEELING, NOUN_STATE, NOUN_ATTRIBUTE)


@dataclass(frozen=True)
class Definition:
    """A row of definitions.tsv; `source` names the synset, and `tree` where the node's children are part of it."""

    node: Node
    text: str
    source: str


@cache
def _editorial() -> tuple[dict[str, str], dict[str, str]]:
    data = yaml.safe_load(Path(__file__).with_name("senses.yaml").read_text(encoding="utf-8"))
    return {word: choice["synset"] for word, choice in data["chosen"].items()}, data["editorial"]


def words_of_the_tree() -> tuple[str, ...]:
    """The words that name nodes, each once, in the tree's order."""
    return tuple(dict.fromkeys(node.term for node in nodes()))


@cache
def nodes_of(word: str) -> tuple[Node, ...]:
    """The nodes that `word` names, the broadest first."""
    return tuple(sorted((node for node in nodes() if node.term == word), key=lambda node: node.tier))


def sense(wordnet: WordNet, word: str) -> Synset | None:
    """The synset of a word of the tree: the choice of senses.yaml, else the most frequent meaning that is a feeling,
    else a state, else an attribute, else the most frequent one; null for a word that WordNet does not have.

    Raises:
        DsbuildError: senses.yaml names a synset that the word does not have.
    """
    senses = wordnet.senses(word, "n")
    wanted = _editorial()[0].get(word)
    if wanted is not None:
        for synset in senses:
            if synset.id == wanted:
                return synset
        raise DsbuildError(f"WordNet has no meaning {wanted} for '{word}'.", where="senses.yaml")
    for lexfile in _PREFERRED:
        for synset in senses:
            if synset.lexfile == lexfile:
                return synset
    return senses[0] if senses else None


def senses(wordnet: WordNet) -> dict[str, Synset | None]:
    """`sense` of every word of the tree."""
    return {word: sense(wordnet, word) for word in words_of_the_tree()}


def definitions(chosen: dict[str, Synset | None]) -> list[Definition]:
    """One for each node: the gloss of its meaning, and above the third tier what the node takes in.

    So a word that stands at several tiers has a definition at each that is its own.

    Raises:
        DsbuildError: a word has neither a meaning nor an editorial definition.
    """
    found = []
    for node in nodes():
        synset = chosen[node.term]
        if synset is not None:
            text, source = synset.definition, PREFIX + synset.id
        elif node.term in _editorial()[1]:
            text, source = _editorial()[1][node.term], EDITORIAL
        else:
            raise DsbuildError(f"'{node.term}' has no definition.", fix="Write one in senses.yaml.")
        below = _children(node)
        if below:
            text += f"; as a {_TIERS[node.tier]} emotion it takes in {_listed([child.term for child in below])}"
            source += " tree"
        found.append(Definition(node, text, source))
    return found


def _children(node: Node) -> list[Node]:
    if node.tier == 1:
        return [other for other in nodes() if other.tier == 2 and other.primary == node.primary]
    if node.tier == 2:
        above = (node.primary, node.secondary)
        return [other for other in nodes() if other.tier == 3 and (other.primary, other.secondary) == above]
    return []


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
