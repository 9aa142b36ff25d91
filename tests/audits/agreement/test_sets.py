"""MASI and alpha over sets of labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from audits.agreement import agreement
from audits.agreement.masi import masi
from schemas.tables import ANNOTATIONS, conform
from schemas.task import Task

TaskOf = Callable[..., Task]
AnnotationsOf = Callable[..., pl.DataFrame]

# A row per item; a field per annotator, empty for no answer.
S7 = (
    "joy|joy,surprise|joy; anger|anger,disgust|disgust; sad||sad,fear; neutral|neutral|neutral; joy,love|love|joy,love;"
    "fear|surprise|; anger,disgust|anger,disgust,sad|anger"
)
S7_LABELS = ["anger", "disgust", "fear", "joy", "love", "neutral", "sad", "surprise"]
S9 = "-/- A/- A/A A/B AB/A AB/AC ABC/ABC C/AC C/AC"


def s7_rows() -> list[dict[str, object]]:
    return [
        {"item": f"item{item}", "by": f"reader{who}", "labels": answer.split(",")}
        for item, row in enumerate(S7.split(";"))
        for who, answer in enumerate(row.strip().split("|"))
        if answer
    ]


def s9_rows() -> list[dict[str, object]]:
    return [
        {"item": f"item{item}", "by": f"reader{who}", "labels": [] if answer == "-" else list(answer)}
        for item, pair in enumerate(S9.split())
        for who, answer in enumerate(pair.split("/"))
    ]


@pytest.mark.parametrize(
    ("a", "b", "apart"),
    [
        ("A", "A", 0.0),
        ("A", "AB", 2 / 3),
        ("AB", "BC", 8 / 9),
        ("AB", "ABC", 5 / 9),
        ("ABC", "ABD", 5 / 6),
        ("A", "B", 1.0),
        ("", "", 0.0),
        ("", "A", 1.0),
    ],
)
def test_masi_between_two_sets(a: str, b: str, apart: float) -> None:
    member = np.array([[letter in one for letter in "ABCD"] for one in (a, b)])
    distance = masi(member)
    assert distance(np.array(0), np.array(1)) == pytest.approx(apart, abs=1e-12)
    assert distance(np.array(1), np.array(0)) == pytest.approx(apart, abs=1e-12)


def test_masi_counts_beyond_64_labels() -> None:
    member = np.zeros((2, 130), dtype=np.bool_)
    member[0, [1, 100]] = True
    member[1, [1, 100, 129]] = True
    assert masi(member)(np.array(0), np.array(1)) == pytest.approx(1 - 2 / 3 * 2 / 3)


def test_dkpro_example_of_sets(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    annotations = annotations_of(s9_rows())
    assert agreement(annotations, task_of("ABC", "multi"), resamples=0)["value"] == pytest.approx(
        0.273080661, abs=5e-10
    )
    # The same answers with every set a category of its own.
    assert agreement(annotations, task_of("ABC", "choice"), resamples=0)["value"] == pytest.approx(
        0.238805970, abs=5e-10
    )


def test_seven_items_with_sets_overall_and_label_by_label(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    result = agreement(annotations_of(s7_rows()), task_of(S7_LABELS, "multi"), resamples=0)
    assert result["distance"] == "masi"
    assert result["value"] == pytest.approx(0.4048, abs=1e-10)
    found = {entry["label"]: entry["value"] for entry in result["labels"]}
    wanted = [0.742857, 0.4, -0.058824, 0.742857, 1, 1, 0.625, -0.058824]
    assert found == pytest.approx(dict(zip(S7_LABELS, wanted, strict=True)), abs=5e-7)
    nominal = agreement(annotations_of(s7_rows()), task_of(S7_LABELS, "choice"), resamples=0)
    assert nominal["value"] == pytest.approx(0.231707317, abs=5e-10)


def test_goemotions_ratings_of_which_few_are_double(shared_data: Path, task_of: TaskOf) -> None:
    raw = pl.read_csv(shared_data / "goemotions" / "raw_part.csv")
    labels = raw.columns[raw.columns.index("example_very_unclear") + 1 :]
    result = agreement(from_flags(raw, "id", "rater_id", labels), task_of(labels, "multi"), resamples=200)
    # Computed with fractions, without rounding.
    assert result["value"] == pytest.approx(0.1841643628722406, abs=1e-10)
    assert result["units"] == 192
    assert "Only 192 of 4,703 items" in result["note"]
    by_label = {entry["label"]: entry["value"] for entry in result["labels"]}
    assert by_label["gratitude"] == pytest.approx(0.834318673, abs=5e-10)
    assert by_label["anger"] == pytest.approx(-0.035135135, abs=5e-10)
    assert result["low"] < result["value"] < result["high"]


def test_earkick_sets_of_emotions(shared_data: Path, task_of: TaskOf) -> None:
    labels = ["sad", "happy", "fear", "disgust", "anger", "surprise"]
    # The word None is an answer there, not a gap.
    raw = pl.read_csv(shared_data / "Earkick_ABAW2023" / "assessment.csv", infer_schema=False)
    flags = raw.with_columns((pl.col(label) != "None").cast(pl.Int64) for label in labels)
    result = agreement(from_flags(flags, "audio", "annotator", labels), task_of(labels, "multi"), resamples=0)
    assert (result["units"], result["annotations"]) == (348, 1044)
    assert result["value"] == pytest.approx(0.177232311, abs=5e-10)


def from_flags(frame: pl.DataFrame, item: str, by: str, labels: list[str]) -> pl.DataFrame:
    """Annotations from one column of 0 and 1 for each label."""
    given = pl.concat_list(pl.when(pl.col(label) == 1).then(pl.lit(label)) for label in labels).list.drop_nulls()
    return conform(
        frame.select(
            pl.int_range(pl.len()).cast(pl.String).alias("annotation_id"),
            pl.col(item).cast(pl.String).alias("item_id"),
            pl.lit("emotion").alias("task"),
            pl.col(by).cast(pl.String).alias("annotator"),
            pl.lit("human").alias("annotator_kind"),
            given.list.eval(pl.struct(pl.element().alias("label"), pl.element().alias("original"))).alias("labels"),
        ).with_columns(
            pl.col("labels").cast(pl.List(pl.Struct({"label": pl.String, "score": pl.Float64, "original": pl.String})))
        ),
        ANNOTATIONS,
    )


def test_a_label_that_was_not_asked_is_missing_not_a_no(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    rows = [
        {"item": "a", "by": "x", "labels": ["joy"], "asked": None},
        {"item": "a", "by": "y", "labels": [], "asked": ["sad"]},
        {"item": "a", "by": "z", "labels": ["joy"], "asked": None},
        {"item": "b", "by": "x", "labels": ["sad"], "asked": None},
        {"item": "b", "by": "y", "labels": ["sad"], "asked": ["sad"]},
        {"item": "b", "by": "z", "labels": ["sad"], "asked": None},
    ]
    result = agreement(annotations_of(rows), task_of(["joy", "sad"], "multi"), resamples=0)
    by_label = {entry["label"]: entry for entry in result["labels"]}
    # y was never asked about joy: the two who were agree.
    assert by_label["joy"]["value"] == 1.0
    assert by_label["sad"]["value"] == 1.0
    assert result["annotations"] == 4
    assert "2 annotations were asked fewer labels" in result["note"]


def test_a_label_asked_of_one_annotator_only_has_no_agreement(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    rows = [
        {"item": item, "by": by, "labels": labels, "asked": ["joy", "sad"] if by == "x" else ["sad"]}
        for item in ("a", "b")
        for by, labels in (("x", ["joy"]), ("y", ["sad"]))
    ]
    result = agreement(annotations_of(rows), task_of(["joy", "sad"], "multi"), resamples=0)
    assert {entry["label"]: entry["units"] for entry in result["labels"]} == {"joy": 0, "sad": 2}
    assert result["labels"][0]["value"] is None
