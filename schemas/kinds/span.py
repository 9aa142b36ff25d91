"""Parts of a text: of the item itself, of another turn of its dialogue, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element, SubElement

import polars as pl

from schemas.answer import Answer, Shown, Span, Turn
from schemas.errors import DsbuildError
from schemas.kinds import sets
from schemas.kinds.base import Kind, Rule, WideColumn, answered
from schemas.kinds.drawing import (
    CONTROL,
    NONE,
    OBJECT,
    OUTSIDE,
    SPAN,
    TURNS,
    Box,
    box_names,
    free,
    header,
    none_box,
    safe,
    span_box,
    word,
)
from schemas.kinds.quotes import find
from schemas.tables import LABELS

if TYPE_CHECKING:
    from schemas.task import Task

_QUESTION = {
    "en": "Mark every part that applies.",
    "mr": "लागू होणारा प्रत्येक भाग अधोरेखित करा.",
    "hi": "लागू होने वाला हर हिस्सा चिह्नित कीजिए।",
}
_TEXT, _OUTSIDE = "text", "outside"


class Spans(Kind):
    """An answer is in `spans`; an empty list says that there is none. A span without offsets says that only the turn is
    known, one without a turn too that it lies outside of what was said."""

    name = "span"
    answered_by = "any number of spans of text, none among them"
    column = "spans"
    key = "spans"
    takes = frozenset({"taxonomy", "where", "most"})

    def asks(self, task: Task) -> dict[str, str]:
        return {label: label for label in task.label_ids}

    def json_schema(self, task: Task) -> dict[str, Any]:
        """A span is a quote, word for word, with the `turn` it stands in: "text" for the item itself, the number of a
        turn before it, the first being 1, or "outside". Without a quote it is the turn as such."""
        properties: dict[str, Any] = {}
        if "other" in task.where:
            names = [_TEXT, _OUTSIDE] if "own" in task.where else [_OUTSIDE]
            properties["turn"] = {"anyOf": [{"type": "integer", "minimum": 1}, {"enum": names}]}
        properties["quote"] = {"type": ["string", "null"]} if properties else {"type": "string"}
        if task.taxonomy is not None:
            properties["label"] = {"enum": task.label_ids}
        one = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        most = {} if task.most is None else {"maxItems": task.most}
        return {"type": "array", "items": one, **most}

    def parse(self, task: Task, given: Any, shown: Shown | None) -> Answer:
        if shown is None:
            raise DsbuildError(
                f"Spans are read beside the text they stand in, and {task.name} was not handed any.", where=task.name
            )
        found: list[Span] = []
        for one in sets.listed(self.key, given, "spans"):
            if not isinstance(one, dict):
                raise ValueError(f'"{self.key}" holds {one!r}, which is no object')
            span = self._read(task, one, shown, found)
            if span not in found:
                found.append(span)
        sets.no_more(self.key, task, len(found))
        return Answer(spans=found)

    def _read(self, task: Task, given: dict[str, Any], shown: Shown, before: list[Span]) -> Span:
        label = None if task.taxonomy is None else sets.resolve("label", task, given.get("label"))
        turn = _turn(task, given.get("turn", _TEXT), shown)
        quote = given.get("quote")
        if turn is None:
            if quote:
                raise ValueError('what lies "outside" cannot be quoted')
            return Span(None, label=label)
        if quote is None and "other" in task.where:
            return Span(turn.item_id, label=label)
        if not isinstance(quote, str) or not quote.strip():
            raise ValueError('"quote" must hold the words of the text')
        taken = {(s.start, s.end) for s in before if s.item_id == turn.item_id and s.label == label}
        text = turn.text or ""
        # Said again without a further place to stand, it is the same span.
        place = find(text, quote, taken) or find(text, quote)  # type: ignore[arg-type]
        if place is None:
            raise ValueError(f"{quote!r} does not stand there word for word")
        return Span(turn.item_id, *place, label, text[slice(*place)])

    def given(self, task: Task, answer: Answer, shown: Shown | None) -> Any:
        turns = [] if shown is None else [turn.item_id for turn in shown.context]
        found = []
        for span in answered(answer.spans):
            one: dict[str, Any] = {"quote": span.text if span.start is not None else None}
            if "other" in task.where:
                own = shown is not None and span.item_id == shown.item_id
                outside = span.item_id is None and not own
                one = {"turn": _OUTSIDE if outside else _TEXT if own else turns.index(span.item_id) + 1, **one}
            if task.taxonomy is not None:
                one["label"] = span.label
            found.append(one)
        return found

    def rules(self, task: Task) -> list[Rule]:
        start, end, turn, text = (pl.col(name) for name in ("start", "end", "item_id", "text"))
        said = pl.col("_said")
        half = start.is_null() != end.is_null()
        inside = start.is_not_null() & end.is_not_null()
        own = turn == pl.col("row:item_id")
        rules = [
            Rule("half a place", "spans.start", half, "start and end are both given, or neither", of="entry"),
            Rule("offsets without a turn", "spans.item_id", turn.is_null() & inside, "offsets need a turn", of="entry"),
            Rule("start before the text", "spans.start", start < 0, "characters are counted from 0", of="entry"),
            Rule("an empty span", "spans.end", end <= start, "the end is behind the start", of="entry"),
            Rule(
                "a span outside of the dialogue",
                "spans.item_id",
                pl.col("_elsewhere"),
                "neither the item nor a turn of its context",
                of="entry",
            ),
            Rule(
                "past the end of the text", "spans.end", end > said.str.len_chars(), "the text is shorter", of="entry"
            ),
            Rule(
                "a quote of another length",
                "spans.text",
                text.str.len_chars() != end - start,
                "not as many characters as end - start",
                of="entry",
            ),
            Rule(
                "a quote that does not stand there",
                "spans.text",
                text != said.str.slice(start.clip(0), (end - start).clip(0)),
                "other characters stand at this place",
                of="entry",
            ),
            Rule("the same span twice", "spans", pl.col("_twice"), "already given", value=text, of="entry"),
        ]
        if "other" not in task.where:
            rules.append(
                Rule("a span in another turn", "spans.item_id", ~own | turn.is_null(), "the item itself", of="entry")
            )
        elif "own" not in task.where:
            rules.append(Rule("a span in the item itself", "spans.item_id", own, "another turn only", of="entry"))
        if task.taxonomy is None:
            rules.append(
                Rule("a label in a task without", "spans.label", pl.col("label").is_not_null(), "null", of="entry")
            )
        else:
            says = f"none of the {len(task.label_ids)} labels of {task.taxonomy.name}"
            rules.append(Rule("label outside the taxonomy", "spans.label", ~pl.col("_known"), says, of="entry"))
            unasked = pl.col("_unasked")
            rules.append(Rule("label that was not asked", "spans.label", unasked, "not among those asked", of="entry"))
        return [*rules, *sets.most_rule(task, "spans")]

    def distance(self, task: Task) -> Literal["dice"]:
        return "dice"

    def difference(self, task: Task, a: Answer, b: Answer) -> float:
        """1 - 2 |A and B| / (|A| + |B|) (Dice, which is the F1 of one against the other) over the characters covered,
        each with its turn and its label; 0 between two answers without spans. A span without offsets counts as one
        character, and so do the other's spans in that turn with that label: no more is known about them."""
        mine, other = answered(a.spans), answered(b.spans)
        whole = {(span.item_id, span.label) for span in [*mine, *other] if span.start is None or span.end is None}
        first, second = _covered(mine, whole), _covered(other, whole)
        total = len(first) + len(second)
        return 1 - 2 * len(first & second) / total if total else 0.0

    def wide(self, task: Task) -> list[WideColumn]:
        return [WideColumn(task.name, LABELS.field("spans").type)]

    def columns(self, task: Task, labels: pl.DataFrame) -> dict[str, pl.Series]:
        return {task.name: labels["spans"]}

    def control(self, task: Task, language: str | None, about: str = OBJECT) -> list[Element]:
        """`answer` marks the text, `answer_turns` the turns before it, `answer_else` says none, or outside."""
        free(task, NONE, OUTSIDE, SPAN)
        if task.taxonomy is None:
            shown = [span_box(language)]
        else:
            names = box_names(task.taxonomy, language)
            shown = [Box(label.id, names[label.id], label.definition) for label in task.taxonomy.labels]
        drawn = [header(word(_QUESTION, language), 5)]
        if "other" in task.where:
            drawn.append(_labels("ParagraphLabels", f"{CONTROL}_{TURNS}", TURNS, shown))
        if "own" in task.where:
            drawn.append(_labels("Labels", CONTROL, about, shown))
        return [*drawn, none_box(language, about=about, outside="other" in task.where and task.taxonomy is None)]

    def card(self, task: Task) -> list[str]:
        places = {"own": "in the item itself", "other": "in another turn of its dialogue, or outside of it"}
        lines = ["", f"Spans lie {' or '.join(places[one] for one in task.where)}; offsets count characters."]
        if task.most is not None:
            lines.append(f"At most {task.most}.")
        return lines if task.taxonomy is None else [*lines, *sets.taxonomy_lines(task.taxonomy)]


def _turn(task: Task, given: Any, shown: Shown) -> Turn | None:
    """The turn that `given` names, null for "outside"."""
    if given == _TEXT and "own" in task.where:
        return Turn(shown.item_id, None, shown.text)
    if "other" in task.where:
        if given == _OUTSIDE:
            return None
        if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= len(shown.context):
            return shown.context[given - 1]
    raise ValueError(f'"turn" is {given!r}, but there are {len(shown.context)} turns before the text')


def _covered(spans: list[Span], whole: set[tuple[str | None, str | None]]) -> set[tuple[Any, ...]]:
    found: set[tuple[Any, ...]] = set()
    for span in spans:
        key = (span.item_id, span.label)
        if key in whole or span.start is None or span.end is None:
            found.add(key)
        else:
            found.update((*key, place) for place in range(span.start, span.end))
    return found


def _labels(tag: str, name: str, about: str, shown: list[Box]) -> Element:
    drawn = Element(tag, {"name": name, "toName": about})
    for box in shown:
        one = SubElement(drawn, "Label", value=safe(box.name), alias=safe(box.alias))
        if box.hint:
            one.set("hint", safe(box.hint))
    return drawn
