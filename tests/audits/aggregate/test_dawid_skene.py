"""Dawid and Skene's model against their own table and a real file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from audits.aggregate import aggregate
from audits.aggregate.dawid_skene import fit
from audits.scores import score
from schemas.errors import DsbuildError
from schemas.task import Task

TaskOf = Callable[..., Task]
AnnotationsOf = Callable[..., pl.DataFrame]

# 45 patients; three readings of anaesthetist 1, then one of each of the other four.
READINGS = (
    "111/1111 333/4334 112/2122 222/3121 222/3222 222/3322 112/2111 333/3433 222/2223 232/2223 444/4444 222/3343 "
    "111/1111 222/3212 121/1111 111/2111 111/1111 111/1111 222/2221 222/1322 222/2222 222/2221 222/3222 221/2222 "
    "111/1111 111/1111 232/2222 111/1111 111/1111 112/1121 111/1111 333/3233 111/1111 222/2222 222/3232 433/4343 "
    "221/2232 232/3233 333/3432 111/1111 111/1111 121/2111 232/2222 121/1111 222/2222"
)
LABELS_1979 = "142222132243121111222222112111131224233111212"


def readings() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(patient, anaesthetist, class), each from 0 up."""
    rows = [
        (patient, who, int(value) - 1)
        for patient, row in enumerate(READINGS.split())
        for who, value in zip([0, 0, 0, 1, 2, 3, 4], row.replace("/", ""), strict=True)
    ]
    patient, who, value = np.array(rows).T
    return patient, who, value


def test_dawid_and_skene_1979() -> None:
    found = fit(*readings(), 4, tolerance=1e-12)
    assert found.converged
    assert found.log_likelihood == pytest.approx(-190.730996595, abs=5e-9)
    assert found.prior == pytest.approx([0.399969, 0.421576, 0.111788, 0.066667], abs=5e-7)
    assert "".join(str(k + 1) for k in found.posterior.argmax(axis=1)) == LABELS_1979
    unsure = np.flatnonzero(found.posterior.max(axis=1) < 0.99)
    assert (unsure + 1).tolist() == [35, 38]
    assert found.posterior[unsure, [1, 2]] == pytest.approx([0.948, 0.979], abs=5e-4)
    first = [
        [0.907426, 0.092574, 0, 0],
        [0.070332, 0.876580, 0.053088, 0],
        [0, 0.338786, 0.661214, 0],
        [0, 0, 0.555556, 0.444444],
    ]
    third = [
        [1, 0, 0, 0],
        [0.105498, 0.789078, 0.105424, 0],
        [0, 0.403633, 0.198789, 0.397578],
        [0, 0, 0.666667, 0.333333],
    ]
    assert found.errors[0] == pytest.approx(np.array(first), abs=5e-7)
    assert found.errors[2] == pytest.approx(np.array(third), abs=5e-7)
    assert found.errors[1, 2:] == pytest.approx(np.eye(4)[2:], abs=5e-7)


@pytest.mark.parametrize(("rounds", "likelihood"), [(1, -203.113032942), (5, -190.748340115), (20, -190.730996606)])
def test_the_likelihood_after_some_rounds(rounds: int, likelihood: float) -> None:
    found = fit(*readings(), 4, max_rounds=rounds, tolerance=0)
    assert found.log_likelihood == pytest.approx(likelihood, abs=5e-9)
    assert (found.rounds, found.converged) == (rounds, False)


def test_first_readings_only_through_the_public_function(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    rows = [
        {"item": f"patient{patient:02}", "by": f"anaesthetist{who}", "labels": [value]}
        for patient, row in enumerate(READINGS.split())
        for who, value in enumerate(row[0] + row[4:])
    ]
    labels, figures = aggregate(
        annotations_of(rows), task_of("1234"), name="ds", method={"rule": "dawid_skene", "tolerance": 1e-10}
    )
    assert figures["fit"]["converged"]
    assert figures["fit"]["log_likelihood"] == pytest.approx(-141.077199820, abs=5e-8)
    assert labels["method"].unique().to_list() == ["dawid_skene"]
    assert labels["labels"][10].to_list()[0]["label"] == "4"


def test_the_likelihood_never_falls() -> None:
    rng = np.random.default_rng(5)
    item, who = np.repeat(np.arange(60), 4), np.tile(np.arange(4), 60)
    said = rng.integers(0, 3, size=240)
    curve = [fit(item, who, said, 3, max_rounds=rounds, tolerance=0).log_likelihood for rounds in range(1, 30)]
    assert (np.diff(curve) > -1e-9).all()


def test_it_finds_the_truth_that_a_majority_of_bad_annotators_hides() -> None:
    # Two annotators are right 95 times in 100; three give class 0 to half of what is not.
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, size=2000)
    good = np.where(rng.random((2000, 2)) < 0.95, truth[:, None], rng.integers(0, 3, size=(2000, 2)))
    bad = np.where(rng.random((2000, 3)) < 0.4, truth[:, None], 0)
    said = np.concatenate([good, bad], axis=1)
    found = fit(np.repeat(np.arange(2000), 5), np.tile(np.arange(5), 2000), said.ravel(), 3)
    votes = np.stack([(said == k).sum(axis=1) for k in range(3)], axis=1).argmax(axis=1)
    ours = (found.posterior.argmax(axis=1) == truth).mean()
    assert ours > 0.93 > (votes == truth).mean()


def test_smoothing_keeps_every_error_possible() -> None:
    found = fit(*readings(), 4, smoothing=0.5)
    assert (found.errors > 0).all()
    assert found.errors.sum(axis=2) == pytest.approx(np.ones((5, 4)))


def test_sets_are_judged_label_by_label(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    task = task_of(["joy", "sad"], "multi")
    rng = np.random.default_rng(8)
    truth = rng.random((300, 2)) < 0.4
    rows = [
        {
            "item": f"i{item:03}",
            "by": f"r{who}",
            "labels": [label for k, label in enumerate(["joy", "sad"]) if truth[item, k] ^ (rng.random() < wrong)],
        }
        for item in range(300)
        for who, wrong in enumerate([0.05, 0.05, 0.3])
    ]
    labels, figures = aggregate(annotations_of(rows), task, name="ds", method="dawid_skene")
    found = [None if row is None else {one["label"] for one in row} for row in labels["labels"].to_list()]
    wanted = [{label for k, label in enumerate(["joy", "sad"]) if truth[item, k]} for item in range(300)]
    assert sum(a == b for a, b in zip(found, wanted, strict=True)) > 270
    assert [] in labels["labels"].to_list()
    assert figures["fit"]["converged"]


def test_a_fit_that_has_not_converged_says_so(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    rows = [{"item": f"i{i}", "by": f"r{w}", "labels": ["ab"[(i * w) % 3 % 2]]} for i in range(9) for w in range(3)]
    method = {"rule": "dawid_skene", "max_rounds": 1}
    _, figures = aggregate(annotations_of(rows), task_of("ab"), name="ds", method=method)
    assert not figures["fit"]["converged"]
    assert "not converged after 1 rounds" in figures["note"]


def test_answers_of_several_people_are_refused(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    rows = [{"item": "a", "by": "crowd", "labels": ["a"], "votes": 5}]
    with pytest.raises(DsbuildError, match="several people"):
        aggregate(annotations_of(rows), task_of("ab"), name="ds", method="dawid_skene")
    assert aggregate(annotations_of(rows), task_of("ab"), name="m")[1]["unlabelled"] == 0


def test_emotiontalk_against_its_multimodal_label(
    shared_data: Path, task_of: TaskOf, annotations_from: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    def read(name: str) -> pl.DataFrame:
        key = pl.col("name" if name == "transcription" else "file_name").str.replace(r"\.\w+$", "").alias("item_id")
        return annotations_from(
            pl.read_csv(shared_data / "EmotionTalk" / f"{name}.csv").select(
                key, pl.lit(name).alias("annotator"), "emotion"
            )
        )

    unimodal = pl.concat([read(name) for name in ("transcription", "audio", "video")])
    task = task_of(sorted(unimodal["labels"].explode().struct.field("label").unique()))
    wanted = [
        ({"rule": "majority", "ties": "first"}, 0.675169),
        ({"rule": "majority"}, 0.747890),
        ({"rule": "dawid_skene", "max_rounds": 20}, 0.690805),
    ]
    for method, accuracy in wanted:
        labels, figures = aggregate(unimodal, task, name="main", method=method)
        (found,) = score(labels, read("mm"), task, of="main", against="mm", resamples=0)
        assert found["accuracy"]["value"] == pytest.approx(accuracy, abs=5e-7)
        if figures["fit"]:
            assert figures["fit"]["log_likelihood"] == pytest.approx(-80912.121646, abs=5e-6)
        else:
            assert figures["ties"] == 3015
