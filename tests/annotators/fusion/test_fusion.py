"""Fusion of answers, against worked examples and an implementation in plain Python."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from annotators.fusion import FusionAnnotator, FusionConfig, methods
from annotators.rows import Hand, with_hashes
from schemas.answer import Answer
from schemas.errors import DsbuildError, RecipeError
from schemas.protocols import AnnotatorOutput
from schemas.tables import ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EKMAN = load_taxonomy("ekman-neutral")
ONE = Task(name="emotion", kind="choice", taxonomy=EKMAN, perspective="reader")
SET = Task(name="emotion", kind="multi", taxonomy=EKMAN, perspective="reader")
VALENCE = Task(name="valence", kind="scale", range=(1, 9), step=1, perspective="reader")
COMPOUND = Task(name="compound", kind="choice", taxonomy=load_taxonomy("abaw-compound"), perspective="observer")


def items(count: int) -> pl.DataFrame:
    frame = pl.DataFrame({"item_id": [f"i{n}" for n in range(count)], "text": ["x"] * count})
    return conform(frame.with_columns(corpus=pl.lit("c"), modality=pl.lit("text")), ITEMS)


def said(name: str, task: Task, answers: list[Any]) -> pl.DataFrame:
    """Annotations: an answer is {label: share}, a list of labels, a number, or (one of these, confidence)."""
    hand = Hand(name, "model", model="m", identity="i", params={}, strategy="s", code="c")
    rows = []
    for answer in answers:
        answer, sure = answer if isinstance(answer, tuple) else (answer, None)
        columns = {"labels": None, "value": None, "confidence": sure, "skipped": answer is None}
        if isinstance(answer, dict):
            soft = Answer(labels=list(answer), originals=list(answer), scores=list(answer.values()))
            columns["labels"] = soft.columns()["labels"]
        elif isinstance(answer, list):
            columns["labels"] = Answer(labels=answer, originals=answer).columns()["labels"]
        elif answer is not None:
            columns["value"] = answer
        rows.append(columns)
    types = hand.answers(with_hashes(items(0)), task).schema
    series = {key: pl.Series([row[key] for row in rows], dtype=types[key]) for key in rows[0]}
    return hand.answers(with_hashes(items(len(answers))), task, **series)


def fuse(task: Task, given: dict[str, pl.DataFrame], **options: Any) -> AnnotatorOutput:
    config = FusionConfig.model_validate({"name": "fused", "from": list(given), **options})
    assert config.reads == tuple(given)
    count = max(part.height for part in given.values())
    out = asyncio.run(FusionAnnotator(config, given.__getitem__).annotate(items(count), [task]))
    assert task.validate_annotations(out.annotations.filter(pl.col("task") == task.name))[1].is_empty()
    return out


def labels(out: AnnotatorOutput) -> list[dict[str, float | None]]:
    mine = out.annotations.filter(pl.col("task") != "disagreement")
    return [{one["label"]: one["score"] for one in row} for row in mine["labels"].to_list()]


def apart(out: AnnotatorOutput) -> list[float]:
    return [float(text) for text in out.annotations.filter(pl.col("task") == "disagreement")["text"]]


def test_the_weighted_mean_of_shares_is_kept_as_a_soft_label_with_its_certainty() -> None:
    a = said("a", ONE, [{"joy": 0.8, "fear": 0.2}, ["joy"]])
    b = said("b", ONE, [["fear"], ["joy"]])
    out = fuse(ONE, {"a": a, "b": b}, weights={"a": 3})
    assert labels(out)[0] == {"joy": pytest.approx(0.6), "fear": pytest.approx(0.4)}
    entropy = -(0.6 * math.log(0.6) + 0.4 * math.log(0.4)) / math.log(7)
    assert out.annotations["confidence"].drop_nulls().to_list() == [pytest.approx(1 - entropy), pytest.approx(1)]
    assert apart(out) == [0.8, 0.0]
    assert set(out.annotations["annotator_kind"]) == {"model"}


def test_a_weight_for_each_label_counts_for_that_label() -> None:
    a, b = said("a", SET, [["joy", "fear"]]), said("b", SET, [["anger"]])
    out = fuse(SET, {"a": a, "b": b}, weights={"a": {"joy": 4, "fear": 0.5}}, soft=False)
    assert labels(out) == [{"joy": None}]
    with pytest.raises(RecipeError, match='"bliss" has a weight'):
        fuse(SET, {"a": a, "b": b}, weights={"a": {"bliss": 4}})


def test_a_majority_is_counted_among_those_who_answered_and_ties_go_to_the_larger_share() -> None:
    a = said("a", ONE, [["joy"], ["joy"], None, ["joy"]])
    b = said("b", ONE, [["fear"], {"fear": 0.7, "joy": 0.3}, ["anger"], []])
    c = said("c", ONE, [["fear"], None, None, []])
    out = fuse(ONE, {"a": a, "b": b, "c": c}, method="majority")
    assert labels(out) == [{"fear": None}, {"joy": None}, {"anger": None}, {}]
    assert apart(out) == [pytest.approx(2 / 3, abs=1e-4), 0.7, pytest.approx(2 / 3, abs=1e-4)]


def test_a_set_by_majority_holds_what_more_than_half_gave_and_an_exclusive_label_stands_alone() -> None:
    a = said("a", SET, [["joy", "fear"], ["neutral"]])
    b = said("b", SET, [["joy"], ["neutral"]])
    c = said("c", SET, [["anger"], ["joy"]])
    assert labels(fuse(SET, {"a": a, "b": b, "c": c}, method="majority")) == [{"joy": None}, {"neutral": None}]


def test_multi_head_fusion_is_the_softmax_mixture_of_its_formula() -> None:
    p = {"a": {"joy": 0.9, "fear": 0.1}, "b": {"joy": 0.2, "fear": 0.8}}
    heads = [{"weights": {"a": 1.0}, "weight": 0.5}, {"weights": {"b": {"joy": 2.0}}}]
    out = fuse(ONE, {name: said(name, ONE, [answer]) for name, answer in p.items()}, method="mhpf", heads=heads)

    def softmax(logits: list[float]) -> list[float]:
        return [math.exp(one) / sum(map(math.exp, logits)) for one in logits]

    share = softmax([0.5, 0.0])
    first, joy = softmax([1.0, 0.0]), softmax([0.0, 2.0])
    wanted = {
        "joy": share[0] * (first[0] * 0.9 + first[1] * 0.2) + share[1] * (joy[0] * 0.9 + joy[1] * 0.2),
        "fear": share[0] * (first[0] * 0.1 + first[1] * 0.8) + share[1] * (0.5 * 0.1 + 0.5 * 0.8),
    }
    assert labels(out)[0] == pytest.approx(wanted)


BASIC = Task(name="basic", kind="choice", taxonomy=load_taxonomy("abaw-basic"), perspective="observer")


def compounds(method: str, answer: dict[str, float]) -> dict[str, float | None]:
    given = {"face": said("face", BASIC, [answer])}
    out = fuse(COMPOUND, given, method=method, basic="basic", taxonomy="abaw-basic")
    return labels(out)[0]


def test_compound_emotions_are_sums_of_the_probabilities_of_their_parts() -> None:
    found = compounds("ppa", {"Fear": 0.5, "Surprise": 0.3, "Happiness": 0.2})
    total = 0.8 + 0.5 + 0.3 * 3 + 0.5 + 0.0
    assert found["Fearfully Surprised"] == pytest.approx(0.8 / total)
    assert found["Happily Surprised"] == pytest.approx(0.5 / total)
    assert next(iter(found)) == "Fearfully Surprised"
    assert "Other" not in found


def test_by_similarity_a_compound_needs_both_of_its_parts() -> None:
    found = compounds("pfsa", {"Fear": 0.5, "Surprise": 0.3, "Happiness": 0.2})
    total = math.sqrt(0.15) + math.sqrt(0.06)
    assert found == {
        "Fearfully Surprised": pytest.approx(math.sqrt(0.15) / total),
        "Happily Surprised": pytest.approx(math.sqrt(0.06) / total),
    }


def test_the_mean_similarity_of_two_parts_is_what_pfsa_is_the_softmax_of() -> None:
    similarity = np.random.default_rng(1).normal(size=(20, 5))
    p = np.exp(similarity) / np.exp(similarity).sum(axis=1, keepdims=True)
    pairs = [(0, 1), (1, 2), (3, 4)]
    mean = np.stack([(similarity[:, a] + similarity[:, b]) / 2 for a, b in pairs], axis=1)
    wanted = np.exp(mean) / np.exp(mean).sum(axis=1, keepdims=True)
    assert methods.shares(methods.pair_similarity(p, pairs)) == pytest.approx(wanted)


def test_a_compound_that_tone_does_not_place_needs_its_pair_written_down() -> None:
    given = {"a": said("a", BASIC, [{"Fear": 0.9, "Anger": 0.1}])}
    options: dict[str, Any] = {"method": "ppa", "basic": "basic", "taxonomy": "abaw-basic"}
    task = Task(name="compound", kind="choice", taxonomy=EKMAN, perspective="observer")
    with pytest.raises(RecipeError, match='"joy" blends'):
        fuse(task, given, **options)
    pairs = {label: ["Fear", "Anger"] if label == "fear" else ["Sadness", "Disgust"] for label in EKMAN.ids}
    assert labels(fuse(task, given, pairs=pairs, soft=False, **options)) == [{"fear": None}]


def test_numbers_are_averaged_onto_the_scales_points_and_their_spread_is_kept() -> None:
    a, b = said("a", VALENCE, [2, 9, None]), said("b", VALENCE, [4, 9, None])
    out = fuse(VALENCE, {"a": a, "b": b}, weights={"b": 4})
    mine = out.annotations.filter(pl.col("task") == "valence")
    assert mine["value"].to_list() == [4, 9]  # 3.6 of 1..9 in steps of 1
    assert mine["confidence"].to_list() == [0.75, 1.0]
    assert apart(out) == [0.25, 0.0]
    assert out.dead_letters.select("item_id", "reason", "detail").rows() == [("i2", "no_answers", "0 of 2 answered")]


def test_fewer_answers_than_least_are_a_dead_letter() -> None:
    a, b = said("a", ONE, [["joy"], ["joy"]]), said("b", ONE, [None, ["joy"]])
    out = fuse(ONE, {"a": a, "b": b}, least=2)
    assert out.dead_letters["detail"].to_list() == ["1 of 2 answered"]
    assert out.annotations.filter(pl.col("task") == "emotion")["item_id"].to_list() == ["i1"]


def test_by_confidence_an_unsure_label_leaves_the_others_their_part() -> None:
    out = fuse(ONE, {"a": said("a", ONE, [(["joy"], 0.4)])}, by_confidence=True)
    assert labels(out)[0] == {label: pytest.approx(0.4 if label == "joy" else 0.1) for label in EKMAN.ids}


def test_an_answer_of_another_taxonomy_is_refused() -> None:
    with pytest.raises(DsbuildError, match='the label "Fear", which is none of: joy'):
        fuse(ONE, {"a": said("a", BASIC, [["Fear"]]).with_columns(task=pl.lit("emotion"))})


@pytest.mark.parametrize(
    "options",
    [
        {"from": []},
        {"from": ["a", "a"]},
        {"weights": {"c": 1}},
        {"weights": {"a": -1}},
        {"method": "mhpf"},
        {"heads": [{}]},
        {"method": "ppa"},
        {"pairs": {"x": ["y", "z"]}},
        {"least": 3},
    ],
)
def test_options_that_do_not_belong_together_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FusionConfig.model_validate({"name": "f", "from": ["a", "b"], **options})


def test_it_says_what_it_cannot_fuse() -> None:
    mean = FusionConfig.model_validate({"name": "f", "from": ["a"]})
    assert mean.cannot(VALENCE) is None
    assert mean.cannot(SET) is None
    assert "kinds choice, multi and scale" in (mean.cannot(Task(name="t", kind="text", perspective="reader")) or "")
    assert "kinds choice and multi" in (mean.model_copy(update={"method": "majority"}).cannot(VALENCE) or "")


SHARES = st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=2, max_size=4)


@given(SHARES)
def test_disagreement_is_the_mean_difference_of_the_answers_by_the_tasks_own_distance(p: list[list[float]]) -> None:
    names = EKMAN.ids[:3]
    for task, one in ((ONE, True), (SET, False)):
        rows = [[share / max(sum(row), 1) for share in row] if one else row for row in p]
        answers = [Answer(labels=names, originals=names, scores=[*row]) for row in rows]
        pairs = [(a, b) for n, a in enumerate(answers) for b in answers[:n]]
        wanted = sum(task.difference(a, b) for a, b in pairs) / len(pairs)
        assert methods.disagreement(np.array(rows)[:, None], one)[0] == pytest.approx(wanted, abs=1e-9)


@given(SHARES, st.permutations(range(3)))
def test_what_is_fused_does_not_depend_on_the_order_of_labels(p: list[list[float]], order: list[int]) -> None:
    shares = np.array(p)[:, None]
    weights = np.ones((len(p), 3))
    fused = methods.weighted(shares, weights)
    assert methods.weighted(shares[:, :, order], weights)[0] == pytest.approx(fused[0][order])
    assert 0 <= methods.certainty(fused / max(fused.sum(), 1), True)[0] <= 1
