"""Every statement and every number that TONE ships is derived here once more, from what its source says."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from schemas.tone import Node, node, nodes
from tests.tone.conftest import DATA
from tests.tone.test_build_words import lines, pointing

Shipped = dict[str, list[dict[str, str]]]

# Plutchik's wheel as the facts give it, typed here once more: what the tree has words for.
DYADS = {
    "love": {"joy", "trust"},
    "alarm": {"fear", "surprise"},
    "disappointment": {"surprise", "sadness"},
    "remorse": {"sadness", "disgust"},
    "contempt": {"disgust", "anger"},
    "optimism": {"anticipation", "joy"},
    "guilt": {"joy", "fear"},
    "despair": {"fear", "sadness"},
    "envy": {"sadness", "anger"},
    "pride": {"anger", "joy"},
    "hope": {"anticipation", "trust"},
    "delight": {"joy", "surprise"},
    "sentimentality": {"trust", "sadness"},
    "shame": {"fear", "disgust"},
    "outrage": {"surprise", "anger"},
    "anxiety": {"anticipation", "fear"},
}
ANTONYMS = {
    ("depression", "elation"),
    ("despair", "hope"),
    ("dislike", "liking"),
    ("happiness", "sadness"),
    ("happiness", "unhappiness"),
    ("hate", "love"),
    ("joy", "sorrow"),
}


def _rows(shipped: Shipped, predicate: str, basis: str) -> list[dict[str, str]]:
    return [row for row in shipped["statements.tsv"] if (row["predicate"], row["basis"]) == (predicate, basis)]


def _subject(row: dict[str, str]) -> Node:
    return node(row["subject_term"], int(row["subject_tier"]))


def _object(row: dict[str, str]) -> Node:
    return node(row["object_term"], int(row["object_tier"]))


def _broadest(term: str) -> Node:
    return min((each for each in nodes() if each.term == term), key=lambda each: each.tier)


def test_every_statement_is_of_two_nodes_and_has_a_source(shipped: Shipped) -> None:
    for row in shipped["statements.tsv"]:
        assert _subject(row) != _object(row)
        assert re.match(r"wordnet-3\.0:\d{8}-n ! \d{8}-n$|plutchik: |inherited from |dialogues: ", row["source"])


def test_the_antonyms_are_in_wordnet_between_words_of_the_tree(shipped: Shipped) -> None:
    found = set()
    for row in _rows(shipped, "isOppositeOf", "stated"):
        if row["source"].startswith("wordnet-3.0:"):
            here, there = row["source"].removeprefix("wordnet-3.0:").split(" ! ")
            pair = (row["subject_term"], row["object_term"])
            assert pair in pointing("!", here, there) or pair[::-1] in pointing("!", here, there)
            found.add(pair)
    assert found == ANTONYMS


def test_no_antonym_of_the_excerpt_was_left_out(shipped: Shipped) -> None:
    tree = {each.term for each in nodes()}
    found = set()
    for id_, line in lines().items():
        if id_.endswith("-n") and line.lexfile in ("07", "12", "26"):
            for sign, offset, _, _ in line.pointers:
                if sign == "!" and f"{offset}-n" in lines() and lines()[f"{offset}-n"].lexfile in ("07", "12", "26"):
                    found |= {pair for pair in pointing("!", id_, f"{offset}-n") if set(pair) <= tree}
    assert {tuple(sorted(pair)) for pair in found} == ANTONYMS


def test_plutchiks_opposites_are_those_of_which_both_are_in_the_tree(shipped: Shipped) -> None:
    found = {
        (row["subject_term"], row["object_term"])
        for row in _rows(shipped, "isOppositeOf", "stated")
        if row["source"].startswith("plutchik: alfonsosemeraro/pyplutchik@74706ee")
    }
    assert found == {("joy", "sadness"), ("anger", "fear")}


def test_compositions_are_plutchiks_dyads_of_which_both_parts_are_nodes(shipped: Shipped, data: Path) -> None:
    found: dict[str, set[str]] = {}
    for row in _rows(shipped, "isComposedOf", "stated"):
        assert row["group"] == f"plutchik:{row['subject_term']}"
        assert row["source"] == "plutchik: alfonsosemeraro/pyplutchik@74706ee"
        found.setdefault(row["subject_term"], set()).add(row["object_term"])
    known = {each.term for each in nodes()}
    assert found == {name: parts for name, parts in DYADS.items() if parts <= known}
    assert len(found) == 11
    left_out = json.loads((data / "meta.json").read_text(encoding="utf-8"))["left_out_compositions"]
    assert {name: set(parts) for name, parts in left_out.items()} == {
        name: parts - known for name, parts in DYADS.items() if not parts <= known
    }


def test_what_a_source_says_of_a_word_is_said_of_its_broadest_node(shipped: Shipped) -> None:
    for row in shipped["statements.tsv"]:
        if row["basis"] in ("stated", "data"):
            assert _subject(row) == _broadest(row["subject_term"])
            assert _object(row) == _broadest(row["object_term"])


def test_inherited_opposites_are_those_of_the_nearest_node_above(shipped: Shipped) -> None:
    stated: dict[Node, set[Node]] = {}
    for row in _rows(shipped, "isOppositeOf", "stated"):
        stated.setdefault(_subject(row), set()).add(_object(row))
        stated.setdefault(_object(row), set()).add(_subject(row))
    expected = set()
    for each in nodes():
        if each in stated:
            continue
        for upper in (Node(each.primary, each.secondary), Node(each.primary)):
            if upper != each and upper in stated:
                expected |= {(each, other, upper) for other in stated[upper]}
                break
    found = set()
    for row in _rows(shipped, "isOppositeOf", "inferred"):
        named = re.match(r"inherited from (.+)@(\d): ", row["source"])
        assert named is not None
        found.add((_subject(row), _object(row), node(named[1], int(named[2]))))
    assert found == expected


def test_the_opposite_of_grief_is_found_through_sadness(shipped: Shipped) -> None:
    found = [row for row in shipped["statements.tsv"] if row["subject_term"] == "grief"]
    assert [(row["predicate"], row["object_term"], row["basis"]) for row in found] == [
        ("isOppositeOf", "happiness", "inferred"),
        ("isOppositeOf", "joy", "inferred"),
    ]
    assert all(row["source"].startswith("inherited from sadness@1: ") for row in found)


def test_no_pair_of_opposites_is_written_twice(shipped: Shipped) -> None:
    pairs = [
        frozenset((_subject(row), _object(row)))
        for row in shipped["statements.tsv"]
        if row["predicate"] == "isOppositeOf"
    ]
    assert len(set(pairs)) == len(pairs)


def _counted(shared_data: Path) -> dict[str, list[list[str]]]:
    """The exchanges of each corpus, read again in another way: {corpus: [[emotion of each turn]]}."""
    ekman = {"happiness": "joy", "happy": "joy", "astonished": "surprise"}
    basic = ("anger", "disgust", "fear", "joy", "sadness", "surprise")

    def name(label: str) -> str:
        label = ekman.get(label, label)
        return label if label in basic else "-"

    daily = [
        [name(turn["emotion"]) for turn in json.loads(line)["dialogue"]]
        for line in (shared_data / "dailydialog" / "valid.json").open(encoding="utf-8")
    ]
    cped: list[list[str]] = []
    last = ("", "")
    for row in csv.DictReader((shared_data / "cped" / "valid_split.csv").open(encoding="utf-8-sig")):
        if row["Dialogue_ID"] != last[0] or row["Speaker"] == last[1]:
            cped.append([])
        cped[-1].append(name(row["Emotion"]))
        last = (row["Dialogue_ID"], row["Speaker"])
    # PELD: the distinct (turn, answer) pairs, in order of appearance; exchanges are chains of them in that order.
    lines_ = (shared_data / "peld" / "Dyadic_PELD.tsv").read_text(encoding="utf-8").splitlines()
    head = lines_[0].split("\t")
    seen = set()
    peld: list[list[tuple[str, str, str]]] = []
    for line in lines_[1:]:
        row = dict(zip(head, line.split("\t"), strict=True))
        turns = [(row[f"Speaker_{2 if n == 2 else 1}"], row[f"Utterance_{n}"], row[f"Emotion_{n}"]) for n in (1, 2, 3)]
        # Pairs of this row that the row before ended with are the same ones.
        for first, second in ((turns[0], turns[1]), (turns[1], turns[2])):
            if (first, second) in seen:
                continue
            seen.add((first, second))
            if peld and peld[-1][-1] == first:
                peld[-1].append(second)
            else:
                peld.append([first, second])
    return {"cped": cped, "dailydialog": daily, "peld": [[name(turn[2]) for turn in exchange] for exchange in peld]}


@pytest.fixture(scope="session")
def counted(shared_data: Path) -> dict[str, list[list[str]]]:
    return _counted(shared_data)


def test_what_follows_what_is_counted_again_on_the_real_dialogues(
    shipped: Shipped, counted: dict[str, list[list[str]]]
) -> None:
    emotions = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
    pairs = [(a, b) for a in emotions for b in emotions if a != b]
    z: dict[tuple[str, str], float] = {}
    observed: dict[tuple[str, str], dict[str, int]] = {pair: {} for pair in pairs}
    for a, b in pairs:
        total, variance = 0.0, 0.0
        for corpus, exchanges in counted.items():
            first = np.array([turn == a for exchange in exchanges for turn in exchange[:-1]], dtype=float)
            second = np.array([turn == b for exchange in exchanges for turn in exchange[1:]], dtype=float)
            of = np.repeat(np.arange(len(exchanges)), [len(exchange) - 1 for exchange in exchanges])
            products = (first - first.mean()) * (second - second.mean())
            sums = np.bincount(of, weights=products, minlength=len(exchanges))
            total += float(sums.sum())
            variance += float((sums**2).sum())
            observed[a, b][corpus] = int((first * second).sum())
        z[a, b] = total / variance**0.5
    stats = pytest.importorskip("scipy.stats")
    p = {pair: float(stats.norm.sf(value)) for pair, value in z.items()}
    # Holm: the smallest against alpha / 30, the next against alpha / 29, and so on until one is not below.
    significant = set()
    for rank, pair in enumerate(sorted(pairs, key=p.__getitem__)):
        if p[pair] >= 0.05 / (len(pairs) - rank):
            break
        significant.add(pair)
    rows = _rows(shipped, "leadsTo", "data")
    assert {(row["subject_term"], row["object_term"]) for row in rows} == significant
    for row in rows:
        figures = json.loads(row["figures"])
        pair = (row["subject_term"], row["object_term"])
        assert figures["observed_by_corpus"] == observed[pair]
        assert figures["observed"] == sum(observed[pair].values())
        assert figures["z"] == pytest.approx(z[pair], abs=0.006)
        assert figures["p"] == pytest.approx(p[pair], rel=0.01)
        answers = sum(turn == pair[0] for exchanges in counted.values() for e in exchanges for turn in e[:-1])
        assert figures["answers"] == answers


def test_the_second_test_agrees_with_shuffled_dialogues(shipped: Shipped, counted: dict[str, list[list[str]]]) -> None:
    row = next(row for row in _rows(shipped, "leadsTo", "data") if row["subject_term"] == "fear")
    figures = json.loads(row["figures"])
    exchanges = [e for of in counted.values() for e in of if "fear" in e and "anger" in e]
    random = np.random.default_rng(4)
    totals = np.zeros(3000, dtype=int)
    for exchange in exchanges:
        codes = np.array([{"fear": 1, "anger": 2}.get(turn, 0) for turn in exchange])
        shuffled = random.permuted(np.tile(codes, (len(totals), 1)), axis=1)
        totals += ((shuffled[:, :-1] == 1) & (shuffled[:, 1:] == 2)).sum(axis=1)
    share = float((totals >= figures["observed"]).mean())
    assert figures["p_order"] == pytest.approx(share, abs=4 * (share * (1 - share) / len(totals)) ** 0.5 + 1e-3)


def test_valence_is_the_mean_of_ten_ratings(shipped: Shipped) -> None:
    text = (DATA / "sources" / "vader" / "vader_lexicon.txt").read_text(encoding="utf-8")
    ratings = {line.split("\t")[0]: json.loads(line.split("\t")[3]) for line in text.splitlines()}
    measured = [row for row in shipped["norms.tsv"] if row["basis"] == "data"]
    assert {row["term"] for row in measured} == set(ratings)
    assert len(ratings) == 113
    for row in measured:
        given = np.array(ratings[row["term"]]) / 4
        assert len(given) == int(row["n"]) == 10
        assert float(row["value"]) == pytest.approx(given.mean(), abs=1e-4)
        assert float(row["sd"]) == pytest.approx(given.std(), abs=1e-4)


@pytest.mark.parametrize("file", ["norms.tsv", "norms-emobank.tsv"])
def test_values_in_between_follow_from_the_tree_and_are_marked(shipped: Shipped, file: str) -> None:
    for dimension in {row["dimension"] for row in shipped[file]}:
        rows = {node(row["term"], int(row["tier"])): row for row in shipped[file] if row["dimension"] == dimension}
        assert set(rows) == set(nodes())
        value = {each: float(row["value"]) for each, row in rows.items()}
        has = {each for each, row in rows.items() if row["basis"] == "data"}
        assert all(-1 <= each <= 1 for each in value.values())
        below: dict[Node, list[Node]] = {each: [] for each in nodes()}
        for each in nodes():
            if each.tier > 1:
                below[Node(each.primary, each.secondary if each.tier == 3 else None)].append(each)
        # A node has a value from below if it or anything below it was measured.
        known = set(has)
        for tier in (2, 1):
            known |= {each for each in nodes() if each.tier == tier and known & set(below[each])}
        for each in set(nodes()) - has:
            row = rows[each]
            assert (row["basis"], row["source"], row["sd"], row["n"]) == ("interpolated", "tree", "", "")
            children = [value[child] for child in below[each] if child in known]
            if children:
                assert value[each] == pytest.approx(np.mean(children), abs=2e-4)
            elif each.tier > 1:
                parent = Node(each.primary, each.secondary if each.tier == 3 else None)
                assert value[each] == value[parent]


def test_arousal_and_dominance_are_means_over_the_real_emobank(shipped: Shipped, shared_data: Path) -> None:
    terms = {each.term for each in nodes()}
    ratings: dict[tuple[str, str], list[float]] = {}
    with (shared_data / "emobank" / "emobank.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for word in set(re.split("[^a-z]+", row["text"].lower())) & terms:
                ratings.setdefault((word, "arousal"), []).append((float(row["A"]) - 3) / 2)
                ratings.setdefault((word, "dominance"), []).append((float(row["D"]) - 3) / 2)
    enough = {key: given for key, given in ratings.items() if len(given) >= 5}
    assert len({word for word, _ in enough}) == 22
    measured = [row for row in shipped["norms-emobank.tsv"] if row["basis"] == "data"]
    assert {(row["term"], row["dimension"]) for row in measured} == set(enough)
    for row in measured:
        given = enough[row["term"], row["dimension"]]
        assert float(row["value"]) == pytest.approx(np.mean(given), abs=1e-4)
        assert int(row["n"]) == len(given)


def test_the_counts_that_are_told_are_those_of_the_files(shipped: Shipped, data: Path) -> None:
    counts = json.loads((data / "meta.json").read_text(encoding="utf-8"))["counts"]
    assert counts["nodes"] == len(nodes()) == 166
    assert counts["vocabulary_words"] == len({row["word"] for row in shipped["vocabulary.tsv"]})
    assert counts["contested_words"] == len({row["word"] for row in shipped["contested.tsv"]})
    assert counts["alternatives"] == len(shipped["alternatives.tsv"])
    assert counts["statements"] == dict(
        Counter(f"{row['predicate']} {row['basis']}" for row in shipped["statements.tsv"])
    )
