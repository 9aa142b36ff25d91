"""What TONE says about two emotions: opposites, compositions, and what follows what, each with its source.

A source speaks of words, not of tiers: what it says is stated of the broadest node that its word names. Opposites are
inherited: a node without a stated opposite of its own has those of the nearest node above it that has one. The nodes
above are its secondary and its primary; for a word that stands at several tiers they include its own upper nodes.
isOppositeOf is symmetric; each pair is written once, an inherited one with the node that inherits as its subject.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dsbuild.tone.leads_to import Transition
from dsbuild.tone.senses import PREFIX, nodes_of
from dsbuild.tone.wordnet import ANTONYM, NOUN_ATTRIBUTE, NOUN_FEELING, NOUN_STATE, WordNet
from schemas.tone.tree import Node, node, nodes

OPPOSITE, COMPOSED, LEADS_TO = "isOppositeOf", "isComposedOf", "leadsTo"
_EMOTIONAL = (NOUN_FEELING, NOUN_STATE, NOUN_ATTRIBUTE)


@dataclass(frozen=True)
class Statement:
    """A row of statements.tsv without its verification."""

    subject: Node
    predicate: str
    object: Node
    source: str
    basis: str
    group: str = ""
    figures: str = ""

    @property
    def key(self) -> tuple[str, int, str, str, int, str]:
        """What identifies it."""
        return (
            self.subject.term,
            self.subject.tier,
            self.predicate,
            self.object.term,
            self.object.tier,
            self.group,
        )


@cache
def plutchik() -> dict[str, Any]:
    """Plutchik's wheel (plutchik.yaml)."""
    data: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("plutchik.yaml").read_text(encoding="utf-8"))
    return data


def dyads() -> dict[str, tuple[str, str]]:
    """{name: its two basic emotions} of the whole wheel."""
    return {name: tuple(pair) for group in plutchik()["dyads"].values() for name, pair in group.items()}


def opposites(wordnet: WordNet, words: Iterable[str]) -> list[Statement]:
    """The stated opposites: antonyms among the words of the tree, in meanings that are feelings, states or attributes,
    and Plutchik's opposites of which both are words of the tree."""
    known = set(words)
    sources: dict[tuple[str, str], list[str]] = {}
    for word in sorted(known):
        for synset in wordnet.senses(word, "n"):
            if synset.lexfile not in _EMOTIONAL:
                continue
            for pointer in synset.to(ANTONYM, word):
                target = wordnet.synset(pointer.offset, pointer.pos)
                other = target.words[pointer.target - 1]
                if other in known and word < other and target.lexfile in _EMOTIONAL:
                    source = f"{PREFIX}{synset.id} {ANTONYM} {target.id}"
                    sources.setdefault((word, other), []).append(source)
    for pair in plutchik()["opposites"]:
        first, second = sorted(pair)
        if {first, second} <= known:
            sources.setdefault((first, second), []).append(plutchik()["source"])
    return [
        Statement(nodes_of(a)[0], OPPOSITE, nodes_of(b)[0], "; ".join(found), "stated")
        for (a, b), found in sorted(sources.items())
    ]


def inherited(stated: Sequence[Statement]) -> list[Statement]:
    """What follows from the stated opposites by the rule above."""
    of: dict[Node, list[tuple[Node, str]]] = {}
    for statement in stated:
        of.setdefault(statement.subject, []).append((statement.object, statement.source))
        of.setdefault(statement.object, []).append((statement.subject, statement.source))
    found = []
    for each in nodes():
        if each in of:
            continue
        above = next((upper for upper in _above(each) if upper in of), None)
        if above is not None:
            found += [
                Statement(each, OPPOSITE, other, f"inherited from {above.term}@{above.tier}: {source}", "inferred")
                for other, source in of[above]
            ]
    return found


def _above(each: Node) -> list[Node]:
    upper = []
    if each.tier == 3:
        upper.append(Node(each.primary, each.secondary))
    if each.tier >= 2:
        upper.append(Node(each.primary))
    return upper


def compositions(words: Iterable[str]) -> tuple[list[Statement], dict[str, list[str]]]:
    """Plutchik's dyads that are words of the tree: (two statements each, {dyad: its parts that are no words of it}).

    A dyad of which a part has no node is left out: half a composition would be wrong.
    """
    known = set(words)
    found: list[Statement] = []
    left_out: dict[str, list[str]] = {}
    for name, parts in sorted(dyads().items()):
        if name not in known:
            continue
        missing = [part for part in parts if part not in known]
        if missing:
            left_out[name] = missing
            continue
        found += [
            Statement(
                nodes_of(name)[0], COMPOSED, nodes_of(part)[0], plutchik()["source"], "stated", f"plutchik:{name}"
            )
            for part in sorted(parts)
        ]
    return found, left_out


def sequels(tested: Iterable[Transition]) -> list[Statement]:
    """The transitions that are significant, with their figures."""
    return [
        Statement(
            node(*each.before),
            LEADS_TO,
            node(*each.after),
            "dialogues: " + " ".join(each.by_corpus),
            "data",
            figures=json.dumps(_figures(each), sort_keys=True),
        )
        for each in tested
        if each.significant
    ]


def _figures(each: Transition) -> Mapping[str, Any]:
    # Three digits: what a reader needs, and the same on every machine.
    return {
        "answers": each.answers,
        "observed": each.observed,
        "expected": round(each.expected, 1),
        "z": round(each.z, 2),
        "p": float(f"{each.p:.2e}"),
        "p_holm": float(f"{each.p_holm:.2e}"),
        "p_order": float(f"{each.p_order:.2e}"),
        "observed_by_corpus": each.by_corpus,
    }
