"""The pieces of a Label Studio page: headers, boxes, number fields, and the words on them in several languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

from schemas.errors import DsbuildError
from schemas.kinds.points import Points, number

if TYPE_CHECKING:
    from schemas.task import Task
    from schemas.taxonomy import Taxonomy

CONTROL = "answer"
OBJECT = "text"
CONTEXT = "context"
CANDIDATES = "candidates"
TURNS = "turns"
PREFERRED = ("candidate_a", "candidate_b")
ELSE = "answer_else"
NONE = "__none_of_these__"
"""What Label Studio stores for "none of these"; no label may have this id."""
OUTSIDE = "__outside__"
"""What Label Studio stores for a span that lies outside of everything that was said."""
SPAN = "__span__"
"""What Label Studio stores as the label of a span in a task without labels."""

# More points than this are a number field; boxes would not stand in a row.
_BOXES = 11

NONE_NAMES = {"en": "none of these", "mr": "यांपैकी काहीही नाही", "hi": "इनमें से कोई नहीं"}
_OUTSIDE_NAMES = {"en": "outside of this conversation", "mr": "या संभाषणाबाहेर", "hi": "इस बातचीत के बाहर"}
_SPAN_NAMES = {"en": "this part", "mr": "हा भाग", "hi": "यह हिस्सा"}
_REQUIRED = {
    "en": "Tick something, or skip this text if you cannot tell.",
    "mr": "काहीतरी निवडा, किंवा सांगता येत नसेल तर हा मजकूर वगळा.",
    "hi": "कुछ चुनिए, या न कह सकें तो इस पाठ को छोड़ दीजिए।",
}
# What XML 1.0 cannot hold; the library escapes, but writes these as they are.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def safe(text: str) -> str:
    """`text` as Label Studio shows it and does nothing else with it."""
    # "$word" would be read as a field of the item; an invisible word joiner after the sign keeps it text.
    return _NO_XML.sub("\ufffd", text).replace("$", "$\u2060")


def in_language(names: dict[str, str], language: str | None) -> str | None:
    """The name in `language`, or in the language it is a variety of; null where there is none."""
    for wanted in (language, (language or "").partition("-")[0]):
        if wanted and wanted in names:
            return names[wanted]
    return None


def word(names: dict[str, str], language: str | None) -> str:
    """The name in `language`, else in English."""
    return in_language(names, language) or names["en"]


def header(text: str, size: int) -> Element:
    """A line of text."""
    return Element("Header", value=safe(text), size=str(size))


def numbered(place: int) -> str:
    """The name of the control of the label or attribute at `place`, counted from 1, of a question with several."""
    return f"{CONTROL}_{place}"


def required(language: str | None, *, name: str = CONTROL, about: str = OBJECT) -> dict[str, str]:
    """The attributes of a control that has to be answered."""
    return {"name": name, "toName": about, "required": "true", "requiredMessage": word(_REQUIRED, language)}


@dataclass(frozen=True)
class Box:
    """A box to tick: what is stored, what it says, what is shown when pointed at."""

    alias: str
    name: str
    hint: str = ""


def boxes(control: dict[str, str], several: bool, shown: Sequence[Box]) -> Element:
    """A row of boxes of which one can be ticked, or `several`."""
    found = Element("Choices", control | {"choice": "multiple" if several else "single", "showInline": "true"})
    for box in shown:
        one = SubElement(found, "Choice", value=safe(box.name), alias=safe(box.alias))
        if box.hint:
            one.set("hint", safe(box.hint))
    return found


def box_names(taxonomy: Taxonomy, language: str | None) -> dict[str, str]:
    """What each box says, by label id and NONE; where two labels would say the same, their ids tell them apart."""
    names = {label.id: in_language(label.names, language) or label.id for label in taxonomy.labels}
    names[NONE] = word(NONE_NAMES, language)
    taken = list(names.values())
    return {id: name if taken.count(name) == 1 else f"{name} ({id})" for id, name in names.items()}


def label_boxes(task: Task, language: str | None) -> list[Box]:
    """A box for each label, and one for none of them.

    Raises:
        DsbuildError: a label's id is the word that stands for "none of these".
    """
    assert task.taxonomy is not None
    names = box_names(task.taxonomy, language)
    free(task, NONE)
    found = [Box(label.id, names[label.id], label.definition) for label in task.taxonomy.labels]
    return [*found, Box(NONE, names[NONE])]


def free(task: Task, *reserved: str) -> None:
    """Raises DsbuildError where a label of the task is one of the words that stand for something else."""
    taken = [one for one in reserved if one in task.label_ids]
    if taken:
        raise DsbuildError(f"No label may have the id {taken[0]}: it stands for none of the labels.", where=task.name)


def none_box(language: str | None, *, about: str = OBJECT, outside: bool = False) -> Element:
    """The boxes that stand for "none of these" and, where that may be, for "outside of this conversation"."""
    shown = [Box(OUTSIDE, word(_OUTSIDE_NAMES, language))] if outside else []
    shown.append(Box(NONE, word(NONE_NAMES, language)))
    return boxes({"name": ELSE, "toName": about}, False, shown)


def span_box(language: str | None) -> Box:
    """The one label of spans that have none."""
    return Box(SPAN, word(_SPAN_NAMES, language))


def points(control: dict[str, str], allowed: Points) -> Element:
    """Boxes for the points, each stored as its number, or a number field where there are many or any number goes."""
    if allowed.values and len(allowed.values) <= _BOXES:
        names = allowed.named
        shown = []
        for value in allowed.values:
            digits = number(value)
            name = names.get(value, digits)
            shown.append(Box(digits, name if name == digits else f"{digits} {name}"))
        return boxes(control, False, shown)
    bounds = {"min": number(allowed.low), "max": number(allowed.high)}
    step = {} if allowed.step is None else {"step": number(allowed.step)}
    return Element("Number", control | bounds | step)
