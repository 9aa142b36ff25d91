"""chrF against sacreBLEU's, which is an implementation of its own, and against what can be counted by hand."""

from __future__ import annotations

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from annotators.translation.chrf import chrf

words = st.text(alphabet="abcdeé रामखुश😀.", min_size=1, max_size=30).filter(lambda text: text.split())


@given(words, words)
def test_it_is_sacrebleus_chrf_of_sentences(hypothesis: str, reference: str) -> None:
    ours = chrf(hypothesis, reference)
    # sacreBLEU smooths nothing with eps_smoothing off and averages over the orders both texts have.
    theirs = sacrebleu.sentence_chrf(hypothesis, [reference]).score / 100
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_a_worked_example() -> None:
    # "abc" and "abd": of unigrams 2/3 agree, of bigrams 1/2, of trigrams none; P = R = (2/3 + 1/2 + 0) / 3 = 7/18.
    assert chrf("abc", "abd") == pytest.approx(7 / 18)


@given(words)
def test_a_text_is_equal_to_itself_and_blanks_do_not_matter(text: str) -> None:
    assert chrf(text, text) == pytest.approx(1)
    assert chrf(" ".join(text.split()), f"  {text}\n") == pytest.approx(1)


def test_texts_without_anything_shared_are_at_nought() -> None:
    assert chrf("abc", "xyz") == 0
    assert chrf("", "xyz") == 0
    assert chrf(" ", "") == 1
