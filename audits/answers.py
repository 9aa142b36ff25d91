"""Annotations of a task with labels, as arrays: who gave which of the distinct answers to which item.

Every audit of labels starts here, so that all of them look at the same annotations: of the asked annotators, first
round, sample 0, not skipped, with an answer, and one for each annotator and item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from audits.arrays import Codes, Flags, dense
from audits.figures import counted
from schemas.errors import DsbuildError
from schemas.task import Task

WORD = 64


@dataclass(frozen=True)
class Answers:
    """N annotations of I items by R annotators, sorted by item and annotator; S distinct answers over L labels."""

    items: list[str]
    """(I,) item ids, sorted."""
    annotators: list[str]
    """(R,) names, sorted."""
    labels: list[str]
    """(L,) label ids in the task's order."""
    item: Codes
    """(N,) position in `items`."""
    annotator: Codes
    """(N,) position in `annotators`."""
    answer: Codes
    """(N,) row of `member` and `asked`."""
    member: Flags
    """(S, L) the labels of each distinct answer."""
    asked: Flags
    """(S, L) the labels that were put to the annotator; an unasked label is missing, not a no."""
    notes: tuple[str, ...]
    """What was left out and why."""


def first_answers(annotations: pl.DataFrame, task: Task, over: Sequence[str] | None = None) -> pl.DataFrame:
    """The rows of `annotations` (ANNOTATIONS) that audits look at, sorted by item and annotator.

    Of one annotator's several annotations of an item (a duplicate that was merged into it, say), the one with the
    smallest annotation id stays. `over` names the annotators (default: all there are).
    """
    usable = _usable(annotations, task, over)
    return usable[_first(usable)[0]]


def encode(annotations: pl.DataFrame, task: Task, over: Sequence[str] | None = None) -> Answers:
    """The annotations that audits look at, as arrays.

    Raises:
        DsbuildError: the task has no labels, or an annotation holds a label that is not the task's.
    """
    _needs_labels(task)
    usable = _usable(annotations, task, over)
    rows, (items, item), (annotators, annotator) = _first(usable)
    kept = usable.select("labels", "asked", "votes")[rows]
    notes = []
    if kept.height < usable.height:
        many = counted(usable.height - kept.height, "further annotation", "further annotations")
        notes.append(f"{many} of an item by the same annotator left out: the first counts.")
    further = _of_task(annotations, task, over).filter(pl.col("sample").fill_null(0) != 0).height
    if further:
        notes.append(f"{counted(further, 'repeated sample', 'repeated samples')} left out: sample 0 counts.")
    several = kept.filter(pl.col("votes") > 1).height
    if several:
        notes.append(f"{counted(several, 'annotation stands', 'annotations stand')} for several people, counted once.")
    member, asked, answer = _distinct_answers(kept, task)
    return Answers(items, annotators, task.label_ids, item, annotator, answer, member, asked, tuple(notes))


def label_matrix(labels: pl.Series, task: Task) -> Flags:
    """(N, L) which of the task's labels each row of `labels` (list<struct{label, ...}>, without nulls) holds."""
    rows, codes = _exploded(labels, task.label_ids)
    result = np.zeros((len(labels), len(task.label_ids)), dtype=np.bool_)
    result[rows, codes] = True
    return result


def asked_matrix(asked: pl.Series, task: Task) -> Flags:
    """(N, L) which of the task's labels were put to the annotator; a null row (or null dtype) is all of them."""
    result = np.ones((len(asked), len(task.label_ids)), dtype=np.bool_)
    some = asked.is_not_null().to_numpy()
    if some.any():
        rows, codes = _exploded(asked.filter(asked.is_not_null()), task.label_ids)
        result[some] = False
        result[np.flatnonzero(some)[rows], codes] = True
    return result


def _of_task(annotations: pl.DataFrame, task: Task, over: Sequence[str] | None) -> pl.DataFrame:
    wanted = pl.col("task") == task.name
    if over is not None:
        wanted &= pl.col("annotator").is_in(list(over))
    answered = ~pl.col("skipped").fill_null(False) & pl.col("labels").is_not_null()
    return annotations.filter(wanted & answered & (pl.col("round").fill_null("first") == "first"))


def _usable(annotations: pl.DataFrame, task: Task, over: Sequence[str] | None) -> pl.DataFrame:
    return _of_task(annotations, task, over).filter(pl.col("sample").fill_null(0) == 0)


def _first(usable: pl.DataFrame) -> tuple[Codes, tuple[list[str], Codes], tuple[list[str], Codes]]:
    """The rows to keep, sorted by item and annotator, and for these: (item ids, codes), (annotators, codes)."""
    items, item = _codes(usable["item_id"])
    annotators, annotator = _codes(usable["annotator"])
    key = item * max(len(annotators), 1) + annotator
    order = np.argsort(key, kind="stable")
    again = key[order[1:]] == key[order[:-1]]
    if again.any():
        # Only then does the annotation id decide, whose sorting takes longer than everything else.
        by_id = np.argsort(usable["annotation_id"].rank("ordinal").to_numpy())
        order = by_id[np.argsort(key[by_id], kind="stable")]
        order = order[np.r_[True, key[order[1:]] != key[order[:-1]]]]
    return order, (items, item[order]), (annotators, annotator[order])


def _needs_labels(task: Task) -> None:
    if not task.label_ids:
        raise DsbuildError(
            f"Task {task.name} has no labels, so there is nothing to count.",
            fix="Agreement, aggregates and scores are for tasks of kind choice or multi.",
        )


def _codes(names: pl.Series) -> tuple[list[str], Codes]:
    """The sorted distinct values and each row's position among them."""
    distinct = names.unique().sort()
    numbered = pl.DataFrame({"name": distinct}).with_row_index("code")
    codes = pl.DataFrame({"name": names}).join(numbered, on="name", how="left", maintain_order="left")["code"]
    return distinct.to_list(), codes.to_numpy().astype(np.int64)


def _exploded(lists: pl.Series, labels: list[str]) -> tuple[Codes, Codes]:
    """(row, label position) of every entry of `lists`, rows ascending."""
    lengths = lists.list.len().to_numpy().astype(np.int64)
    rows = np.repeat(np.arange(len(lists)), lengths)
    entries = lists.filter(lists.list.len() > 0).explode()
    if isinstance(entries.dtype, pl.Struct):
        entries = entries.struct.field("label")
    codes = entries.cast(pl.String).cast(pl.Enum(labels), strict=False)
    if codes.null_count():
        stranger = entries.filter(codes.is_null())[0]
        raise DsbuildError(
            f"An annotation holds {stranger!r}, which is no label of the task.",
            fix=f"Its labels are: {', '.join(labels)}.",
        )
    return rows, codes.to_physical().to_numpy().astype(np.int64)


def _bits(rows: Codes, codes: Codes, height: int, width: int) -> list[NDArray[np.uint64]]:
    """Sets of label positions as bit masks: one array (height,) for every 64 labels."""
    words: list[NDArray[np.uint64]] = []
    for word in range((width + WORD - 1) // WORD):
        inside = codes // WORD == word
        mask: NDArray[np.uint64] = np.zeros(height, dtype=np.uint64)
        np.bitwise_or.at(mask, rows[inside], np.uint64(1) << (codes[inside] % WORD).astype(np.uint64))
        words.append(mask)
    return words


def _distinct_answers(frame: pl.DataFrame, task: Task) -> tuple[Flags, Flags, Codes]:
    """(member (S, L), asked (S, L), answer (N,)): the distinct pairs of labels given and labels asked."""
    width, height = len(task.label_ids), frame.height
    number: Codes = np.zeros(height, dtype=np.int64)
    keys = _bits(*_exploded(frame["labels"], task.label_ids), height, width)
    partly = frame["asked"].is_not_null()
    if partly.any():
        # A null list has the mask of an empty one: the flag tells them apart.
        rows, codes = _exploded(frame["asked"].filter(partly), task.label_ids)
        keys += _bits(np.flatnonzero(partly.to_numpy())[rows], codes, height, width)
        keys.append(partly.to_numpy().astype(np.uint64))
    for key in keys:
        first, part = dense(key)
        _, number = dense(number * np.int64(len(first)) + part)
    representative, number = dense(number)
    rows_of = frame[representative]
    return label_matrix(rows_of["labels"], task), asked_matrix(rows_of["asked"], task), number
