"""Scores against a reference: by hand, against scikit-learn, and what never changes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

from audits.scores import score
from schemas.errors import DsbuildError
from schemas.task import Task

TaskOf = Callable[..., Task]
SCHEMA = {"item_id": pl.String, "labels": pl.List(pl.Struct({"label": pl.String, "p": pl.Float64}))}


def frame(answers: dict[str, list[str] | None]) -> pl.DataFrame:
    rows = [
        {"item_id": item, "labels": None if labels is None else [{"label": label, "p": 1.0} for label in labels]}
        for item, labels in answers.items()
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def scored(given_labels: dict[str, Any], reference: dict[str, Any], task: Task, **options: Any) -> list[dict[str, Any]]:
    return score(frame(given_labels), frame(reference), task, of="gpt", against="gold", **{"resamples": 0, **options})


def test_a_small_choice_by_hand(task_of: TaskOf) -> None:
    reference = {"a": ["joy"], "b": ["joy"], "c": ["sad"], "d": ["sad"], "e": ["joy"], "only here": ["joy"]}
    given_labels = {"a": ["joy"], "b": ["sad"], "c": ["sad"], "d": ["joy"], "e": ["fear"], "f": ["joy"], "g": None}
    (found,) = scored(given_labels, reference, task_of(["joy", "sad", "fear", "love"]))
    assert (found["of"], found["against"], found["by"], found["n"]) == ("gpt", "gold", {}, 5)
    assert found["accuracy"]["value"] == 0.4
    # F1: joy 2/5, sad 1/2, fear 0 (given, never right); love occurs on neither side and stays out of the mean.
    assert found["macro_f1"]["value"] == pytest.approx((0.4 + 0.5 + 0) / 3)
    assert found["micro_f1"]["value"] == 0.4
    by_label = {entry["label"]: entry for entry in found["labels"]}
    assert by_label["joy"] == {
        "label": "joy", "precision": 0.5, "recall": pytest.approx(1 / 3), "f1": 0.4, "support": 3, "predicted": 2,
    }  # fmt: skip
    assert by_label["love"]["support"] == by_label["love"]["predicted"] == 0
    assert found["confusion"]["labels"] == ["joy", "sad", "fear", "love", "(none)"]
    assert found["confusion"]["counts"] == [
        [1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "given_labels", "cells"),
    [
        (["a", "b"], ["a", "b"], {(0, 0): 0.5, (1, 1): 0.5}),
        (["a"], ["a", "b"], {(0, 0): 0.5, (3, 1): 0.5}),
        (["a", "b"], ["a"], {(0, 0): 0.5, (1, 3): 0.5}),
        (["a", "b"], ["c"], {(0, 2): 0.5, (1, 2): 0.5}),
        (["a", "b"], ["a", "c"], {(0, 0): 0.5, (1, 2): 0.5}),
        (["a"], ["b", "c"], {(0, 1): 0.5, (0, 2): 0.5}),
        ([], [], {(3, 3): 1.0}),
        ([], ["a"], {(3, 0): 1.0}),
        (["a"], [], {(0, 3): 1.0}),
    ],
)
def test_an_item_with_several_labels_counts_once_in_the_confusion(
    task_of: TaskOf, reference: list[str], given_labels: list[str], cells: dict[tuple[int, int], float]
) -> None:
    (found,) = scored({"x": given_labels}, {"x": reference}, task_of("abc", "multi"))
    wanted = np.zeros((4, 4))
    for place, weight in cells.items():
        wanted[place] = weight
    assert found["confusion"]["counts"] == wanted.tolist()


def test_none_of_these_counts_in_accuracy_only(task_of: TaskOf) -> None:
    (found,) = scored({"x": [], "y": [], "z": ["a"]}, {"x": [], "y": ["a"], "z": ["a"]}, task_of("abc", "multi"))
    assert found["accuracy"]["value"] == pytest.approx(2 / 3)
    assert found["micro_f1"]["value"] == pytest.approx(2 / 3)
    (nothing,) = scored({"x": []}, {"x": []}, task_of("abc", "multi"))
    assert (nothing["accuracy"]["value"], nothing["macro_f1"]["value"]) == (1.0, None)


def test_a_label_that_was_not_asked_is_left_out_on_both_sides(task_of: TaskOf) -> None:
    given_frame = frame({"x": ["a"]}).with_columns(pl.Series("asked", [["a", "b"]]))
    (found,) = score(
        given_frame, frame({"x": ["a", "c"]}), task_of("abc", "multi"), of="m", against="gold", resamples=0
    )
    assert found["accuracy"]["value"] == 1.0
    assert [entry["support"] for entry in found["labels"]] == [1, 0, 0]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), multi=st.booleans())
def test_equals_scikit_learn(task_of: TaskOf, seed: int, multi: bool) -> None:
    rng = np.random.default_rng(seed)
    items, labels = int(rng.integers(1, 60)), int(rng.integers(2, 7))
    names = [f"l{k}" for k in range(labels)]
    sides = [
        rng.random((items, labels)) < 0.3 if multi else np.eye(labels, dtype=bool)[rng.integers(0, labels, size=items)]
        for _ in range(2)
    ]
    given_set, reference = sides
    answers = [
        {f"i{i}": [name for name, has in zip(names, row, strict=True) if has] for i, row in enumerate(side)}
        for side in sides
    ]
    (found,) = scored(answers[0], answers[1], task_of(names, "multi" if multi else "choice"))
    # The same convention for macro: only labels that occur on either side.
    occurs = np.flatnonzero((given_set | reference).any(axis=0))
    assert found["accuracy"]["value"] == pytest.approx(accuracy_score(reference, given_set), abs=1e-9)
    if len(occurs):
        for name, average in (("macro_f1", "macro"), ("micro_f1", "micro")):
            peer = f1_score(reference, given_set, labels=occurs, average=average, zero_division=0)
            assert found[name]["value"] == pytest.approx(peer, abs=1e-9)
    peers = precision_recall_fscore_support(reference, given_set, zero_division=0)
    for column, values in zip(("precision", "recall", "f1", "support"), peers, strict=True):
        assert [entry[column] for entry in found["labels"]] == pytest.approx(list(values), abs=1e-9)
    counts = np.array(found["confusion"]["counts"])
    assert counts.sum() == pytest.approx(items)
    if not multi:
        peer = confusion_matrix(reference.argmax(axis=1), given_set.argmax(axis=1), labels=range(labels))
        assert (counts[:labels, :labels] == peer).all()


def test_intervals_enclose_the_value_and_come_again(task_of: TaskOf) -> None:
    rng = np.random.default_rng(0)
    names = ["a", "b", "c"]
    truth = rng.integers(0, 3, size=200)
    said = np.where(rng.random(200) < 0.7, truth, rng.integers(0, 3, size=200))
    sides = [{f"i{i:03}": [names[k]] for i, k in enumerate(side)} for side in (said, truth)]
    task = task_of(names)
    (found,) = scored(*sides, task, resamples=2000, seed=4)
    assert scored(*sides, task, resamples=2000, seed=4) == [found]
    accuracy = found["accuracy"]
    spread = np.sqrt(accuracy["value"] * (1 - accuracy["value"]) / 200)
    assert accuracy["low"] == pytest.approx(accuracy["value"] - 1.96 * spread, abs=0.015)
    assert accuracy["high"] == pytest.approx(accuracy["value"] + 1.96 * spread, abs=0.015)
    for name in ("macro_f1", "micro_f1"):
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]


def test_every_language_is_scored_by_itself(task_of: TaskOf) -> None:
    reference = {"a": ["joy"], "b": ["sad"], "c": ["sad"], "d": ["joy"]}
    given_labels = {"a": ["joy"], "b": ["sad"], "c": ["joy"], "d": ["joy"]}
    languages = pl.DataFrame({"item_id": list("abcd"), "language": ["mr", "mr", "en", None]})
    found = scored(given_labels, reference, task_of(["joy", "sad"]), by=languages, resamples=100)
    assert [(entry["by"], entry["n"], entry["accuracy"]["value"]) for entry in found] == [
        ({}, 4, 0.75),
        ({"language": "en"}, 1, 0.0),
        ({"language": "mr"}, 2, 1.0),
    ]


def test_nothing_in_common_is_undefined(task_of: TaskOf) -> None:
    (found,) = scored({"a": ["joy"]}, {"b": ["joy"]}, task_of(["joy", "sad"]), resamples=100)
    assert (found["n"], found["accuracy"]["value"], found["macro_f1"]["low"]) == (0, None, None)
    assert "no item has an answer on both sides" in found["note"]


def test_of_annotations_the_first_answers_count(task_of: TaskOf, annotations_of: Callable[..., pl.DataFrame]) -> None:
    rows = [
        {"item": "a", "by": "gpt", "labels": ["joy"], "sample": 0},
        {"item": "a", "by": "gpt", "labels": ["sad"], "sample": 1},
        {"item": "a", "by": "gpt", "labels": ["sad"], "sample": 0},
    ]
    given_frame, reference = annotations_of(rows), frame({"a": ["joy"]})
    (found,) = score(given_frame, reference, task_of(["joy", "sad"]), of="gpt", against="gold", resamples=0)
    assert (found["n"], found["accuracy"]["value"]) == (1, 1.0)


def test_two_rows_of_one_item_are_refused(task_of: TaskOf) -> None:
    twice = pl.concat([frame({"a": ["joy"]}), frame({"a": ["sad"]})])
    with pytest.raises(DsbuildError, match="several rows of one item"):
        score(twice, frame({"a": ["joy"]}), task_of(["joy", "sad"]), of="m", against="gold")
