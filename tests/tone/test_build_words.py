"""Every definition and every word that TONE ships is in the excerpt of WordNet beside it, where its source says.

The excerpt is read here by a reader of its own, straight from the lines, so that a slip of the build's parser shows.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from schemas.tone import nodes
from tests.tone.conftest import DATA

Rows = list[dict[str, str]]
Shipped = dict[str, Rows]
TREE = {node.term for node in nodes()}


@dataclass(frozen=True)
class Line:
    lexfile: str
    words: tuple[str, ...]
    pointers: frozenset[tuple[str, str, int, int]]  # symbol, synset, from word, to word (1 is the first, 0 all)
    gloss: str


@cache
def lines() -> dict[str, Line]:
    found = {}
    for name in ("noun", "verb", "adj", "adv"):
        text = (DATA / "sources" / "wordnet-3.0" / f"data.{name}").read_text(encoding="utf-8")
        for line in re.findall(r"^\d{8} .*$", text, re.M):
            before, gloss = line.split(" | ", 1)
            offset, lexfile, pos, count, *rest = before.split()
            n = int(count, 16)
            words = tuple(re.sub(r"\(\w+\)$", "", word).replace("_", " ").lower() for word in rest[: 2 * n : 2])
            part = rest[2 * n + 1 : 2 * n + 1 + 4 * int(rest[2 * n])]
            pointers = frozenset(
                (part[i], part[i + 1], int(part[i + 3][:2], 16), int(part[i + 3][2:], 16))
                for i in range(0, len(part), 4)
            )
            found[f"{offset}-{pos}"] = Line(lexfile, words, pointers, gloss.strip())
    return found


def pointing(symbol: str, here: str, there: str) -> set[tuple[str, str]]:
    """The (word, word) between which the pointer runs; for one between whole synsets every pair of their words."""
    a, b = lines()[here], lines()[there]
    found: set[tuple[str, str]] = set()
    for sign, offset, source, target in a.pointers:
        if sign == symbol and offset == there[:8]:
            sources = a.words if source == 0 else (a.words[source - 1],)
            targets = b.words if target == 0 else (b.words[target - 1],)
            found |= {(x, y) for x in sources for y in targets}
    return found


def reachable(path: str, term: str) -> set[str]:
    """The words that a vocabulary source leads to, step by step; empty where a step does not hold."""
    assert path.startswith("wordnet-3.0:")
    first, *rest = path.removeprefix("wordnet-3.0:").split(" ")
    words = set(lines()[first].words)
    assert term in words, f"{path}: {term} does not have the first meaning"
    here = first
    for sign, there in zip(rest[::2], rest[1::2], strict=True):
        new = set(lines()[there].words)
        if sign == "=":
            words &= new
        elif sign in ("ed", "ing"):
            # A participle begins as its verb does, and irregular ones are listed.
            forms = {word for word in new if any(_participle(word, verb) for verb in words)}
            words = forms
        elif sign == "\\":
            words = {adverb for adverb, adjective in pointing("\\", there, here) if adjective in words}
        else:
            if sign == "+":
                pairs = pointing("+", here, there)
                assert any(a in words for a, _ in pairs), f"{path}: nothing derived at {here}"
            elif sign in ("&", "~"):
                assert pointing(sign, here, there), f"{path}: no {sign} from {here} to {there}"
            else:
                pytest.fail(f"{path}: {sign} is no relation")
            words = new
        here = there
    return words


def _participle(form: str, verb: str) -> bool:
    for line in (DATA / "sources" / "wordnet-3.0" / "verb.exc").read_text(encoding="utf-8").splitlines():
        irregular, *verbs = line.split(" ")
        if form == irregular and verb in verbs:
            return True
    head = verb.split(" ")[0]
    stem = head[:-1] if head[-1] in "ey" else head
    return form.split(" ")[0] in {head + "ed", head + "ing", stem + "ed", stem + "ing", stem + "ied"}


def test_every_node_has_one_definition(shipped: Shipped) -> None:
    named = [(row["term"], int(row["tier"]), row["primary"]) for row in shipped["definitions.tsv"]]
    assert sorted(named) == sorted((node.term, node.tier, node.primary) for node in nodes())


def test_every_definition_is_the_gloss_of_its_synset_or_editorial(shipped: Shipped) -> None:
    editorial = []
    for row in shipped["definitions.tsv"]:
        if row["source"] == "editorial":
            editorial.append(row["term"])
            continue
        source, *tree = row["source"].split(" ")
        line = lines()[source.removeprefix("wordnet-3.0:")]
        assert row["term"] in line.words
        text, cut, below = row["definition"].partition(f"; as a {'primary' if row['tier'] == '1' else 'secondary'} ")
        assert line.gloss == text or line.gloss.startswith(text + '; "'), row
        assert (tree == ["tree"]) == bool(cut) == (row["tier"] != "3")
        if cut:
            children = re.split(", | and ", below.removeprefix("emotion it takes in "))
            tier = int(row["tier"])
            owns = {
                n.term for n in nodes() if n.tier == tier + 1 and row["term"] in ((n.primary, n.secondary)[tier - 1],)
            }
            assert set(children) == owns
    assert editorial == ["grouchiness"]


def test_a_word_at_several_tiers_is_defined_at_each_in_its_own_way(shipped: Shipped) -> None:
    texts = defaultdict(list)
    for row in shipped["definitions.tsv"]:
        texts[row["term"]].append(row["definition"])
    several = {term: given for term, given in texts.items() if len(given) > 1}
    assert len(several) == 29
    assert all(len(set(given)) == len(given) for given in several.values())


def test_meanings_are_feelings_wherever_the_word_has_one_that_fits(shipped: Shipped) -> None:
    files = Counter(
        lines()[row["source"].split(" ")[0].removeprefix("wordnet-3.0:")].lexfile
        for row in shipped["definitions.tsv"]
        if row["tier"] == "3" and row["source"] != "editorial"
    )
    assert files["12"] >= 118
    assert set(files) <= {"12", "26", "07", "09", "10"}


def test_every_path_of_the_vocabulary_leads_from_the_emotion_to_the_word(shipped: Shipped) -> None:
    for row in shipped["vocabulary.tsv"]:
        assert row["word"] in reachable(row["source"], row["term"]), row


def test_a_word_stands_with_one_emotion_at_every_tier_of_its_word(shipped: Shipped) -> None:
    tiers = defaultdict(set)
    for node in nodes():
        tiers[node.term].add(str(node.tier))
    placed = defaultdict(set)
    for row in shipped["vocabulary.tsv"]:
        placed[row["word"]].add((row["term"], row["tier"]))
    for word, places in placed.items():
        terms = {term for term, _ in places}
        assert len(terms) == 1, word
        assert {tier for _, tier in places} == tiers[terms.pop()], word


def test_words_of_the_tree_and_of_its_short_form_are_no_vocabulary(shipped: Shipped) -> None:
    words = {row["word"] for row in shipped["vocabulary.tsv"]}
    assert not words & TREE
    assert not words & {row["word"] for row in shipped["alternatives.tsv"]}


@pytest.mark.parametrize(
    ("word", "term", "primary"),
    [
        ("vexation", "annoyance", "anger"),
        ("vexed", "irritation", "anger"),
        ("sad", "sadness", "sadness"),
        ("sadly", "sadness", "sadness"),
        ("grateful", "gladness", "joy"),
        ("furious", "fury", "anger"),
        ("surprised", "surprise", "surprise"),
        ("fearful", "fear", "fear"),
        ("affectionate", "affection", "love"),
    ],
)
def test_words_that_people_write_are_found(shipped: Shipped, word: str, term: str, primary: str) -> None:
    rows = [row for row in shipped["vocabulary.tsv"] if row["word"] == word]
    assert {row["term"] for row in rows} == {term}
    assert {node.primary for node in nodes() if node.term == term} == {primary}


def test_a_contested_word_is_with_the_emotion_of_the_highest_cosine(shipped: Shipped) -> None:
    claims = defaultdict(list)
    for row in shipped["contested.tsv"]:
        claims[row["word"]].append((float(row["cosine"]), row["stands"], row["term"]))
    vocabulary = {row["word"]: row for row in shipped["vocabulary.tsv"]}
    for word, of_word in claims.items():
        best = max(cosine for cosine, _, _ in of_word)
        standing = [(cosine, term) for cosine, stands, term in of_word if stands == "yes"]
        assert [cosine for cosine, _ in standing] == [best], word
        row = vocabulary[word]
        assert (row["term"], float(row["cosine"])) == (standing[0][1], best)
        assert int(row["claimed_by"]) == len(of_word)
    uncontested = [row for word, row in vocabulary.items() if word not in claims]
    assert {(row["claimed_by"], row["cosine"]) for row in uncontested} == {("1", "")}


def test_a_contested_words_other_claims_lead_to_it_too(shipped: Shipped) -> None:
    for row in shipped["contested.tsv"]:
        assert row["word"] in reachable(row["source"], row["term"]), row


def test_nobody_has_verified_anything_yet(shipped: Shipped) -> None:
    assert shipped["verdicts.tsv"] == []
    for name in ("vocabulary.tsv", "statements.tsv"):
        assert {row["verification"] for row in shipped[name]} == {"pending"}


def test_every_file_is_sorted_without_a_row_twice(data: Path) -> None:
    for path in data.glob("*.tsv"):
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
        assert rows == sorted(rows), path.name
        assert len({tuple(row) for row in rows}) == len(rows), path.name


def test_every_word_of_parrotts_short_form_resolves(shipped: Shipped, shared_data: Path) -> None:
    short = [line.split("\t") for line in (shared_data / "parrott" / "short.tsv").read_text().splitlines()[1:]]
    words = {word for row in short for word in row}
    alternatives = {row["word"]: (row["term"], int(row["tier"])) for row in shipped["alternatives.tsv"]}
    assert words - TREE == set(alternatives)
    known = {(node.term, node.tier) for node in nodes()}
    assert set(alternatives.values()) <= known
    # Where both forms have a place for it, the alternative is in the same branch.
    primary = {(node.term, node.tier): node.primary for node in nodes()}
    for first, _, third in short:
        if third in alternatives:
            assert primary[alternatives[third]] == first


@pytest.mark.live
def test_the_excerpt_holds_unchanged_lines_of_the_real_wordnet(data: Path, real_wordnet: Path) -> None:
    for path in (data / "sources" / "wordnet-3.0").iterdir():
        real = set((real_wordnet / path.name).read_text(encoding="utf-8").splitlines())
        made = set(path.read_text(encoding="utf-8").splitlines())
        assert made <= real, path.name


def test_the_licences_go_with_the_data(data: Path) -> None:
    notice = (data / "NOTICE").read_text(encoding="utf-8")
    for phrase in (
        "WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved.",
        "Permission to use, copy, modify and distribute this software and",
        "Copyright (c) 2016 C.J. Hutto",
        "CC BY-SA 4.0",
        "TONE's own file\nis not public",
    ):
        assert phrase in notice
    for name in ("data.noun", "data.verb", "data.adj", "data.adv"):
        head = (data / "sources" / "wordnet-3.0" / name).read_text(encoding="utf-8")[:4000]
        assert "WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved." in head
