"""Scores, shares and decisions over small vectors."""

from __future__ import annotations

import numpy as np
import pytest

from annotators.embedding.prototypes import decide, prototypes, shares


def unit(*rows: list[float]) -> np.ndarray:
    made = np.array(rows, dtype=np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_the_score_is_the_cosine_to_the_mean_description_less_its_mean_over_the_background() -> None:
    descriptions = [unit([1, 0], [0, 1]), unit([1, 0])]
    plain = prototypes(descriptions, None)
    assert plain.scores(unit([1, 0])) == pytest.approx(np.array([[np.sqrt(0.5), 1.0]]))
    centred = prototypes(descriptions, unit([1, 0], [0, 1]))
    # The background's mean cosine is sqrt(1/2) to the first label and (1 + 0) / 2 to the second.
    assert centred.scores(unit([1, 0])) == pytest.approx(np.array([[0.0, 0.5]]), abs=1e-6)


def test_shares_sum_to_one_and_survive_a_small_temperature() -> None:
    parts = shares(np.array([[0.1, 0.2, 0.3], [0.9, -0.9, 0.0]]), 1e-4)
    assert parts.sum(axis=1) == pytest.approx([1, 1])
    assert np.isfinite(parts).all()
    assert shares(np.array([[0.0, np.log(3) * 0.5]]), 0.5) == pytest.approx(np.array([[0.25, 0.75]]))


def test_labels_within_the_margin_of_the_best_are_given_best_first() -> None:
    scores = np.array([[0.10, 0.12, 0.115, 0.0]])
    assert decide(scores, 0.01, []) == [[1, 2]]
    assert decide(scores, 0.03, []) == [[1, 2, 0]]
    assert decide(scores, 0.0, []) == [[1]]


def test_an_exclusive_label_stands_by_itself_or_not_at_all() -> None:
    assert decide(np.array([[0.11, 0.12]]), 0.1, [1]) == [[1]]
    assert decide(np.array([[0.12, 0.11]]), 0.1, [1]) == [[0]]


def test_equal_scores_keep_the_order_of_the_labels() -> None:
    assert decide(np.array([[0.5, 0.5, 0.5]]), 0.0, []) == [[0]]
