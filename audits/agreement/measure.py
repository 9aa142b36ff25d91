"""Agreement between annotators on one task, with intervals, overall and label by label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from audits.agreement.attributes import of_attributes
from audits.agreement.labels import of_labels
from audits.agreement.levels import of_numbers
from audits.agreement.words import of_words
from audits.answers import first_answers
from audits.intervals import LEVEL, RESAMPLES
from audits.methods import VOTED, article
from audits.part import part_of
from schemas.task import Task


def agreement(
    annotations: pl.DataFrame,
    task: Task,
    over: Sequence[str] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Any]:
    """Krippendorff's alpha of `annotations` (ANNOTATIONS) on `task` between the annotators `over` (default: all).

    - choice and pairwise: nominal ("none of these" is a category of its own); multi: MASI between sets. Every label is
      judged by itself too, as a yes or a no (nominal); a label that was not put to an annotator is missing there, not
      a no, and an annotation that was asked fewer labels than the others has no part in the alpha of whole sets.
      Counts of votes are counted, soft labels left out (`audits.agreement.labels`).
    - scale: interval. intensity: interval for each label, and over all labels together (`audits.agreement.numbers`).
    - attributes: each by itself, as a choice, a multi or a scale; there is no figure for all of them.
    - open: Jaccard between sets of words.
    - The other kinds have no figure, and the note says so.

    What counts: the first round, sample 0, not skipped, answered; see `audits.answers`.

    Intervals are BCa at `level` over `resamples` bootstrap samples of the items that have two annotations or more,
    seeded by `seed`; `resamples=0` leaves them out. Undefined figures (no such item, or only one answer among them)
    are None with a note.

    Returns:
        An entry of `agreement` in metrics.json: task, over, metric, distance, value, low, high, level, resamples,
        units (items with two annotations or more), annotations (of these), note, and labels (or attributes) with
        label, value, low, high, units.

    Raises:
        DsbuildError: an annotation holds a label that is not the task's.
    """
    options = (resamples, seed, level)
    if task.kind in VOTED:
        found = of_labels(annotations, part_of(task), over, *options)
    elif task.kind in ("scale", "intensity"):
        found = of_numbers(annotations, task, over, *options)
    elif task.kind == "attributes":
        found = of_attributes(annotations, task, over, *options)
    elif task.kind == "open":
        found = of_words(annotations, task, over, *options)
    else:
        found = _none(annotations, task, over)
    head = {"task": task.name, "metric": "krippendorff_alpha", "level": level, "resamples": resamples}
    return {**head, **found}


def _none(annotations: pl.DataFrame, task: Task, over: Sequence[str] | None) -> dict[str, Any]:
    answers = first_answers(annotations, task, over)
    several = answers.filter(pl.col("item_id").is_duplicated())
    return {
        "over": list(over) if over is not None else answers["annotator"].unique().sort().to_list(),
        "distance": task.distance,
        "value": None,
        "low": None,
        "high": None,
        "units": several["item_id"].n_unique(),
        "annotations": several.height,
        "note": f"This version of dsbuild computes no agreement for {article(task.kind)} task.",
        "labels": [],
    }
