"""One label, or none of them; with scores, how many people chose each label, or how likely it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element

import polars as pl

from schemas.answer import Answer
from schemas.kinds import sets
from schemas.kinds.base import Kind, Rule, WideColumn, answered
from schemas.kinds.drawing import OBJECT, boxes, header, label_boxes, required, word
from schemas.kinds.sets import INDEX, SHARES

if TYPE_CHECKING:
    from schemas.answer import Shown
    from schemas.task import Task

_QUESTION = {"en": "Choose one.", "mr": "एक निवडा.", "hi": "एक चुनिए।"}


class Choice(Kind):
    """A choice's answer is in `labels`: an empty list, or one label; or several that all have scores."""

    name = "choice"
    answered_by = "one label, or none of them"
    column = "labels"
    key = "label"
    takes = frozenset({"taxonomy"})
    needs = frozenset({"taxonomy"})

    def asks(self, task: Task) -> dict[str, str]:
        return {label: label for label in task.label_ids}

    def json_schema(self, task: Task) -> dict[str, Any]:
        return {"enum": [*task.label_ids, None]}

    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        found = sets.resolved(self.key, task, [] if given is None else [given])
        return Answer(labels=list(found), originals=list(found.values()))

    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        labels = answered(answer.labels)
        if len(labels) > 1:
            raise ValueError("several labels with scores are no one person's choice")
        return labels[0] if labels else None

    def rules(self, task: Task) -> list[Rule]:
        several = (pl.col("_entries") > 1) & (pl.col("_scored") == 0)
        says = "one label is a choice; several need scores, as counts of votes or as shares"
        return [
            *sets.label_rules(task, task.label_ids),
            *sets.exclusive_rule(task),
            Rule("more than one label", "labels", several, says, value=pl.format("{} labels", "_entries")),
            *sets.weight_rules(one=True),
        ]

    def distance(self, task: Task) -> Literal["nominal"]:
        return "nominal"

    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """0 for the same label (or none twice), 1 for different ones. Where an answer has scores, the total variation
        distance between the two distributions, half the sum of |p - q| over the labels and "none of these", to which
        what is missing to 1 belongs; between two single labels that is the same."""
        mine, other = _distribution(a), _distribution(b)
        return sum(abs(mine.get(one, 0.0) - other.get(one, 0.0)) for one in {*mine, *other}) / 2

    def wide(self, task: Task) -> list[WideColumn]:
        return [WideColumn(task.name, INDEX, task.label_ids), WideColumn(f"{task.name}_p", SHARES)]

    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        """The label's place in the taxonomy (null for none of them), and the share of every label."""
        index = sets.one_index(labels, task.label_ids)
        return {task.name: index, f"{task.name}_p": sets.shares_of(labels, task.label_ids)}

    def control(self, task: Task, language: str | None, about: str = OBJECT) -> list[Element]:
        question = header(word(_QUESTION, language), 5)
        return [question, boxes(required(language, about=about), False, label_boxes(task, language))]

    def card(self, task: Task) -> list[str]:
        assert task.taxonomy is not None
        return sets.taxonomy_lines(task.taxonomy)


def _distribution(answer: Answer) -> dict[str | None, float]:
    labels = answered(answer.labels)
    given = sets.shares(answer) or dict.fromkeys(labels[:1], 1.0)
    found: dict[str | None, float] = {None: max(1.0 - sum(given.values()), 0.0)}
    found.update(given)
    return found
