"""What several answers to one question come to, as one answer.

- choice: every label with the share of the answers that gave it; the most frequent answer is the vote.
- multi: every label with its share; those that more than half gave are the vote.
- scale, intensity: the median; of an even number of answers on a scale of points that one of the two middle values
  which is nearer to the mean (the lower where both are), so that a vote is always an allowed answer.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from schemas.answer import Answer

if TYPE_CHECKING:
    from schemas.task import Task

VOTED: Final = ("choice", "multi", "scale", "intensity")
"""The kinds of task whose answers can be voted on."""


@dataclass(frozen=True)
class Vote:
    """The vote as an annotation (`soft`), as one person would have answered (`hard`, null where a choice is tied), and
    how sure it is."""

    soft: Answer
    hard: Answer | None
    confidence: float


def voted(task: Task, answers: Sequence[Answer]) -> Vote:
    """The vote of `answers` (one or more) to `task`, whose kind is one of VOTED."""
    if task.kind in ("choice", "multi"):
        soft, sets = _labels(task, answers)
        # Of a tied choice the first in the task's order stands for the agreement; all of them have the same.
        hard, nearest = (Answer(labels=sets[0]) if len(sets) == 1 else None), Answer(labels=sets[0])
        answers = [Answer(labels=answer.labels) for answer in answers]
    elif task.kind == "scale":
        soft = hard = nearest = Answer(value=_middle([answer.value or 0.0 for answer in answers], task))
    else:
        levels = [dict(zip(answer.labels or (), answer.scores or (), strict=True)) for answer in answers]
        middles = [_middle([one[label] or 0.0 for one in levels], task) for label in task.label_ids]
        soft = hard = nearest = Answer(labels=task.label_ids, scores=list[float | None](middles))
    sure = sum(1 - task.difference(answer, nearest) for answer in answers) / len(answers)
    return Vote(soft, hard, round(min(max(sure, 0.0), 1.0), 6))


def _labels(task: Task, answers: Sequence[Answer]) -> tuple[Answer, list[list[str]]]:
    """Every label with its share, and the answers that won: one, or several that are tied."""
    places = {label: place for place, label in enumerate(task.label_ids)}
    counts = Counter(label for answer in answers for label in answer.labels or ())
    order = sorted(counts, key=lambda label: (-counts[label], places[label]))
    soft = Answer(
        labels=order,
        originals=list(order),
        scores=[counts[label] / len(answers) for label in order] if order else None,
    )
    if task.kind == "multi":
        return soft, [[label for label in order if 2 * counts[label] > len(answers)]]
    none = sum(not answer.labels for answer in answers)
    most = max([none, *counts.values()])
    winners = [[label] for label in order if counts[label] == most]
    return soft, [*winners, *([[]] if none == most else [])]


def _middle(values: Sequence[float], task: Task) -> float:
    if task.step is None or len(values) % 2:
        return float(statistics.median(values))
    low, high = statistics.median_low(values), statistics.median_high(values)
    mean = statistics.fmean(values)
    return float(high if high - mean < mean - low else low)
