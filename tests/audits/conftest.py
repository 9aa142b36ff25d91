"""Annotations written by hand, as frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from schemas.tables import ANNOTATIONS, conform
from schemas.task import Task
from schemas.taxonomy import Label, Taxonomy

Rows = Sequence[Mapping[str, Any]]


def make_task(labels: Sequence[str], kind: str = "choice", exclusive: Sequence[str] = ()) -> Task:
    taxonomy = Taxonomy(
        name="made",
        title="Made for a test",
        source="this test",
        labels=tuple(Label(id=label, tone_note="only a test") for label in labels),
        exclusive=tuple(exclusive),
    )
    return Task.model_validate({"name": "emotion", "kind": kind, "taxonomy": taxonomy, "perspective": "reader"})


def make_annotations(rows: Rows, kind: str = "human") -> pl.DataFrame:
    """Rows of item, by, labels and whatever else of ANNOTATIONS differs from a plain first answer."""
    full = [
        {
            "annotation_id": f"a{number:06}",
            "item_id": row["item"],
            "task": "emotion",
            "perspective": "reader",
            "annotator": row["by"],
            "annotator_kind": kind,
            "labels": None
            if row["labels"] is None
            else [{"label": label, "score": None, "original": label} for label in row["labels"]],
            **{key: value for key, value in row.items() if key not in ("item", "by", "labels")},
        }
        for number, row in enumerate(rows)
    ]
    return conform(pl.DataFrame(full, infer_schema_length=None), ANNOTATIONS)


@pytest.fixture(scope="session")
def task_of() -> Callable[..., Task]:
    return make_task


@pytest.fixture(scope="session")
def annotations_of() -> Callable[..., pl.DataFrame]:
    return make_annotations


@pytest.fixture(scope="session")
def annotations_from() -> Callable[..., pl.DataFrame]:
    """Real data: a frame of item_id, annotator and emotion (one label) as annotations of people."""

    def convert(frame: pl.DataFrame) -> pl.DataFrame:
        label = pl.col("emotion")
        score = pl.lit(None, dtype=pl.Float64)
        return conform(
            frame.select(
                pl.int_range(pl.len()).cast(pl.String).alias("annotation_id"),
                "item_id",
                pl.lit("emotion").alias("task"),
                "annotator",
                pl.lit("human").alias("annotator_kind"),
                pl.concat_list(pl.struct(label.alias("label"), score.alias("score"), label.alias("original"))).alias(
                    "labels"
                ),
            ),
            ANNOTATIONS,
        )

    return convert
