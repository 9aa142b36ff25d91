"""What a memory probe's answers come to: an alarm where there is memory, and hardly ever one where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.llm.probe.figures import against_others, against_own
from annotators.llm.probe.pieces import LEAST, first_words, halves, likeness, tokens

MARGIN = 0.05


def test_the_longest_run_of_words_counts() -> None:
    true = tokens("The ladder stood against the wall")
    assert likeness(tokens("the ladder stood against the wall"), true) == 1
    assert likeness(tokens("And the ladder stood still against a wall"), true) == 3 / 6
    assert likeness(tokens("wall the against stood ladder"), true) == 1 / 6
    assert likeness([], true) == 0
    assert likeness(true, []) == 0


def _longest_by_definition(said: list[str], true: list[str]) -> float:
    runs = {tuple(said[a:b]) for a in range(len(said)) for b in range(a + 1, len(said) + 1)}
    mine = [b - a for a in range(len(true)) for b in range(a + 1, len(true) + 1) if tuple(true[a:b]) in runs]
    return max(mine, default=0) / len(true) if true else 0.0


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_likeness_is_what_its_definition_says(said: list[str], true: list[str]) -> None:
    assert likeness(said, true) == pytest.approx(_longest_by_definition(said, true))


@pytest.mark.parametrize(
    "text",
    [
        "I never thought that they would really come back after all these years",
        "आज आम्ही सगळे मिळून नदीच्या काठावर गेलो आणि खूप मजा केली तिथे",
        "昨日は友達と一緒に海へ行きました",
    ],
)
def test_halves_are_the_text_and_meet_in_the_middle(text: str) -> None:
    cut = halves(text)
    assert cut is not None
    opening, rest = cut
    assert "".join(text.split()) == "".join((opening + rest).split())
    assert abs(len(tokens(opening)) - len(tokens(rest))) <= 1
    assert text.startswith(first_words(text))
    assert len(tokens(first_words(text))) == 4


def test_a_short_text_has_no_halves() -> None:
    assert halves(" ".join(["word"] * (LEAST - 1))) is None


def test_a_model_that_knows_half_of_the_items_is_told_by_both_figures() -> None:
    generator = np.random.default_rng(1)
    control = generator.uniform(0, 0.2, 50)
    near = np.where(np.arange(50) % 2, 1.0, control + generator.normal(0, 0.02, 50))
    own = against_own("continuation", near, control, MARGIN, 0)
    assert own.known
    assert own.p is not None
    assert own.p < 0.001
    labels = generator.integers(0, 4, 50)
    said = np.where(np.arange(50) % 2, labels, generator.integers(0, 4, 50))
    others = against_others("label", (said[:, None] == labels[None, :]).astype(float), MARGIN, 0)
    assert others.known
    assert others.p is not None
    assert others.p < 0.01
    assert others.control == pytest.approx(0.25, abs=0.05)


def test_without_memory_an_alarm_is_rarer_than_one_in_forty() -> None:
    """300 probes of 50 items each in worlds without memory: answers no nearer to the truth than to the controls, some
    items easier than others. The interval alone would be wrong in 1 of 40; the margin makes it rarer. p is even."""
    alarms = {"own": 0, "others": 0}
    small = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        easy = generator.beta(1, 6, 50)
        near, control = (np.clip(easy + generator.exponential(0.08, 50) - 0.08, 0, 1) for _ in range(2))
        own = against_own("continuation", near, control, MARGIN, seed)
        # Labels are uneven, and the model guesses the frequent one most: right often, but of whichever item.
        shares = [0.55, 0.25, 0.15, 0.05]
        labels, said = (generator.choice(4, size=50, p=shares) for _ in range(2))
        others = against_others("label", (said[:, None] == labels[None, :]).astype(float), MARGIN, seed)
        alarms["own"] += own.known
        alarms["others"] += others.known
        assert own.p is not None
        small += own.p < 0.05
    assert alarms["own"] <= 1
    assert alarms["others"] <= 7
    assert 5 <= small <= 27  # 5% of 300 is 15


def test_where_hardly_anybody_answered_there_is_no_figure() -> None:
    one = against_own("continuation", np.array([1.0]), np.array([0.0]), MARGIN, 0)
    assert (one.difference, one.known, one.items) == (None, False, 1)
    assert one.note == "fewer than two items have usable answers"
    assert against_others("label", np.zeros((0, 0)), MARGIN, 0).value is None
