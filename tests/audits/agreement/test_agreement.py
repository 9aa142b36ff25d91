"""What agreement promises: which annotations count, when a figure is undefined, what never changes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import krippendorff
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.agreement import agreement
from audits.agreement.alpha import count, leave_one_out, point, replicate
from audits.agreement.masi import masi, nominal
from audits.answers import encode
from audits.intervals import acceleration, bca, resamples_of
from schemas.errors import DsbuildError
from schemas.task import Task

TaskOf = Callable[..., Task]
AnnotationsOf = Callable[..., pl.DataFrame]


def table(*rows: str) -> list[dict[str, object]]:
    """`a x joy,sad` is item, annotator, labels; `-` is an empty set."""
    split = [row.split() for row in rows]
    return [
        {"item": item, "by": by, "labels": [] if labels == "-" else labels.split(",")} for item, by, labels in split
    ]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_equals_the_krippendorff_package(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    units, answers = int(rng.integers(2, 40)), int(rng.integers(2, 8))
    cells = rng.multinomial(5, rng.dirichlet(np.ones(answers)), size=units) * rng.integers(0, 2, size=(units, 1))
    cells[0] = 0
    cells[0, :2] = 1
    unit, answer = (np.repeat(index, cells[np.nonzero(cells)]) for index in np.nonzero(cells))
    member = np.eye(answers, dtype=np.bool_) | (rng.random((answers, answers)) < 0.4)
    for distance in (nominal, masi(member)):
        counts = count(unit, answer, np.ones(units, dtype=np.int64), answers, distance)
        apart = distance(np.arange(answers)[:, None], np.arange(answers)[None, :])
        if not (apart[answer[:, None], answer[None, :]] > 0).any():
            continue

        def metric(v1: object, v2: object, i1: np.ndarray, i2: np.ndarray, n_v: object, dtype: object) -> np.ndarray:
            return apart[i1, i2]  # noqa: B023

        peer = krippendorff.alpha(value_counts=cells, level_of_measurement=metric)
        ours = replicate(counts, np.ones((1, units)))[0]
        assert ours == pytest.approx(peer, abs=1e-9)
        assert point(counts) == pytest.approx(peer, abs=1e-9)


def test_large_and_small_tables_give_the_same_alpha(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    unit, answer = np.repeat(np.arange(200), 4), rng.integers(0, 60, size=800)
    member = rng.random((60, 9)) < 0.3
    counts = count(unit, answer, np.ones(200, dtype=np.int64), 60, masi(member))
    whole, parts = replicate(counts, np.ones((3, 200))), leave_one_out(counts)
    monkeypatch.setattr("audits.agreement.alpha._FULL", 2.0)
    monkeypatch.setattr("audits.agreement.alpha._BLOCK", 500)
    assert replicate(counts, np.ones((3, 200))) == pytest.approx(whole, abs=1e-12)
    assert leave_one_out(counts) == pytest.approx(parts, abs=1e-12)


def test_leaving_a_unit_out_equals_computing_without_it() -> None:
    rng = np.random.default_rng(4)
    unit, answer = np.repeat(np.arange(30), 3), rng.integers(0, 6, size=90)
    for distance in (nominal, masi(rng.random((6, 4)) < 0.5)):
        counts = count(unit, answer, np.ones(30, dtype=np.int64), 6, distance)
        assert leave_one_out(counts) == pytest.approx(replicate(counts, 1.0 - np.eye(30)), abs=1e-9)


def test_only_one_label_in_the_data_is_undefined_never_1(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    result = agreement(annotations_of(table("a x joy", "a y joy", "b x joy", "b y joy")), task_of(["joy", "sad"]))
    assert (result["value"], result["low"], result["high"]) == (None, None, None)
    assert "only one answer occurs" in result["note"]
    assert [entry["value"] for entry in result["labels"]] == [None, None]


def test_no_item_with_two_annotations_is_undefined(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    for rows in (table("a x joy", "b y sad"), []):
        frame = annotations_of(rows) if rows else annotations_of(table("a x joy")).clear()
        result = agreement(frame, task_of(["joy", "sad"]))
        assert (result["value"], result["units"], result["annotations"]) == (None, 0, 0)
        assert "no item has two annotations" in result["note"]


def test_only_first_answers_count(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    plain = table("a x joy", "a y joy", "b x sad", "b y joy", "c x sad", "c y sad")
    task = task_of(["joy", "sad"])
    more = [
        {"item": "a", "by": "x", "labels": ["sad"], "sample": 1},
        {"item": "a", "by": "y", "labels": ["sad"], "round": "repeat"},
        {"item": "a", "by": "z", "labels": ["sad"], "round": "adjudication"},
        {"item": "b", "by": "z", "labels": None, "skipped": True},
        {"item": "b", "by": "z", "labels": None},
        {"item": "c", "by": "x", "labels": ["joy"]},
        {"item": "c", "by": "other", "labels": ["joy"]},
    ]
    wanted = agreement(annotations_of(plain), task, ["x", "y"], resamples=0)
    result = agreement(annotations_of(plain + more), task, ["x", "y"], resamples=0)
    assert "1 further annotation of an item by the same annotator" in result["note"]
    assert "1 repeated sample" in result["note"]
    assert {**result, "note": None} == wanted


def test_none_of_these_is_an_answer(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    agreed = table("a x -", "a y -", "b x joy", "b y joy")
    assert agreement(annotations_of(agreed), task_of(["joy", "sad"]), resamples=0)["value"] == 1.0
    assert agreement(annotations_of(agreed), task_of(["joy", "sad"], "multi"), resamples=0)["value"] == 1.0


def test_the_interval_is_the_same_again_and_another_with_another_seed(
    task_of: TaskOf, annotations_of: AnnotationsOf
) -> None:
    rng = np.random.default_rng(1)
    rows = [
        {"item": f"i{item:03}", "by": by, "labels": [str(rng.choice(["joy", "sad", "fear"], p=[0.6, 0.3, 0.1]))]}
        for item in range(80)
        for by in "xyz"
    ]
    task = task_of(["joy", "sad", "fear"])
    annotations = annotations_of(rows)
    first = agreement(annotations, task, resamples=300, seed=1)
    assert agreement(annotations, task, resamples=300, seed=1) == first
    assert agreement(annotations, task, resamples=300, seed=2)["low"] != first["low"]
    assert first["low"] < first["value"] < first["high"]


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    # 2 annotators who copy the true label with probability .8 each, else draw from the same uniform: alpha = .64.
    rng = np.random.default_rng(11)
    covered = 0
    for trial in range(150):
        truth = rng.integers(0, 4, size=(120, 1))
        said = np.where(rng.random((120, 2)) < 0.8, truth, rng.integers(0, 4, size=(120, 2)))
        unit = np.repeat(np.arange(120), 2)
        times = np.ones(120, dtype=np.int64)
        counts = count(unit, said.ravel(), times, 4, nominal)
        replicates = np.concatenate([replicate(counts, w) for w in resamples_of(np.arange(120), 120, 300, trial)])
        low, high = bca(point(counts) or 0.0, replicates, acceleration(leave_one_out(counts), times), 0.95) or (0, 0)
        covered += low <= 0.64 <= high
    assert 0.88 <= covered / 150 <= 0.99


ANSWERS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 3), st.sets(st.sampled_from("ABC"))), min_size=2, max_size=40
)


@settings(max_examples=40, deadline=None)
@given(answers=ANSWERS, kind=st.sampled_from(["choice", "multi"]), data=st.data())
def test_renaming_reordering_and_copying_items_change_nothing(
    task_of: TaskOf,
    annotations_of: AnnotationsOf,
    answers: list[tuple[int, int, set[str]]],
    kind: str,
    data: st.DataObject,
) -> None:
    unique = {(item, by): labels for item, by, labels in answers}
    rows = [{"item": f"i{item}", "by": f"r{by}", "labels": sorted(labels)} for (item, by), labels in unique.items()]
    task = task_of("ABC", kind)
    plain = agreement(annotations_of(rows), task, resamples=20)

    shuffled = annotations_of(data.draw(st.permutations(rows)))
    assert agreement(shuffled, task, resamples=20) == plain

    renamed = [
        {
            "item": f"other{row['item']}",
            "by": f"who{row['by']}",
            "labels": [{"A": "C", "B": "A", "C": "B"}[x] for x in row["labels"]],
        }
        for row in rows
    ]
    again = agreement(annotations_of(renamed), task, resamples=0)
    assert again["value"] == (pytest.approx(plain["value"], abs=1e-9) if plain["value"] is not None else None)
    moved = {entry["label"]: entry["value"] for entry in again["labels"]}
    for entry in plain["labels"]:
        other = moved[{"A": "C", "B": "A", "C": "B"}[entry["label"]]]
        assert other == (pytest.approx(entry["value"], abs=1e-9) if entry["value"] is not None else None)

    # Two copies of every item: the observed disagreement is the same, chance has n (n - 1) pairs instead.
    copied = agreement(
        annotations_of(rows + [{**row, "item": f"copy{row['item']}"} for row in rows]), task, resamples=0
    )
    n = plain["annotations"]
    if plain["value"] is not None:
        expected = 1 - (1 - plain["value"]) * (2 * n - 1) / (2 * n - 2)
        assert copied["value"] == pytest.approx(expected, abs=1e-8)


def test_a_strange_label_is_refused_by_name(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    with pytest.raises(DsbuildError, match="'rage'"):
        agreement(annotations_of(table("a x rage", "a y joy")), task_of(["joy", "sad"]))


def test_emotiontalk_three_unimodal_labels(
    shared_data: Path, task_of: TaskOf, annotations_from: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    frames = [
        pl.read_csv(shared_data / "EmotionTalk" / f"{name}.csv").select(
            pl.col("name" if name == "transcription" else "file_name").str.replace(r"\.\w+$", "").alias("item_id"),
            pl.lit(name).alias("annotator"),
            "emotion",
        )
        for name in ("transcription", "audio", "video")
    ]
    annotations = annotations_from(pl.concat(frames))
    task = task_of(sorted(annotations["labels"].explode().struct.field("label").unique()))
    assert len(encode(annotations, task).items) == 19250
    result = agreement(annotations, task, resamples=200)
    assert result["value"] == pytest.approx(0.284805598, abs=5e-10)
    # The jackknife standard error is .003230826.
    assert (result["high"] - result["low"]) / 2 == pytest.approx(1.96 * 0.003230826, rel=0.2)


@pytest.mark.parametrize(
    ("query", "value"), [("1", 0.281103240), ("2", 0.458246989), ("3", 0.496669444)], ids=["voice", "face", "both"]
)
def test_crema_d_vote_counts(shared_data: Path, query: str, value: float) -> None:
    votes = pl.read_csv(shared_data / "CREMA-D" / "tabulatedVotes.csv", infer_schema=False)
    first = votes.columns[0]
    cells = votes.filter(pl.col(first).str.starts_with(query)).select(pl.col(list("ADFHNS")).cast(pl.Int64)).to_numpy()
    unit, answer = np.nonzero(cells)
    times = cells[unit, answer]
    units = np.ones(len(cells), dtype=np.int64)
    counts = count(np.repeat(unit, times), np.repeat(answer, times), units, 6, nominal)
    assert point(counts) == pytest.approx(value, abs=5e-10)


def test_framing_annotations_of_three_people(
    shared_data: Path, task_of: TaskOf, annotations_from: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    people = json.loads((shared_data / "alttest" / "framing-human_annotations.json").read_text(encoding="utf-8"))
    rows = [(item, who, str(answer)) for who, answers in people.items() for item, answer in answers.items()]
    frame = pl.DataFrame(rows, schema=["item_id", "annotator", "emotion"], orient="row")
    labels = sorted(frame["emotion"].unique())
    result = agreement(annotations_from(frame), task_of(labels), resamples=300)
    assert result["value"] == pytest.approx(0.566625914, abs=5e-10)
    assert (result["high"] - result["low"]) / 2 == pytest.approx(1.96 * 0.012458972, rel=0.2)
