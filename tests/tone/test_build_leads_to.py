"""The tests behind leadsTo, against counting by hand."""

from __future__ import annotations

import json
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsbuild.tone.dialogues import Dialogues, read_cped, read_dailydialog, read_peld
from dsbuild.tone.leads_to import distribution, holm, tail, transitions
from schemas.errors import DsbuildError

ANGER, FEAR, JOY = ("anger", 1), ("fear", 1), ("joy", 1)


@given(n=st.integers(1, 7), a=st.integers(0, 4), b=st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_the_distribution_is_that_of_all_orders(n: int, a: int, b: int) -> None:
    if a + b > n:
        return
    turns = "A" * a + "B" * b + "-" * (n - a - b)
    orders = Counter("".join(order).count("AB") for order in permutations(turns))
    total = sum(orders.values())
    expected = [orders[x] / total for x in range(min(a, b) + 1)]
    assert distribution(n, a, b) == pytest.approx(expected)


def test_dialogues_add_up() -> None:
    # Two dialogues of an A and a B each: "AB" in each with 1/2, so both with 1/4.
    assert tail(Counter({(2, 1, 1): 2}), 2) == pytest.approx(0.25)
    assert tail(Counter({(2, 1, 1): 2}), 0) == pytest.approx(1.0)
    assert tail(Counter({(2, 1, 1): 2}), 3) == 0.0


def test_holm_is_the_published_procedure() -> None:
    # Worked: the smallest times 4, the next times 3, never below the one before, never above 1.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_a_pair_that_always_comes_together_is_found_and_its_reverse_is_not() -> None:
    exchanges = tuple([(ANGER, FEAR), (None, JOY), (JOY, None), (None, None)] * 30)
    found = {(t.before, t.after): t for t in transitions([Dialogues("made", exchanges)])}
    assert found[ANGER, FEAR].significant
    assert (found[ANGER, FEAR].observed, found[ANGER, FEAR].answers) == (30, 30)
    assert found[ANGER, FEAR].expected == pytest.approx(30 * 30 / 120)
    assert not found[FEAR, ANGER].significant
    assert not found[JOY, FEAR].significant


def test_one_talkative_dialogue_proves_nothing() -> None:
    # Sixty times anger, fear, but all in one dialogue, which could be the exception.
    exchanges = ((ANGER, FEAR) * 60, *([(None, None, JOY, None)] * 40))
    found = {(t.before, t.after): t for t in transitions([Dialogues("made", exchanges)])}
    assert found[ANGER, FEAR].observed == 60
    assert not found[ANGER, FEAR].significant


def test_triples_of_one_dialogue_are_put_together_and_counted_once(tmp_path: Path) -> None:
    head = [
        "Speaker_1",
        "Speaker_2",
        "Utterance_1",
        "Utterance_2",
        "Utterance_3",
        "Emotion_1",
        "Emotion_2",
        "Emotion_3",
    ]
    rows = [
        ["A", "B", "one", "two", "three", "anger", "fear", "joy"],
        ["B", "A", "two", "three", "four", "fear", "joy", "neutral"],  # moves on by one turn
        ["B", "A", "four", "five", "six", "neutral", "anger", "anger"],  # starts where the last one ended
        ["A", "B", "one", "two", "three", "anger", "fear", "joy"],  # there already
        ["C", "D", "x", "y", "z", "joy", "joy", "joy"],
    ]
    path = tmp_path / "peld.tsv"
    path.write_text("\n".join("\t".join(row) for row in [head, *rows]) + "\n")
    exchanges = [exchange for exchange in read_peld(path).exchanges if len(exchange) > 1]
    assert exchanges == [(ANGER, FEAR, JOY, None, ANGER, ANGER), (JOY, JOY, JOY)]


def test_nobody_answers_themselves(tmp_path: Path) -> None:
    path = tmp_path / "cped.csv"
    path.write_text(
        "\ufeffDialogue_ID,Speaker,Emotion\nd1,A,anger\nd1,A,fear\nd1,B,happy\nd2,B,neutral\n", encoding="utf-8"
    )
    assert read_cped(path).exchanges == ((ANGER,), (FEAR, JOY), (None,))


def test_an_emotion_that_the_corpus_does_not_have_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "valid.json"
    path.write_text(json.dumps({"dialogue": [{"emotion": "hungry"}]}) + "\n")
    with pytest.raises(DsbuildError, match="'hungry' is none of the emotions of dailydialog"):
        read_dailydialog(path)


def test_the_real_files_have_the_sizes_that_are_documented(shared_data: Path) -> None:
    daily = read_dailydialog(shared_data / "dailydialog" / "valid.json")
    assert (len(daily.exchanges), sum(map(len, daily.exchanges))) == (1000, 8069)
    assert sum(turn == JOY for exchange in daily.exchanges for turn in exchange) == 684
    cped = read_cped(shared_data / "cped" / "valid_split.csv")
    assert sum(map(len, cped.exchanges)) == 11137
    assert sum(turn == ANGER for exchange in cped.exchanges for turn in exchange) == 1608
