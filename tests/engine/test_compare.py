"""Two annotators side by side, against independent implementations."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, pearsonr
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, mean_absolute_error

from dsbuild.compare import clusters, compare, one_annotator
from dsbuild.significance import binomial_p
from schemas.errors import DsbuildError
from schemas.tables import ANNOTATIONS, ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EKMAN = load_taxonomy("ekman-neutral")
MULTI = Task(name="emotion", kind="multi", taxonomy=EKMAN, perspective="reader")
SCALE = Task(name="emotion", kind="scale", range=(1, 7), perspective="reader", instructions={"en": "From bad to good."})
LABELS = MULTI.label_ids


def items(n: int, dialogues: list[str | None] | None = None) -> pl.DataFrame:
    groups = [[] if one is None else [{"kind": "dialogue", "id": one}] for one in dialogues or [None] * n]
    frame = pl.DataFrame(
        {
            "item_id": [f"i{k:04}" for k in range(n)],
            "corpus": "made",
            "modality": "text",
            "text": "x",
            "language": ["en" if k % 2 else "mr" for k in range(n)],
            "groups": groups,
        },
        schema_overrides={"groups": pl.List(pl.Struct({"kind": pl.String, "id": pl.String}))},
    )
    return conform(frame, ITEMS)


def said(who: str, answers: list, task: Task = MULTI) -> pl.DataFrame:
    rows = [
        {
            "annotation_id": f"{who}{k}",
            "item_id": f"i{k:04}",
            "item_hash": "h",
            "task": "emotion",
            "perspective": "reader",
            "annotator": who,
            "annotator_kind": "llm",
            "sample": 0,
            "round": "first",
            "skipped": False,
            **(
                {"value": float(one)}
                if task.kind == "scale"
                else {"labels": [{"label": label, "score": None, "original": None} for label in one]}
            ),
        }
        for k, one in enumerate(answers)
        if one is not None
    ]
    return conform(pl.DataFrame(rows, infer_schema_length=None), ANNOTATIONS)


def drawn(seed: int, n: int, right: float, gold: list[list[str]] | None = None) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    made = []
    for k in range(n):
        if gold is not None and rng.random() < right:
            made.append(gold[k])
        else:
            made.append(sorted({LABELS[j] for j in rng.integers(0, 6, size=rng.integers(1, 3))}))
    return made


def matrix(answers: list[list[str]]) -> np.ndarray:
    return np.array([[label in one for label in LABELS] for one in answers])


def test_the_figures_are_those_of_scikit_learn() -> None:
    gold = drawn(1, 300, 0)
    a, b = drawn(2, 300, 0.7, gold), drawn(3, 300, 0.5, gold)
    found = compare(
        said("a", a), said("b", b), MULTI, names=("a", "b"), items=items(300), gold=said("g", gold), resamples=0
    )
    figures = found["gold"]["figures"]
    for name, answers in (("a", a), ("b", b)):
        assert figures["accuracy"][name] == pytest.approx(accuracy_score(matrix(gold), matrix(answers)))
        used = [k for k in range(7) if matrix(gold)[:, k].any() or matrix(answers)[:, k].any()]
        assert figures["macro_f1"][name] == pytest.approx(
            f1_score(matrix(gold), matrix(answers), average="macro", labels=used)
        )
        assert figures["jaccard"][name] == pytest.approx(
            jaccard_score(matrix(gold), matrix(answers), average="samples")
        )
    assert figures["accuracy"]["difference"] == pytest.approx(figures["accuracy"]["a"] - figures["accuracy"]["b"])
    only_a = sum(x == g != y for x, y, g in zip(a, b, gold, strict=True))
    only_b = sum(y == g != x for x, y, g in zip(a, b, gold, strict=True))
    assert (found["gold"]["a_better"], found["gold"]["b_better"]) == (only_a, only_b)
    assert found["gold"]["p"] == pytest.approx(binomtest(only_a, only_a + only_b).pvalue, abs=1e-9)


def test_the_interval_is_that_of_a_bootstrap_done_by_hand() -> None:
    gold = drawn(4, 200, 0)
    a, b = drawn(5, 200, 0.8, gold), drawn(6, 200, 0.6, gold)
    found = compare(said("a", a), said("b", b), MULTI, names=("a", "b"), items=items(200), gold=said("g", gold))
    rng = np.random.default_rng(0)
    away = np.array([float(x == g) - float(y == g) for x, y, g in zip(a, b, gold, strict=True)])
    by_hand = np.quantile([away[rng.integers(0, 200, 200)].mean() for _ in range(4000)], [0.025, 0.975])
    accuracy = found["gold"]["figures"]["accuracy"]
    assert [accuracy["low"], accuracy["high"]] == pytest.approx(list(by_hand), abs=0.02)


def test_turns_of_one_dialogue_are_drawn_together_so_the_interval_is_wider() -> None:
    # In each of 20 dialogues of 10 turns both annotators are right or wrong as one.
    rng = np.random.default_rng(7)
    gold = [["joy"]] * 200
    a = [["joy"] if good else ["fear"] for good in np.repeat(rng.random(20) < 0.7, 10)]
    b = [["joy"] if good else ["fear"] for good in np.repeat(rng.random(20) < 0.5, 10)]
    dialogues: list[str | None] = [f"d{k // 10}" for k in range(200)]
    alone, together = (
        compare(said("a", a), said("b", b), MULTI, names=("a", "b"), items=made, gold=said("g", gold))["gold"]
        for made in (items(200), items(200, dialogues))
    )
    assert (alone["clusters"], together["clusters"]) == (200, 20)
    width = [part["figures"]["accuracy"]["high"] - part["figures"]["accuracy"]["low"] for part in (alone, together)]
    assert width[1] > 2 * width[0]
    away = np.array([float(x == ["joy"]) - float(y == ["joy"]) for x, y in zip(a, b, strict=True)]).reshape(20, 10)
    by_hand = np.quantile(
        [away[rng.integers(0, 20, 20)].mean() for _ in range(4000)], [0.025, 0.975]
    )  # whole dialogues
    accuracy = together["figures"]["accuracy"]
    assert [accuracy["low"], accuracy["high"]] == pytest.approx(list(by_hand), abs=0.06)


def test_an_annotator_is_as_good_as_itself() -> None:
    gold = drawn(8, 60, 0)
    a = drawn(9, 60, 0.5, gold)
    found = compare(said("a", a), said("b", a), MULTI, names=("a", "b"), items=items(60),
                    gold=said("g", gold))  # fmt: skip
    assert found["same"] == 1
    assert found["flips"] == []
    assert found["gold"]["p"] == 1
    for figure in found["gold"]["figures"].values():
        assert (figure["difference"], figure["low"], figure["high"]) == (0, 0, 0)


def test_numbers_have_an_error_and_a_correlation() -> None:
    rng = np.random.default_rng(10)
    gold = rng.integers(1, 8, 150).astype(float)
    a, b = gold + rng.normal(0, 0.5, 150), gold + rng.normal(0.5, 1, 150)
    found = compare(
        said("a", list(a), SCALE),
        said("b", list(b), SCALE),
        SCALE,
        names=("a", "b"),
        items=items(150),
        gold=said("g", list(gold), SCALE),
    )["gold"]
    for name, values in (("a", a), ("b", b)):
        assert found["figures"]["mae"][name] == pytest.approx(mean_absolute_error(gold, values))
        assert found["figures"]["r"][name] == pytest.approx(pearsonr(gold, values).statistic)
    assert found["figures"]["mae"]["high"] < 0, "a is nearer, and that is no chance"
    assert found["a_better"] > found["b_better"]


def test_flips_are_counted_with_items_to_look_at_and_unpaired_answers_are_told() -> None:
    found = compare(
        said("a", [["joy"], ["joy"], ["fear", "anger"], [], ["joy"], None]),
        said("b", [["fear"], ["fear"], ["anger", "fear"], ["joy"], None, ["joy"]]),
        MULTI,
        names=("a", "b"),
        items=items(6),
    )
    assert (found["items"], found["only_a"], found["only_b"]) == (4, 1, 1)
    assert found["same"] == 0.25, "a set has no order"
    assert found["flips"] == [
        {"a": "joy", "b": "fear", "count": 2, "items": ["i0000", "i0001"]},
        {"a": "(none)", "b": "joy", "count": 1, "items": ["i0003"]},
    ]
    assert found["gold"] is None
    assert found["agreement"]["units"] == 4


def test_each_language_is_measured_by_itself_too() -> None:
    gold = drawn(11, 80, 0)
    found = compare(said("a", gold), said("b", drawn(12, 80, 0.5, gold)), MULTI, names=("a", "b"), items=items(80),
                    gold=said("g", gold), by="language", resamples=50)  # fmt: skip
    assert [(part["value"], part["items"]) for part in found["by"]] == [("en", 40), ("mr", 40)]
    total = found["gold"]["figures"]["accuracy"]["b"]
    assert np.mean([part["figures"]["accuracy"]["b"] for part in found["by"]]) == pytest.approx(total)


def test_two_people_under_one_name_are_refused() -> None:
    both = pl.concat([said("a", [["joy"]]), said("b", [["joy"]])])
    with pytest.raises(DsbuildError, match="'pool' is 2 annotators"):
        one_annotator(both, "pool")
    with pytest.raises(DsbuildError, match="several answers to one item"):
        compare(
            said("a", [["joy"]]), said("b", [["joy"]]), MULTI, names=("a", "b"), items=items(1), gold=both, resamples=0
        )


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_the_exact_test_is_scipys(one: int, other: int) -> None:
    expected = 1.0 if one + other == 0 else binomtest(one, one + other).pvalue
    assert binomial_p(one, other) == pytest.approx(expected, rel=1e-6, abs=1e-300)


def test_groups_connect_through_each_other() -> None:
    frame = items(5, ["x", "x", None, "y", "y"])
    linked = frame.with_columns(
        pl.when(pl.col("item_id") == "i0003")
        .then(pl.lit([{"kind": "dialogue", "id": "y"}, {"kind": "dialogue", "id": "x"}], dtype=frame["groups"].dtype))
        .otherwise("groups")
        .alias("groups")
    )
    assert [len(set(clusters(one))) for one in (frame, linked)] == [3, 2]
    assert all(a == b for a, b in pairwise(clusters(linked)[[0, 1, 3, 4]]))
