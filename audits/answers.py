"""Annotations of a task with labels, as arrays: who gave which of the distinct answers to which item.

Every audit of labels starts here, so that all of them look at the same annotations: of the asked annotators, first
round, sample 0, not skipped, with an answer, and one for each annotator and item.

An annotation whose labels have scores is no answer of one person: with `votes` it holds how many of so many people
gave each label, without it is a soft label, whose scores are probabilities. Neither is made into people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from audits.arrays import Codes, Flags, Floats, dense
from audits.figures import counted
from audits.part import Part, part_of
from schemas.errors import DsbuildError
from schemas.kinds import kind_of
from schemas.task import Task

WORD = 64


@dataclass(frozen=True)
class Weighted:
    """M annotations that say how much stands behind each of L labels: counts of votes, and soft labels."""

    item: Codes
    """(M,) position in the items of `Answers`."""
    weight: Floats
    """(M, L) people who gave the label, or its probability."""
    people: Floats
    """(M,) people behind the annotation; 1 for a soft label."""
    asked: Flags
    """(M, L) the labels that were put to them."""
    soft: Flags
    """(M,) a soft label, not a count."""

    @property
    def none(self) -> Floats:
        """(M,) how many at least gave no label; exact for a choice."""
        return np.asarray(np.maximum(self.people - self.weight.sum(axis=1), 0.0))


@dataclass(frozen=True)
class Answers:
    """N annotations of I items by R annotators, sorted by item and annotator; S distinct answers over L labels.

    Counts of votes and soft labels are no answers in this sense; they stand in `weighted`.
    """

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
    weighted: Weighted
    notes: tuple[str, ...]
    """What was left out and why."""


def first_answers(annotations: pl.DataFrame, task: Task | Part, over: Sequence[str] | None = None) -> pl.DataFrame:
    """The rows of `annotations` (ANNOTATIONS) that audits look at, sorted by item and annotator.

    Of one annotator's several annotations of an item (a duplicate that was merged into it, say), the one with the
    smallest annotation id stays. `over` names the annotators (default: all there are).
    """
    usable = _usable(annotations, task, over)
    return usable[_first(usable)[0]]


def encode(annotations: pl.DataFrame, task: Task | Part, over: Sequence[str] | None = None) -> Answers:
    """The annotations that audits look at, as arrays.

    Raises:
        DsbuildError: the answers are not labels of a closed set, or an annotation holds a label that is not the task's.
    """
    part = part_of(task)
    usable = _usable(annotations, part, over)
    rows, (items, item), (annotators, annotator) = _first(usable)
    kept = usable.select("labels", "asked", "votes")[rows]
    notes = []
    if kept.height < usable.height:
        many = counted(usable.height - kept.height, "further annotation", "further annotations")
        notes.append(f"{many} of an item by the same annotator left out: the first counts.")
    further = _of_task(annotations, part, over).filter(pl.col("sample").fill_null(0) != 0).height
    if further:
        notes.append(f"{counted(further, 'repeated sample', 'repeated samples')} left out: sample 0 counts.")
    scored = has_scores(kept["labels"])
    several = kept.filter((pl.col("votes") > 1) & ~pl.Series(scored)).height
    if several:
        notes.append(f"{counted(several, 'annotation stands', 'annotations stand')} for several people, counted once.")
    weighted = _weighted(kept.filter(scored), item[scored], part)
    if scored.any():
        kept, item, annotator = kept.filter(~scored), item[~scored], annotator[~scored]
    member, asked, answer = _distinct_answers(kept, part)
    return Answers(items, annotators, part.label_ids, item, annotator, answer, member, asked, weighted, tuple(notes))


def has_scores(labels: pl.Series) -> Flags:
    """(N,) which rows of `labels` (list<struct{label, score, ...}>) are counts of votes or a soft label."""
    nothing = np.zeros(len(labels), dtype=np.bool_)
    scores = labels.explode().struct.field("score")
    if scores.null_count() == len(scores):  # nearly always, and the test row by row is slow
        return nothing
    scored = labels.list.eval(pl.element().struct.field("score").is_not_null()).list.any()
    return np.asarray(scored.fill_null(False).to_numpy())


def held(labels: pl.Series, votes: pl.Series, task: Task | Part) -> Flags:
    """(N, L) the labels of each annotation, given its `labels` (list<struct{label, ...}>, without nulls) and `votes`.

    Of counts and soft labels a choice holds the label with most weight (the first in the taxonomy's order where
    several have it, none where "none of these" has more), a multi every label over one half.
    """
    part = part_of(task)
    member = label_matrix(labels, part)
    if "score" not in {field.name for field in labels.dtype.inner.fields}:  # type: ignore[attr-defined]
        return member
    scored = has_scores(labels)
    if scored.any():
        frame = pl.DataFrame({"labels": labels, "votes": votes}).filter(scored)
        given = _weighted(frame.with_columns(asked=None), np.zeros(frame.height, dtype=np.int64), part)
        if part.kind == "choice":
            top = given.weight.argmax(axis=1)
            most = given.weight[np.arange(len(top)), top]
            strongest = np.zeros_like(given.asked)
            strongest[np.arange(len(top)), top] = (most > 0) & (most >= given.none)
            member[scored] = strongest
        else:
            member[scored] = 2 * given.weight > given.people[:, None]
    return member


def _weighted(frame: pl.DataFrame, item: Codes, part: Part) -> Weighted:
    """The rows of `frame` (labels, asked, votes), whose labels all have scores."""
    weight = np.zeros((frame.height, len(part.label_ids)))
    if frame.height:
        rows, codes = _exploded(frame["labels"], part.label_ids)
        scores = frame["labels"].filter(frame["labels"].list.len() > 0).explode().struct.field("score")
        weight[rows, codes] = scores.fill_null(0.0).to_numpy()
    return Weighted(
        item=item,
        weight=weight,
        people=frame["votes"].fill_null(1).cast(pl.Float64).to_numpy(),
        asked=asked_matrix(frame["asked"], part),
        soft=frame["votes"].is_null().to_numpy(),
    )


def label_matrix(labels: pl.Series, task: Task | Part) -> Flags:
    """(N, L) which of the task's labels each row of `labels` (list<struct{label, ...}>, without nulls) holds."""
    rows, codes = _exploded(labels, task.label_ids)
    result = np.zeros((len(labels), len(task.label_ids)), dtype=np.bool_)
    result[rows, codes] = True
    return result


def asked_matrix(asked: pl.Series, task: Task | Part) -> Flags:
    """(N, L) which of the task's labels were put to the annotator; a null row (or null dtype) is all of them."""
    result = np.ones((len(asked), len(task.label_ids)), dtype=np.bool_)
    some = asked.is_not_null().to_numpy()
    if some.any():
        rows, codes = _exploded(asked.filter(asked.is_not_null()), task.label_ids)
        result[some] = False
        result[np.flatnonzero(some)[rows], codes] = True
    return result


def answer_column(task: Task | Part) -> str:
    """The column of ANNOTATIONS and LABELS that holds an answer to `task`."""
    return "labels" if isinstance(task, Part) else kind_of(task).column


def is_answer(task: Task | Part) -> pl.Expr:
    """Whether a row of ANNOTATIONS answers `task`."""
    return ~pl.col("skipped").fill_null(False) & pl.col(answer_column(task)).is_not_null()


def _of_task(annotations: pl.DataFrame, task: Task | Part, over: Sequence[str] | None) -> pl.DataFrame:
    wanted = pl.col("task") == task.name
    if over is not None:
        wanted &= pl.col("annotator").is_in(list(over))
    return annotations.filter(wanted & is_answer(task) & (pl.col("round").fill_null("first") == "first"))


def _usable(annotations: pl.DataFrame, task: Task | Part, over: Sequence[str] | None) -> pl.DataFrame:
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


def _distinct_answers(frame: pl.DataFrame, task: Part) -> tuple[Flags, Flags, Codes]:
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
