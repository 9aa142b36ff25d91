"""Annotations of every kind of task, written by hand: `given` makes a frame of rows that say what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from schemas.tables import ANNOTATIONS, conform, polars_schema
from schemas.task import Task
from schemas.taxonomy import Label, Taxonomy

LABELS = ("joy", "sadness", "fear")


def taxonomy(labels: Sequence[str] = LABELS) -> Taxonomy:
    return Taxonomy(
        name="made",
        title="Made for a test",
        source="this test",
        labels=tuple(Label(id=label, tone_note="only a test") for label in labels),
    )


def task(kind: str, **more: Any) -> Task:
    return Task.model_validate({"name": "t", "kind": kind, "perspective": "reader", **more})


def labels(*entries: str | tuple[str, float]) -> list[dict[str, Any]]:
    """The column `labels`: a label, or a label and its score."""
    return [{"label": one} if isinstance(one, str) else {"label": one[0], "score": one[1]} for one in entries]


def span(start: int | None, end: int | None, text: str | None = None, turn: str | None = "i") -> dict[str, Any]:
    return {"item_id": turn, "start": start, "end": end, "label": None, "text": text}


def given(*rows: Mapping[str, Any], kind: str = "human") -> pl.DataFrame:
    """ANNOTATIONS from rows of `by`, an answer's column, and whatever else differs from a plain first answer of "i"."""
    wanted = polars_schema(ANNOTATIONS)
    full = [
        {"annotation_id": f"a{n:04}", "item_id": "i", "task": "t", "annotator_kind": kind, "annotator": row["by"]}
        | {key: value for key, value in row.items() if key != "by"}
        for n, row in enumerate(rows)
    ]
    columns = {name: [row.get(name) for row in full] for name in {key for row in full for key in row}}
    return conform(pl.DataFrame(columns, schema={name: wanted[name] for name in columns}), ANNOTATIONS)
