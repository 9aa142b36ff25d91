"""Agreement on attributes: each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from audits.agreement.labels import of_labels
from audits.agreement.levels import of_values
from audits.answers import first_answers
from audits.attributes import of_attribute, parts_of
from schemas.task import Task


def of_attributes(
    annotations: pl.DataFrame, task: Task, over: Sequence[str] | None, resamples: int, seed: int, level: float
) -> dict[str, Any]:
    """The figures of `audits.agreement.agreement`; `labels` are the attributes, and there is none for all of them."""
    parts = parts_of(task)
    entries, notes = [], ["There is no alpha over several attributes together; each has its own."]
    for name in task.attributes:
        mine = of_attribute(annotations, name)
        if name in parts:
            found = of_labels(mine, parts[name], over, resamples, seed, level)
        else:
            rows = first_answers(mine, task, over).select("item_id", "annotator", "votes", "labels")
            found = of_values(rows.explode("labels").unnest("labels"), (name,), over, resamples, seed, level)
        entries.append({"label": name, **{key: found[key] for key in ("value", "low", "high", "units")}})
        if found["note"]:
            notes.append(f"{name}: {found['note']}")
    answers = first_answers(annotations, task, over)
    several = answers.filter(pl.col("item_id").is_duplicated())
    return {
        "over": list(over) if over is not None else answers["annotator"].unique().sort().to_list(),
        "distance": "each its own",
        "value": None,
        "low": None,
        "high": None,
        "units": several["item_id"].n_unique(),
        "annotations": several.height,
        "note": " ".join(notes),
        "labels": entries,
    }
