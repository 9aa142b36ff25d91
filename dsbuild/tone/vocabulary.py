"""Which words belong to an emotion: what WordNet relates to its meaning, and whose a word is that several claim.

A claim is a path from the meaning of a word of the tree to a meaning of another word. Written down it reads
`wordnet-3.0:07518261-n = 14406573-n + 01787973-v ed 01806107-s`: synsets, and between them WordNet's pointer symbols
(`+` derived form, `\\` adjective to its adverb, `&` similar adjective, `~` a kind of it), or `=` for another meaning of
the same word, or `ed` and `ing` for the participle of the verb before, which is an adjective in WordNet. An emotion
claims

1. the words that share its synset (synonyms),
2. the words derived from those, first from the emotion's own word and then from its synonyms: verbs, their participles,
   adjectives with the words that share their synset, adverbs of these; by way of another meaning of the word only verbs
   of emotion,
3. the adjectives that WordNet calls similar to one of those adjectives,
4. the kinds of it that are feelings too, and what is derived from them, the nearer before the farther.

A word is only claimed if the meaning is a usual one of it (`_is_usual`). A closer claim beats a looser one. Between
equals the sentence embedding decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsbuild.tone.forms import participles
from dsbuild.tone.senses import PREFIX
from dsbuild.tone.wordnet import (
    DERIVED,
    HYPONYM,
    NOUN_FEELING,
    NOUN_STATE,
    PERTAINS,
    SIMILAR,
    VERB_EMOTION,
    Pointer,
    Synset,
    WordNet,
)

SYNONYM, RELATED, SIMILAR_TO, KIND = 1, 2, 3, 4

USUAL = 0.1  # of the word's uses in WordNet's tagged texts
RARE = 3  # the last meaning that counts as usual for a word that does not occur there

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class Claim:
    """`word` belongs to the emotion `term` because of `path`; of two the one with the lower `closeness` is closer.

    `sense` is the place of the path's last meaning among the word's own, 1 for its most frequent.
    """

    word: str
    term: str
    closeness: tuple[int, int]
    path: str
    pos: str
    sense: int

    @property
    def rank(self) -> tuple[tuple[int, int], int, int, str]:
        """The order among the claims of one emotion to one word: the first is kept."""
        return self.closeness, self.path.count(" "), self.sense, self.path


@dataclass(frozen=True)
class Entry:
    """The claim that stands; `claimed_by` counts the emotions that claim the word as closely, `cosine` decided."""

    claim: Claim
    claimed_by: int
    cosine: float | None


def claims(wordnet: WordNet, chosen: Mapping[str, Synset | None]) -> list[Claim]:
    """The closest claim of every word of the tree to every word it claims."""
    best: dict[tuple[str, str], Claim] = {}
    for term, synset in chosen.items():
        if synset is not None:
            for claim in _claims_of(wordnet, term, synset):
                kept = best.setdefault((claim.word, term), claim)
                if claim.rank < kept.rank:
                    best[claim.word, term] = claim
    return sorted(best.values(), key=lambda claim: (claim.word, claim.term))


def settle(
    claimed: Sequence[Claim], taken: Collection[str], texts: Mapping[str, str], embed: Embed
) -> tuple[list[Entry], list[Entry]]:
    """Whose each word is: (the claims that stand, the ones that lost by the cosine), by word.

    `taken` are words that have their place already. `texts` are what stands for each emotion when it is compared with
    a bare word; equal cosines (to four digits) go to the emotion that is first in the alphabet.
    """
    rivals: dict[str, list[Claim]] = {}
    for claim in claimed:
        if claim.word not in taken:
            rivals.setdefault(claim.word, []).append(claim)
    for word, all_of_it in rivals.items():
        closest = min(claim.closeness for claim in all_of_it)
        rivals[word] = [claim for claim in all_of_it if claim.closeness == closest]
    contested = [word for word, left in rivals.items() if len(left) > 1]
    terms = sorted({claim.term for word in contested for claim in rivals[word]})
    cosines: dict[tuple[str, str], float] = {}
    if contested:
        of_words, of_terms = embed(contested), embed([texts[term] for term in terms])
        place = {term: number for number, term in enumerate(terms)}
        for word, vector in zip(contested, of_words, strict=True):
            for claim in rivals[word]:
                # Unit vectors. Four digits: the same on processors that sum in another order.
                cosines[word, claim.term] = round(float(vector @ of_terms[place[claim.term]]), 4)
    stand, lost = [], []
    for word, left in sorted(rivals.items()):
        ordered = sorted(left, key=lambda claim: (-cosines.get((word, claim.term), 0.0), claim.term))
        entries = [Entry(claim, len(left), cosines.get((word, claim.term))) for claim in ordered]
        stand.append(entries[0])
        lost.extend(entries[1:])
    return stand, lost


def _claims_of(wordnet: WordNet, term: str, own: Synset) -> Iterator[Claim]:
    def claim(word: str, closeness: tuple[int, int], path: Sequence[str], synset: Synset) -> Iterator[Claim]:
        pos = "a" if synset.pos == "s" else synset.pos
        ids = [sense.id for sense in wordnet.senses(word, pos)]
        made = Claim(word, term, closeness, PREFIX + " ".join(path), pos, ids.index(synset.id) + 1)
        if _is_usual(made, wordnet.share(word, pos, made.sense)):
            yield made

    for word in own.words:
        yield from claim(word, (SYNONYM, 0), [own.id], own)
    for path, source, word, synset in _derived(wordnet, own):
        near = (RELATED, int(source != term))
        if synset.pos in "as":
            for other in synset.words:
                closeness = near if other == word else (RELATED, 1)
                yield from claim(other, closeness, path, synset)
                for adverb, below in wordnet.adverbs_of(synset, other):
                    yield from claim(adverb, closeness, [*path, PERTAINS, below.id], below)
            if path[1] == DERIVED:
                for pointer in synset.to(SIMILAR):
                    similar = wordnet.synset(pointer.offset, pointer.pos)
                    for other in similar.words:
                        yield from claim(other, (SIMILAR_TO, 0), [*path, SIMILAR, similar.id], similar)
        elif path[1] == DERIVED or synset.lexfile == VERB_EMOTION:
            for form, longer, found in _verb_and_participles(wordnet, path, word, synset):
                yield from claim(form, near, longer, found)
    pending: list[tuple[list[str], Synset]] = [([own.id], own)]
    for path, synset in pending:  # grows while it is walked: breadth first
        if len(path) > 1:
            steps = (KIND, len(path) // 2)
            for word in synset.words:
                yield from claim(word, steps, path, synset)
            for pointer in synset.to(DERIVED):
                longer, target = _along(wordnet, path, pointer)
                word = target.words[pointer.target - 1]
                if pointer.pos == "a":
                    yield from claim(word, steps, longer, target)
                elif pointer.pos == "v" and target.lexfile == VERB_EMOTION:
                    for form, further, found in _verb_and_participles(wordnet, longer, word, target):
                        yield from claim(form, steps, further, found)
        for pointer in synset.to(HYPONYM):
            longer, below = _along(wordnet, path, pointer)
            if below.lexfile == NOUN_FEELING:
                pending.append((longer, below))


def _is_usual(claim: Claim, share: float | None) -> bool:
    """Whether the meaning is one that people have in mind when they write the word.

    `share` is the part of the word's uses in WordNet's tagged texts that have the meaning; null where it does not
    occur there.
    """
    if claim.closeness[0] in (SIMILAR_TO, KIND) and claim.sense > 1:
        return False
    return share >= USUAL if share is not None else claim.sense <= RARE


def _along(wordnet: WordNet, path: Sequence[str], pointer: Pointer) -> tuple[list[str], Synset]:
    target = wordnet.synset(pointer.offset, pointer.pos)
    return [*path, pointer.symbol, target.id], target


def _verb_and_participles(
    wordnet: WordNet, path: list[str], verb: str, synset: Synset
) -> Iterator[tuple[str, list[str], Synset]]:
    """(form, path, synset) of a verb and of those of its participles that are adjectives in WordNet."""
    yield verb, path, synset
    for form, kind in participles(verb, wordnet.exceptions(verb)):
        for adjective in wordnet.senses(form, "a")[:1]:
            yield form, [*path, kind, adjective.id], adjective


def _derived(wordnet: WordNet, own: Synset) -> Iterator[tuple[list[str], str, str, Synset]]:
    """(path, source word, derived word, its synset) of what is derived from the words of `own`: in this meaning, or in
    another one of theirs that is a feeling or a state too (WordNet notes many a verb at one of several near meanings).
    """
    starts: list[tuple[list[str], Synset, str | None]] = [([own.id], own, None)]
    for word in own.words:
        for other in wordnet.senses(word, "n"):
            if other.id != own.id and other.lexfile in (NOUN_FEELING, NOUN_STATE):
                starts.append(([own.id, "=", other.id], other, word))
    for path, synset, only in starts:
        for pointer in synset.to(DERIVED, only):
            if pointer.pos in "av":
                longer, target = _along(wordnet, path, pointer)
                yield longer, synset.words[pointer.source - 1], target.words[pointer.target - 1], target
