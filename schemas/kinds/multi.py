"""Any number of labels, none among them; with scores, how many people gave each label, or how likely it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element

import polars as pl
import pyarrow as pa

from schemas.answer import Answer
from schemas.kinds import sets
from schemas.kinds.base import Kind, Rule, WideColumn, answered
from schemas.kinds.drawing import OBJECT, box_names, boxes, header, label_boxes, required, word
from schemas.kinds.sets import INDEX, SHARES

if TYPE_CHECKING:
    from schemas.answer import Shown
    from schemas.task import Task

_QUESTION = {"en": "Choose all that apply.", "mr": "लागू होणारे सर्व निवडा.", "hi": "जो भी लागू हों, सब चुनिए।"}
_MOST = {"en": "At most {most}.", "mr": "जास्तीत जास्त {most}.", "hi": "अधिक से अधिक {most}।"}
_ALONE = {"en": "Only on its own: {labels}.", "mr": "फक्त स्वतंत्रपणे: {labels}.", "hi": "केवल अकेले: {labels}।"}


class Multi(Kind):
    """A multi's answer is in `labels`, in any order."""

    name = "multi"
    answered_by = "any number of labels, none among them"
    column = "labels"
    key = "labels"
    takes = frozenset({"taxonomy", "most"})
    needs = frozenset({"taxonomy"})

    def asks(self, task: Task) -> dict[str, str]:
        return {label: label for label in task.label_ids}

    def json_schema(self, task: Task) -> dict[str, Any]:
        most = {} if task.most is None else {"maxItems": task.most}
        return {"type": "array", "items": {"enum": task.label_ids}, "uniqueItems": True, **most}

    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        found = sets.resolved(self.key, task, sets.listed(self.key, given))
        sets.alone(task, list(found))
        sets.no_more(self.key, task, len(found))
        return Answer(labels=list(found), originals=list(found.values()))

    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        if sets.shares(answer) is not None:
            raise ValueError("labels with scores are no one person's answer")
        return list(answered(answer.labels))

    def rules(self, task: Task) -> list[Rule]:
        rules = [*sets.label_rules(task, task.label_ids), *sets.exclusive_rule(task), *sets.weight_rules(one=False)]
        return [*rules, *sets.most_rule(task, "labels", given=pl.col("_scored") == 0)]

    def distance(self, task: Task) -> Literal["masi"]:
        return "masi"

    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """MASI, Passonneau (2006), "Measuring agreement on set-valued items (MASI) for semantic and pragmatic
        annotation", LREC: 1 - J * M, J = |A and B| / |A or B|, M = 1 for equal sets, 2/3 where one holds the other,
        1/3 where they overlap otherwise, 0 where they are disjoint; 0 between two empty sets.

        Where an answer has scores, 1 - sum of min / sum of max over the labels (Ruzicka's weighted Jaccard), a label
        without a score counting 1.
        """
        mine, other = set(answered(a.labels)), set(answered(b.labels))
        weighed, others = sets.weights(a), sets.weights(b)
        if weighed is not None or others is not None:
            p, q = weighed or dict.fromkeys(mine, 1.0), others or dict.fromkeys(other, 1.0)
            both = {*p, *q}
            most = sum(max(p.get(one, 0.0), q.get(one, 0.0)) for one in both)
            least = sum(min(p.get(one, 0.0), q.get(one, 0.0)) for one in both)
            return 1 - least / most if most else 0.0
        if mine == other:
            return 0.0
        shared = mine & other
        monotonicity = 2 / 3 if mine <= other or other <= mine else 1 / 3
        return 1 - len(shared) / len(mine | other) * monotonicity

    def wide(self, task: Task) -> list[WideColumn]:
        return [WideColumn(task.name, pa.list_(INDEX), task.label_ids), WideColumn(f"{task.name}_p", SHARES)]

    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        """The labels' places in the taxonomy, sorted, and the share of every label."""
        found = sets.places(sets.entries(labels, "labels"), task.label_ids, labels).sort("row", "index")
        known = labels["labels"].is_not_null()
        shares = sets.shares_of(labels, task.label_ids)
        return {task.name: sets.grouped(found, "index", known), f"{task.name}_p": shares}

    def control(self, task: Task, language: str | None, about: str = OBJECT) -> list[Element]:
        assert task.taxonomy is not None
        question = word(_QUESTION, language)
        # Label Studio cannot enforce these; an answer that breaks them is turned down when it is read back.
        if task.most is not None:
            question += " " + word(_MOST, language).format(most=task.most)
        if task.exclusive:
            names = box_names(task.taxonomy, language)
            alone = ", ".join(names[label] for label in task.exclusive)
            question += " " + word(_ALONE, language).format(labels=alone)
        return [header(question, 5), boxes(required(language, about=about), True, label_boxes(task, language))]

    def card(self, task: Task) -> list[str]:
        assert task.taxonomy is not None
        most = [] if task.most is None else ["", f"At most {task.most} labels."]
        return [*most, *sets.taxonomy_lines(task.taxonomy)]
