"""Which reader and writer a kind of task has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from annotators.label_studio.results import sets, spans
from annotators.label_studio.results.regions import Page, Result
from schemas.task import Answer, Shown, Task

_READ: dict[str, Callable[[Task, Any], Answer]] = {
    "choice": sets.read_labels,
    "multi": sets.read_labels,
    "ranking": sets.read_ranks,
    "intensity": sets.read_levels,
    "scale": sets.read_scale,
    "text": sets.read_text,
    "trace": spans.read_trace,
    "open": sets.read_words,
    "pairwise": sets.read_preference,
    "attributes": sets.read_attributes,
}
_WRITE: dict[str, Callable[[Task, Answer, Page], Result]] = {
    "choice": sets.write_labels,
    "multi": sets.write_labels,
    "ranking": sets.write_ranks,
    "intensity": sets.write_levels,
    "scale": sets.write_scale,
    "text": sets.write_text,
    "trace": spans.write_trace,
    "open": sets.write_words,
    "pairwise": sets.write_labels,
    "attributes": sets.write_attributes,
}


def read(task: Task, result: Any, shown: Shown) -> Answer:
    """What an annotation's `result` says about what was `shown`.

    Raises:
        ValueError: it does not answer the task; the message is the reason.
    """
    if task.kind == "span":
        return spans.read_spans(task, result, shown)
    return _READ[task.kind](task, result)


def write(task: Task, answer: Answer, shown: Shown, config: str) -> Result:
    """`answer` as the controls of the labelling config `config` hold it.

    Raises:
        ValueError: it is no answer to the task, or one that the controls cannot show.
    """
    page = Page(config)
    if task.kind == "span":
        return spans.write_spans(task, answer, page, shown)
    return _WRITE[task.kind](task, answer, page)
