"""Labels in order, the best first; labels that are not ranked are behind all that are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element

import polars as pl
import pyarrow as pa

from schemas.answer import Answer
from schemas.kinds import sets
from schemas.kinds.base import Kind, Rule, WideColumn, answered
from schemas.kinds.drawing import NONE, OBJECT, box_names, free, header, none_box, numbered, word
from schemas.kinds.sets import INDEX, SHARES

if TYPE_CHECKING:
    from schemas.answer import Shown
    from schemas.task import Task

_QUESTION = {
    "en": "Give the label that fits best a 1, the next one a 2, and so on. Equal numbers are allowed; leave out what "
    "does not fit.",
    "mr": "सर्वात योग्य लेबलला 1, त्यानंतरच्याला 2 असे क्रमांक द्या. समान क्रमांक चालतील; जे लागू नाही ते रिकामे ठेवा.",
    "hi": "सबसे उपयुक्त लेबल को 1, उसके बाद वाले को 2, ऐसे क्रमांक दीजिए। समान क्रमांक चल सकते हैं; जो लागू न हो उसे खाली छोड़िए।",
}


class Ranking(Kind):
    """A ranking's answer is in `labels`, the best first, each with its rank (1, 2, ...) as `score`; ties share one."""

    name = "ranking"
    answered_by = "a ranking of labels, the best first; those not ranked come behind"
    column = "labels"
    key = "ranking"
    takes = frozenset({"taxonomy", "most"})
    needs = frozenset({"taxonomy"})

    def asks(self, task: Task) -> dict[str, str]:
        return {label: label for label in task.label_ids}

    def json_schema(self, task: Task) -> dict[str, Any]:
        label = {"enum": task.label_ids}
        tied = {"type": "array", "items": label, "minItems": 2, "uniqueItems": True}
        return {
            "type": "array",
            "items": {"anyOf": [label, tied]},
            "maxItems": task.most or len(task.label_ids),
        }

    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        """A list of labels, best first; labels that stand in a list of their own are tied."""
        labels: list[str] = []
        originals: list[str] = []
        scores: list[float | None] = []
        for place in sets.listed(self.key, given):
            rank = float(len(labels) + 1)
            for one in place if isinstance(place, list) else [place]:
                label = sets.resolve(self.key, task, one)
                if label in labels:
                    raise ValueError(f'"{self.key}" ranks "{label}" twice')
                labels.append(label)
                originals.append(one)
                scores.append(rank)
        sets.no_more(self.key, task, len(labels))
        sets.alone(task, labels)
        return Answer(labels=labels, originals=originals, scores=scores)

    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        return [place[0] if len(place) == 1 else place for place in _places(answer)]

    def rules(self, task: Task) -> list[Rule]:
        score, before = pl.col("score"), pl.col("before:score")
        beside = pl.col("label").is_in(list(task.exclusive)) & (pl.col("row:_entries") > 1)
        rules = [
            *sets.label_rules(task, task.label_ids),
            Rule("an exclusive label stands beside others", "labels.label", beside, "only ever alone", of="entry"),
            Rule(
                "a label without a rank",
                "labels.score",
                score.is_null() | ~score.is_finite() | (score < 1),
                "a rank is 1 or more, and every label has one",
                of="entry",
            ),
            Rule("not the best first", "labels.score", score < before, "lower than the rank before it", of="entry"),
            Rule(
                "nobody ranked first",
                "labels.score",
                (pl.col("_place") == 0) & (score != 1) & (pl.col("row:votes").fill_null(1) <= 1),
                "the first rank is 1",
                of="entry",
            ),
        ]
        return [*rules, *sets.most_rule(task, "labels")]

    def distance(self, task: Task) -> Literal["kendall"]:
        return "kendall"

    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """Kendall's distance with penalty p = 1/2 for ties, K^(1/2) of Fagin, Kumar, Mahdian, Sivakumar and Vee (2006),
        "Comparing partial rankings", SIAM J. Discrete Math. 20(3), by the number of pairs: a pair of labels in
        opposite order counts 1, a pair tied in one ranking only 1/2. Over the labels that either ranks; those that
        one does not rank are tied at its end. A ranking of nothing is at distance 1 from any other."""
        mine, other = _ranks(a), _ranks(b)
        if not mine or not other:
            return float(bool(mine) != bool(other))
        apart = 0.0
        pairs = list(combinations(sorted({*mine, *other}), 2))
        last = float("inf")
        for one, two in pairs:
            here = _sign(mine.get(one, last), mine.get(two, last))
            there = _sign(other.get(one, last), other.get(two, last))
            apart += 1.0 if here * there < 0 else 0.5 if here != there else 0.0
        return apart / len(pairs) if pairs else 0.0

    def wide(self, task: Task) -> list[WideColumn]:
        return [WideColumn(task.name, pa.list_(INDEX), task.label_ids), WideColumn(f"{task.name}_rank", SHARES)]

    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        """The labels' places in the taxonomy, the best first, and the rank of every label, null where it has none."""
        found = sets.places(sets.entries(labels, "labels"), task.label_ids, labels)
        # A rule that gives no ranks has its labels in order.
        order = pl.int_range(1, pl.len() + 1).over("row").cast(pl.Float64)
        found = found.with_columns(pl.coalesce("score", order).alias("rank"))
        known = labels["labels"].is_not_null()
        ranks = sets.filled(found, "rank", labels.height, len(task.label_ids), float("nan"))
        best = found.sort("row", "rank", maintain_order=True)
        return {task.name: sets.grouped(best, "index", known), f"{task.name}_rank": sets.lists(ranks, known)}

    def control(self, task: Task, language: str | None, about: str = OBJECT) -> list[Element]:
        """A number field for each label, `answer_1`, `answer_2`, ... in the taxonomy's order, and a box for none."""
        assert task.taxonomy is not None
        free(task, NONE)
        names = box_names(task.taxonomy, language)
        drawn = [header(word(_QUESTION, language), 5)]
        last = str(task.most or len(task.label_ids))
        for place, label in enumerate(task.label_ids, 1):
            drawn.append(header(names[label], 6))
            drawn.append(
                Element("Number", {"name": numbered(place), "toName": about, "min": "1", "max": last, "step": "1"})
            )
        return [*drawn, none_box(language, about=about)]

    def card(self, task: Task) -> list[str]:
        assert task.taxonomy is not None
        most = [] if task.most is None else ["", f"At most {task.most} labels are ranked."]
        return [*most, *sets.taxonomy_lines(task.taxonomy)]


def _ranks(answer: Answer) -> dict[str, float]:
    labels = answered(answer.labels)
    scores: Sequence[float | None] = answer.scores or [None] * len(labels)
    return {
        label: float(place) if score is None else score
        for place, (label, score) in enumerate(zip(labels, scores, strict=True), 1)
    }


def _places(answer: Answer) -> list[list[str]]:
    places: dict[float, list[str]] = {}
    for label, rank in _ranks(answer).items():
        places.setdefault(rank, []).append(label)
    return [places[rank] for rank in sorted(places)]


def _sign(one: float, two: float) -> int:
    return (one > two) - (one < two)
