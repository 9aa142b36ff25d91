"""What the annotators said, counted by item, and what a rule decides from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from audits.answers import Answers, encode, label_matrix
from audits.arrays import Codes, Flags, Floats, in_rows
from schemas.task import Task

# Shares and posteriors nearer than this are equal.
SAME = 1e-9


@dataclass(frozen=True)
class Ballot:
    """The annotations of I items on one task, counted. An item nobody answered is there too, with zeros."""

    task: Task
    items: list[str]
    """(I,) every item that has an annotation of the task, answered or not, sorted."""
    answers: Answers
    item: Codes
    """(N,) the position in `items` of each annotation in `answers`."""
    answered: Codes
    """(I,) annotators who answered."""
    none: Codes
    """(I,) annotators who said "none of these"."""
    yes: Codes
    """(I, L) annotators who gave the label."""
    asked: Codes
    """(I, L) annotators the label was put to, who answered."""
    adjudicated: Flags
    """(I,) whether there is an adjudicated answer."""
    verdict: Flags
    """(I, L) the labels of the adjudicated answer."""
    adjudicators: list[str | None]
    """(I,) who adjudicated."""

    @property
    def share(self) -> Floats:
        """(I, L) share of those asked who gave the label; 0 where nobody was asked."""
        return np.asarray(self.yes / np.maximum(self.asked, 1))


@dataclass(frozen=True)
class Outcome:
    """What a rule decided: for every item its labels, "none of these", or nothing (no label)."""

    chosen: Flags
    """(I, L)"""
    none: Flags
    """(I,) "none of these" is the answer."""
    p: Floats
    """(I, L) the posterior or the share of votes behind each label."""
    ties: Flags
    """(I,) items the votes left undecided, as the rule defines it."""
    fit: dict[str, Any] | None = None
    """How the estimation went, where the rule estimates something."""
    notes: tuple[str, ...] = field(default=())

    @property
    def decided(self) -> Flags:
        """(I,) whether there is an answer."""
        return np.asarray(self.chosen.any(axis=1) | self.none)


def count(annotations: pl.DataFrame, task: Task) -> Ballot:
    """Count `annotations` (ANNOTATIONS); see `audits.answers` for which of them vote.

    An adjudicated answer is the last one of the round "adjudication", by time, then annotation id.

    Raises:
        DsbuildError: the task has no labels, or an annotation holds a label that is not the task's.
    """
    answers = encode(annotations, task)
    ours = annotations.filter(pl.col("task") == task.name)
    names = ours["item_id"].unique().sort()
    items, labels = names.len(), len(task.label_ids)
    position = names.search_sorted(pl.Series(answers.items, dtype=pl.String)).to_numpy().astype(np.int64)
    item = position[answers.item]

    shape = (items, labels)
    yes, asked = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    if len(item):
        starts = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
        was_asked = answers.asked[answers.answer]
        asked[item[starts]] = np.add.reduceat(was_asked, starts, axis=0, dtype=np.int64)
        yes[item[starts]] = np.add.reduceat(answers.member[answers.answer] & was_asked, starts, axis=0, dtype=np.int64)
    empty = ~in_rows(answers.member)[answers.answer]

    last = (
        ours.filter(
            (pl.col("round") == "adjudication") & ~pl.col("skipped").fill_null(False) & pl.col("labels").is_not_null()
        )
        .sort("created_at", "annotation_id", nulls_last=False)
        .unique("item_id", keep="last", maintain_order=True)
    )
    where = names.search_sorted(last["item_id"]).to_numpy().astype(np.int64)
    adjudicated, verdict = np.zeros(items, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    adjudicated[where] = True
    verdict[where] = label_matrix(last["labels"], task)
    judges = np.full(items, None, dtype=object)
    judges[where] = last["annotator"].to_numpy()
    return Ballot(
        task=task,
        items=names.to_list(),
        answers=answers,
        item=item,
        answered=np.bincount(item, minlength=items),
        none=np.bincount(item[empty], minlength=items),
        yes=yes,
        asked=asked,
        adjudicated=adjudicated,
        verdict=verdict,
        adjudicators=judges.tolist(),
    )


def without_company(chosen: Flags, task: Task) -> Flags:
    """`chosen` (I, L) where no exclusive label stands beside others: it gives way to them.

    Two exclusive labels by themselves contradict each other: such a row loses both.
    """
    exclusive = np.isin(task.label_ids, list(task.exclusive))
    accompanied = in_rows(chosen & ~exclusive)
    contradictory = (chosen & exclusive).sum(axis=1) > 1
    return np.asarray(chosen & ~(exclusive & (accompanied | contradictory)[:, None]))
