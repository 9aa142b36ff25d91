"""Given and reference labels side by side: distinct pairs of answers and what each adds to the counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from audits.answers import asked_matrix, first_answers, held
from audits.arrays import Codes, Flags, dense
from audits.part import part_of
from schemas.errors import DsbuildError
from schemas.task import Task


@dataclass(frozen=True)
class Pairs:
    """The items that both sides answered; items with the same two answers are one pattern. L labels."""

    items: list[str]
    """(I,) sorted."""
    pattern: Codes
    """(I,) the pattern of each item."""
    given: Flags
    """(P, L) what was given, of the labels put to both sides."""
    reference: Flags
    """(P, L) what the reference says, of the same labels."""


def pair(given: pl.DataFrame, reference: pl.DataFrame, task: Task) -> Pairs:
    """Match `given` with `reference` by item.

    Both have `item_id` and `labels` list<struct{label, ...}>, and perhaps `asked` list<str>; one row an item, rows
    without an answer (labels null) are left out. Of annotations (ANNOTATIONS) the first answers are taken, as
    everywhere (`audits.answers`), and of counts of votes and soft labels what they hold (`audits.answers.held`). What
    was not put to one side is left out on both.

    Raises:
        DsbuildError: an item has several rows, or a label is not the task's.
    """
    part = part_of(task)
    sides = [_one_row_an_item(frame, side, task) for frame, side in ((given, "given"), (reference, "reference"))]
    both = sides[0].join(sides[1], on="item_id", how="inner", suffix="_reference").sort("item_id")
    asked = asked_matrix(both["asked"], part) & asked_matrix(both["asked_reference"], part)
    left = held(both["labels"], both["votes"], part) & asked
    right = held(both["labels_reference"], both["votes_reference"], part) & asked
    pattern: Codes = np.zeros(both.height, dtype=np.int64)
    for column in np.concatenate([left, right], axis=1).T:
        _, pattern = dense(pattern * 2 + column)
    first, pattern = dense(pattern)
    return Pairs(both["item_id"].to_list(), pattern, left[first], right[first])


def _one_row_an_item(frame: pl.DataFrame, side: str, task: Task) -> pl.DataFrame:
    if "annotation_id" in frame.columns:
        frame = first_answers(frame, task)
    for name, kind in (("asked", pl.List(pl.String)), ("votes", pl.Int32)):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=kind).alias(name))
    answered = frame.filter(pl.col("labels").is_not_null()).select("item_id", "labels", "asked", "votes")
    if answered["item_id"].n_unique() < answered.height:
        twice = answered.filter(pl.col("item_id").is_duplicated())["item_id"].sort()[0]
        raise DsbuildError(
            f"The {side} labels hold several rows of one item.",
            where=f"item {twice}",
            fix="Score one annotator or one aggregate at a time.",
        )
    return answered
