"""Agreement on open vocabulary: Jaccard between sets of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from audits.agreement.labels import of_labels
from audits.agreement.masi import jaccard
from audits.answers import first_answers
from audits.part import Part
from schemas.task import Task

MOST_ANSWERS, MOST_CELLS = 3_000, 30_000_000


def of_words(
    annotations: pl.DataFrame, task: Task, over: Sequence[str] | None, resamples: int, seed: int, level: float
) -> dict[str, Any]:
    """The figures of `audits.agreement.agreement`; no words by themselves, most of which occur once or twice.

    The time taken grows with the square of the number of different answers, so that above some thousands there is no
    figure, and the note says so.
    """
    answers = first_answers(annotations, task, over)
    words = answers["labels"].explode().struct.field("label").drop_nulls().unique().sort().to_list()
    part = Part(task.name, "multi", words)
    distinct = answers.select(pl.col("labels").list.eval(pl.element().struct.field("label")).list.sort()).n_unique()
    if distinct > MOST_ANSWERS or distinct * len(words) > MOST_CELLS:
        several = answers.filter(pl.col("item_id").is_duplicated())
        return {
            "over": list(over) if over is not None else answers["annotator"].unique().sort().to_list(),
            "distance": "jaccard",
            "value": None,
            "low": None,
            "high": None,
            "units": several["item_id"].n_unique(),
            "annotations": several.height,
            "note": f"Not computed: {distinct:,} different answers are too many for this version of dsbuild.",
            "labels": [],
        }
    found = of_labels(annotations, part, over, resamples, seed, level, between=jaccard, by_label=False)
    return {**found, "distance": "jaccard"}
