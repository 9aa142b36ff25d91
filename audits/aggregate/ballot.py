"""What the annotators said, counted by item, and what a rule decides from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from audits.answers import Answers, encode, held, is_answer
from audits.arrays import Codes, Flags, Floats, in_rows
from audits.part import Part, part_of
from schemas.errors import DsbuildError
from schemas.task import Task

# Shares and posteriors nearer than this are equal.
SAME = 1e-9


@dataclass(frozen=True)
class Ballot:
    """The annotations of I items on one question, counted. An item nobody answered is there too, with zeros.

    A count of votes weighs as many as voted, a soft label 1, shared by its probabilities.
    """

    part: Part
    items: list[str]
    """(I,) every item that has an annotation of the task, answered or not, sorted."""
    answers: Answers
    item: Codes
    """(N,) the position in `items` of each annotation in `answers`."""
    weighted: Codes
    """(M,) the position in `items` of each count and soft label in `answers.weighted`."""
    answered: Floats
    """(I,) annotators who answered."""
    none: Floats
    """(I,) annotators who said "none of these"; at least so many, where counts of several labels are all there is."""
    yes: Floats
    """(I, L) annotators who gave the label."""
    asked: Floats
    """(I, L) annotators the label was put to, who answered."""
    adjudicated: Flags
    """(I,) whether there is an adjudicated answer."""
    verdict: Flags
    """(I, L) the labels of the adjudicated answer."""
    adjudicators: list[str | None]
    """(I,) who adjudicated."""

    @property
    def soft(self) -> Flags:
        """(I,) whether a soft label is among the annotations."""
        weighted = self.answers.weighted
        return np.asarray(np.bincount(self.weighted[weighted.soft], minlength=len(self.items)) > 0)

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


def count(annotations: pl.DataFrame, task: Task | Part) -> Ballot:
    """Count `annotations` (ANNOTATIONS); see `audits.answers` for which of them vote.

    An adjudicated answer is the last one of the round "adjudication", by time, then annotation id.

    Raises:
        DsbuildError: the answers are not labels of a closed set, or an annotation holds a label that is not the task's.
    """
    part = part_of(task)
    answers = encode(annotations, part)
    ours = annotations.filter(pl.col("task") == part.name)
    names = ours["item_id"].unique().sort()
    items, labels = names.len(), len(part.label_ids)
    position = names.search_sorted(pl.Series(answers.items, dtype=pl.String)).to_numpy().astype(np.int64)
    item = position[answers.item]

    shape = (items, labels)
    yes: Floats = np.zeros(shape)
    asked: Floats = np.zeros(shape)
    if len(item):
        starts = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
        was_asked = answers.asked[answers.answer]
        asked[item[starts]] = np.add.reduceat(was_asked, starts, axis=0, dtype=np.int64)
        yes[item[starts]] = np.add.reduceat(answers.member[answers.answer] & was_asked, starts, axis=0, dtype=np.int64)
    empty = ~in_rows(answers.member)[answers.answer]
    answered = np.bincount(item, minlength=items).astype(np.float64)
    none = np.bincount(item[empty], minlength=items).astype(np.float64)

    weighted = answers.weighted
    place = position[weighted.item]
    np.add.at(yes, place, np.where(weighted.asked, weighted.weight, 0.0))
    np.add.at(asked, place, weighted.people[:, None] * weighted.asked)
    np.add.at(answered, place, weighted.people)
    np.add.at(none, place, weighted.none)

    last = last_adjudicated(ours, part)
    where = names.search_sorted(last["item_id"]).to_numpy().astype(np.int64)
    adjudicated, verdict = np.zeros(items, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    adjudicated[where] = True
    verdict[where] = held(last["labels"], last["votes"], part)
    judges = np.full(items, None, dtype=object)
    judges[where] = last["annotator"].to_numpy()
    return Ballot(
        part=part,
        items=names.to_list(),
        answers=answers,
        item=item,
        weighted=place,
        answered=answered,
        none=none,
        yes=yes,
        asked=asked,
        adjudicated=adjudicated,
        verdict=verdict,
        adjudicators=judges.tolist(),
    )


def last_adjudicated(annotations: pl.DataFrame, task: Task | Part) -> pl.DataFrame:
    """The rows of `annotations` (ANNOTATIONS of the task) that say the adjudicator's last word, one an item."""
    return (
        annotations.filter((pl.col("round") == "adjudication") & is_answer(task))
        .sort("created_at", "annotation_id", nulls_last=False)
        .unique("item_id", keep="last", maintain_order=True)
    )


def without_company(chosen: Flags, part: Part) -> Flags:
    """`chosen` (I, L) where no exclusive label stands beside others: it gives way to them.

    Two exclusive labels by themselves contradict each other: such a row loses both.
    """
    exclusive = np.isin(part.label_ids, list(part.exclusive))
    accompanied = in_rows(chosen & ~exclusive)
    contradictory = (chosen & exclusive).sum(axis=1) > 1
    return np.asarray(chosen & ~(exclusive & (accompanied | contradictory)[:, None]))


def no_soft_labels(ballot: Ballot, rule: str) -> None:
    """Refuse soft labels where a rule asks whether somebody gave a label or not.

    Raises:
        DsbuildError: there is one.
    """
    if ballot.soft.any():
        raise DsbuildError(
            f"{rule} asks who gave a label, but some annotations of {ballot.part.name} are soft labels.",
            where=f"item {ballot.items[int(ballot.soft.argmax())]}",
            fix="Use majority, which adds their probabilities up.",
        )
