"""What an annotator is shown and what comes back: an item's text and turns, and a checked answer about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Turn:
    """A turn that was shown before the item."""

    item_id: str | None
    speaker: str | None
    text: str | None


@dataclass(frozen=True)
class Shown:
    """What was shown of an item; a quote in an answer is looked up here to become offsets."""

    item_id: str | None
    text: str | None
    context: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` (code points, the end exclusive) of the turn `item_id`, and what they say.

    Without offsets only the turn is known; without an `item_id` too, it is something outside of what was said.
    """

    item_id: str | None
    start: int | None = None
    end: int | None = None
    label: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Answer:
    """A checked answer to a task. Which fields are filled depends on the task's kind; the others are null.

    `labels` are ids in the order given, `originals` the strings they were given as and `scores` their ranks, levels or
    weights, both as long as `labels`. An empty list is an answer ("none of these"), null is none. `trace` holds points
    (seconds, value) in the order of time. `asked` names the labels that were put to the annotator; null is all.
    """

    labels: list[str] | None = None
    originals: list[str] | None = None
    scores: list[float | None] | None = None
    value: float | None = None
    spans: list[Span] | None = None
    trace: list[tuple[float, float]] | None = None
    text: str | None = None
    asked: list[str] | None = None

    def columns(self) -> dict[str, Any]:
        """The answer's columns of ANNOTATIONS: labels, value, spans, trace, text and asked."""
        labels = None
        if self.labels is not None:
            nothing: list[None] = [None] * len(self.labels)
            given = zip(self.labels, self.scores or nothing, self.originals or nothing, strict=True)
            labels = [
                {"label": label, "score": score, "original": original, "mapping": None, "loss": None}
                for label, score, original in given
            ]
        return {
            "labels": labels,
            "value": self.value,
            "spans": None if self.spans is None else [vars(span).copy() for span in self.spans],
            "trace": None if self.trace is None else [{"t": t, "value": value} for t, value in self.trace],
            "text": self.text,
            "asked": self.asked,
        }

    @classmethod
    def from_columns(cls, row: Mapping[str, Any]) -> Self:
        """The answer that a row of ANNOTATIONS holds; what `columns` takes apart."""
        given = row["labels"]
        labels = originals = scores = None
        if given is not None:
            labels = [one["label"] for one in given]
            if any(one["original"] is not None for one in given):
                originals = [one["label"] if one["original"] is None else one["original"] for one in given]
            if any(one["score"] is not None for one in given):
                scores = [one["score"] for one in given]
        return cls(
            labels=labels,
            originals=originals,
            scores=scores,
            value=row["value"],
            spans=None if row["spans"] is None else [Span(**span) for span in row["spans"]],
            trace=None if row["trace"] is None else [(point["t"], point["value"]) for point in row["trace"]],
            text=row["text"],
            asked=row["asked"],
        )
