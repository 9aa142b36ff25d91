"""Any number of words of the annotator's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element

import polars as pl
import pyarrow as pa

from schemas.answer import Answer
from schemas.kinds import sets
from schemas.kinds.base import Kind, Rule, WideColumn, answered
from schemas.kinds.drawing import OBJECT, header, none_box, word
from schemas.kinds.sets import SHARES
from schemas.taxonomy import fold

if TYPE_CHECKING:
    from schemas.answer import Shown
    from schemas.task import Task

_QUESTION = {
    "en": "Write one emotion at a time, and press Enter after each.",
    "mr": "एका वेळी एकच भावना लिहा आणि प्रत्येकीनंतर एंटर दाबा.",
    "hi": "एक बार में एक भावना लिखिए और हर एक के बाद एंटर दबाइए।",
}


class Open(Kind):
    """An answer is in `labels`: each word as it is compared (NFC, no blanks at its ends, case folded), and as it was
    written in `original`."""

    name = "open"
    answered_by = "any number of words of one's own, none among them"
    column = "labels"
    key = "labels"
    takes = frozenset({"most"})

    def json_schema(self, task: Task) -> dict[str, Any]:
        most = {} if task.most is None else {"maxItems": task.most}
        return {"type": "array", "items": {"type": "string", "minLength": 1}, **most}

    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        found: dict[str, str] = {}
        for one in sets.listed(self.key, given, "words"):
            if not isinstance(one, str) or not fold(one):
                raise ValueError(f'"{self.key}" holds {one!r}, which is no word')
            found.setdefault(fold(one), one)
        sets.no_more(self.key, task, len(found))
        return Answer(labels=list(found), originals=list(found.values()))

    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        return list(answer.originals or answered(answer.labels))

    def rules(self, task: Task) -> list[Rule]:
        label = pl.col("label")
        # `fold` in polars: it has no case folding, whose few differences to lower case are found in Python.
        plain = label.str.normalize("NFC").str.strip_chars()
        odd = (plain != label) | (label != label.str.to_lowercase())
        unfolded = pl.when(odd | ~label.str.contains(_ASCII)).then(label.map_elements(_unfolded, pl.Boolean))
        rules = [
            Rule("no word", "labels.label", label.is_null() | (label == ""), "a word has characters", of="entry"),
            Rule(
                "a word that is not folded",
                "labels.label",
                unfolded,
                "words are compared in NFC, without blanks at their ends, case folded",
                of="entry",
            ),
            Rule("the same label twice", "labels.label", pl.col("_twice"), "already given in this answer", of="entry"),
        ]
        return [*rules, *sets.most_rule(task, "labels", given=pl.col("_scored") == 0)]

    def distance(self, task: Task) -> Literal["jaccard"]:
        return "jaccard"

    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """1 - |A and B| / |A or B| (Jaccard); 0 between two empty sets."""
        mine, other = set(answered(a.labels)), set(answered(b.labels))
        return 1 - len(mine & other) / len(mine | other) if mine | other else 0.0

    def wide(self, task: Task) -> list[WideColumn]:
        return [WideColumn(task.name, pa.list_(pa.string())), WideColumn(f"{task.name}_p", SHARES)]

    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        """The words, and the share of each (1 where the rule gives none)."""
        found = sets.entries(labels, "labels").with_columns(pl.col("p").fill_null(1.0))
        known = labels["labels"].is_not_null()
        return {task.name: sets.grouped(found, "label", known), f"{task.name}_p": sets.grouped(found, "p", known)}

    def control(self, task: Task, language: str | None, about: str = OBJECT) -> list[Element]:
        """A text area that takes one word after another, `answer`, and a box for none."""
        area = {"name": "answer", "toName": about, "rows": "1", "editable": "true"}
        if task.most is not None:
            area["maxSubmissions"] = str(task.most)
        return [header(word(_QUESTION, language), 5), Element("TextArea", area), none_box(language, about=about)]

    def card(self, task: Task) -> list[str]:
        most = "" if task.most is None else f" At most {task.most}."
        return ["", f"There is no taxonomy: every word counts as it is written, whatever its case.{most}"]


_ASCII = r"^[\x21-\x7e ]*$"


def _unfolded(text: str) -> bool:
    return fold(text) != text
