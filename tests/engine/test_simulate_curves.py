"""The curves of a policy: what must hold of them whatever the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsbuild.simulate import METRICS, curve, sums_of
from schemas.errors import DsbuildError
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EKMAN = load_taxonomy("ekman-neutral")
TASKS = {
    "choice": Task(name="t", kind="choice", taxonomy=EKMAN, perspective="reader"),
    "multi": Task(name="t", kind="multi", taxonomy=EKMAN, perspective="reader"),
    "scale": Task(name="t", kind="scale", range=(0, 100), perspective="reader"),
}
MEASURED = [(kind, metric) for kind in TASKS for metric in METRICS[kind]]
each = pytest.mark.parametrize(("kind", "metric"), MEASURED, ids=[f"{kind} {metric}" for kind, metric in MEASURED])


def frame(kind: str, answers: list[object]) -> pl.DataFrame:
    """One row an item, as aggregates have them; null is no answer."""
    ids = [f"i{n}" for n in range(len(answers))]
    if kind == "scale":
        return pl.DataFrame({"item_id": ids, "value": answers}, schema={"item_id": pl.String, "value": pl.Float64})
    labels = [None if one is None else [{"label": label} for label in one] for one in answers]  # type: ignore[attr-defined]
    dtype = pl.List(pl.Struct({"label": pl.String}))
    return pl.DataFrame({"item_id": ids, "labels": pl.Series(labels, dtype=dtype)})


def answers_of(kind: str, count: int, *, silent: bool) -> st.SearchStrategy[list[object]]:
    one: st.SearchStrategy[object] = {
        "choice": st.lists(st.sampled_from(EKMAN.ids), max_size=1),
        "multi": st.lists(st.sampled_from(EKMAN.ids[:4]), max_size=3, unique=True),
        "scale": st.integers(0, 100).map(float),
    }[kind]
    return st.lists(st.one_of(st.none(), one) if silent else one, min_size=count, max_size=count)


def routed(strengths: list[float]) -> pl.DataFrame:
    ids = [f"i{n}" for n in range(len(strengths))]
    return pl.DataFrame({"item_id": ids, "strength": strengths, "holds": [one > 0 for one in strengths]})


@each
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_from_the_models_alone_to_the_reference_itself(kind: str, metric: str, data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 12))
    gold = data.draw(answers_of(kind, count, silent=False))
    machine = data.draw(answers_of(kind, count, silent=kind != "scale"))
    strengths = data.draw(st.lists(st.floats(0, 1), min_size=count, max_size=count))
    sums = sums_of(frame(kind, machine), frame(kind, gold), TASKS[kind], metric)  # type: ignore[arg-type]
    if np.isnan(sums.figure(sums.people.sum(axis=0)[None])).any():
        return  # F1 where nobody gave any label
    found = curve(sums, routed(strengths), "p", metric=metric, points=11, resamples=0)  # type: ignore[arg-type]
    first, last = found.points[0], found.points[-1]
    assert first.value == pytest.approx(float(sums.figure(sums.machine.sum(axis=0)[None])[0]), nan_ok=True)
    assert last.value == pytest.approx(0 if metric == "mae" else 1)
    assert last.random == pytest.approx(last.value)
    assert first.random == pytest.approx(first.value, nan_ok=True)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=4, max_size=12))
def test_random_sampling_is_a_straight_line_and_the_mean_of_all_orders(right: list[bool]) -> None:
    gold = [["joy"]] * len(right)
    machine = [["joy"] if one else ["fear"] for one in right]
    sums = sums_of(frame("choice", machine), frame("choice", gold), TASKS["choice"])  # type: ignore[arg-type]
    found = curve(sums, routed([0.0] * len(right)), "p", points=len(right) + 1, resamples=0)
    base = np.mean(right)
    for point in found.points:
        assert point.random == pytest.approx(base + point.share * (1 - base))
    # Every rotation of the order, on average, is random sampling.
    curves = []
    for shift in range(len(right)):
        strengths = [((n + shift) % len(right) + 1) / len(right) for n in range(len(right))]
        turned = curve(sums, routed(strengths), "p", points=len(right) + 1, resamples=0)
        curves.append([one.value for one in turned.points])
    assert np.mean(curves, axis=0) == pytest.approx([one.random for one in found.points])


def test_a_worked_example() -> None:
    """Four items, the model is wrong on two; the policy finds one of them first, then a right one, then the other."""
    gold = frame("choice", [["joy"], ["joy"], ["fear"], ["fear"]])
    machine = frame("choice", [["joy"], ["fear"], ["fear"], ["joy"]])
    sums = sums_of(machine, gold, TASKS["choice"])
    found = curve(sums, routed([0.5, 0.9, 0.0, 0.4]), "p", seconds=1800, points=5, resamples=0)
    assert [one.value for one in found.points] == [0.5, 0.75, 0.75, 1.0, 1.0]
    assert [one.random for one in found.points] == [0.5, 0.625, 0.75, 0.875, 1.0]
    assert [one.hours for one in found.points] == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert found.area == pytest.approx((0.125 + 0 + 0.125) / 4)
    assert found.holds == 0.75


def test_an_item_without_a_model_s_label_is_wrong_and_a_number_is_left_out() -> None:
    labels = sums_of(frame("multi", [None, ["joy"]]), frame("multi", [[], ["joy"]]), TASKS["multi"], "accuracy")
    assert (labels.unlabelled, labels.left_out) == (1, 0)
    assert labels.figure(labels.machine.sum(axis=0)[None])[0] == 0.5
    numbers = sums_of(frame("scale", [None, 30.0]), frame("scale", [10.0, 40.0]), TASKS["scale"])
    assert (numbers.unlabelled, numbers.left_out, numbers.items) == (1, 1, ["i1"])
    assert numbers.figure(numbers.machine.sum(axis=0)[None])[0] == 10


def test_the_interval_of_the_area_holds_what_is_true_as_often_as_it_says() -> None:
    """100 samples from a world where the policy's true gain is known: 95% intervals cover it in about 95%."""
    generator = np.random.default_rng(5)

    def world(size: int) -> tuple[pl.DataFrame, pl.DataFrame, list[float]]:
        hard = generator.random(size) < 0.3
        wrong = generator.random(size) < np.where(hard, 0.6, 0.1)
        machine = frame("choice", [["fear"] if one else ["joy"] for one in wrong])
        return machine, frame("choice", [["joy"]] * size), [1.0 if one else 0.0 for one in hard]

    # Hard items are found first: the curve gains 0.6 an item up to 0.3 of them, then 0.1; random sampling 0.25.
    truth = (0.6 - 0.25) * 0.3**2 / 2 + 0.15 * (0.5 - (0.3 - 0.3**2 / 2))
    covered = 0
    for _ in range(100):
        machine, gold, strengths = world(150)
        sums = sums_of(machine, gold, TASKS["choice"])
        found = curve(sums, routed(strengths), "p", points=21, resamples=120)
        covered += found.area_low <= truth <= found.area_high
    assert 88 <= covered <= 99


def test_what_has_no_figure_is_told() -> None:
    with pytest.raises(DsbuildError, match="a choice task is measured by accuracy, macro_f1, micro_f1"):
        sums_of(frame("choice", [["joy"]]), frame("choice", [["joy"]]), TASKS["choice"], "mae")
    with pytest.raises(DsbuildError, match="No item has a reference label"):
        sums_of(frame("choice", [["joy"]]), frame("choice", [None]), TASKS["choice"])


# The mean distance of two workers' average from the experts' number, and what is gained by asking experts first where
# the two differ most, as computed once: lower bounds above zero for every emotion.
@pytest.mark.parametrize("emotion", ["anger", "fear", "joy", "sadness"])
def test_where_two_workers_differ_experts_help_most(shared_data: Path, emotion: str) -> None:
    """The headlines of Snow et al. (2008), "Cheap and fast, but is it good?", EMNLP: ten workers, and experts."""
    raw = pl.read_csv(shared_data / "snow2008" / f"{emotion}.standardized.tsv", separator="\t")
    two = raw.group_by(pl.col("orig_id").cast(pl.String).alias("item_id"), maintain_order=True).agg(
        pl.col("response").cast(pl.Float64).head(2), pl.col("gold").first().cast(pl.Float64)
    )
    machine = two.select("item_id", pl.col("response").list.mean().alias("value"))
    experts = two.select("item_id", pl.col("gold").alias("value"))
    spread = (pl.col("response").list.max() - pl.col("response").list.min()) / 100
    policy = two.select("item_id", spread.alias("strength"), (spread > 0).alias("holds"))
    found = curve(sums_of(machine, experts, TASKS["scale"]), policy, "p", metric="mae", resamples=200)
    error = (machine["value"] - experts["value"]).abs().mean()
    assert found.points[0].value == pytest.approx(error)
    assert found.points[-1].value == 0
    assert found.area > found.area_low > 0
