"""The Label Studio labelling config of a Task: pure, and the only place that knows how a question is drawn.

A person answers with one control, `answer`, about one text, `text`:

- `choice` and `multi`: a box for each label, and one more for "none of these". It must be ticked to answer with no
  label, because Label Studio stores nothing at all for an untouched control: an empty answer and no answer would
  look the same. Something has to be ticked before the answer can be submitted; who cannot tell skips.
- `text`: a text area.

Boxes show a label's name in the session's language and its definition as a tooltip; what Label Studio stores is the
label's id, its `alias`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from schemas.task import Task
    from schemas.taxonomy import Taxonomy

CONTROL = "answer"
OBJECT = "text"
CONTEXT = "context"
CANDIDATES = "candidates"
NONE = "__none_of_these__"
"""What Label Studio stores for "none of these"; no label may have this id."""

_NONE_NAMES = {"en": "none of these", "mr": "यांपैकी काहीही नाही", "hi": "इनमें से कोई नहीं"}
_QUESTIONS = {
    "choice": {"en": "Choose one.", "mr": "एक निवडा.", "hi": "एक चुनिए।"},
    "multi": {"en": "Choose all that apply.", "mr": "लागू होणारे सर्व निवडा.", "hi": "जो भी लागू हों, सब चुनिए।"},
    "text": {"en": "Write your answer.", "mr": "तुमचे उत्तर लिहा.", "hi": "अपना उत्तर लिखिए।"},
}
_ALONE = {"en": "Only on its own: {labels}.", "mr": "फक्त स्वतंत्रपणे: {labels}.", "hi": "केवल अकेले: {labels}।"}
_CONTEXT_NAMES = {"en": "Before it", "mr": "त्याआधी", "hi": "उससे पहले"}
_CANDIDATES_NAMES = {"en": "Answers so far", "mr": "आतापर्यंतची उत्तरे", "hi": "अब तक के उत्तर"}
_REQUIRED = {
    "en": "Tick something, or skip this text if you cannot tell.",
    "mr": "काहीतरी निवडा, किंवा सांगता येत नसेल तर हा मजकूर वगळा.",
    "hi": "कुछ चुनिए, या न कह सकें तो इस पाठ को छोड़ दीजिए।",
}
# The text is what matters on the page, and boxes must not run into each other. Where a server's pages have other class
# names, this does nothing.
_STYLE = (
    ".lsf-richtext__container {font-size: 1.3rem; line-height: 1.6; padding: 1rem; margin: .5rem 0 1rem; "
    "border-left: 4px solid #617ada; background: rgba(97, 122, 218, .07);} "
    ".lsf-choices_layout_inline {display: flex; flex-wrap: wrap; gap: .4rem 1.6rem;} "
    ".lsf-choice__item label {font-size: 1.05rem;}"
)
# What XML 1.0 cannot hold; the library escapes, but writes these as they are.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _plain(text: str) -> str:
    # "$word" would be read as a field of the item; an invisible word joiner after the sign keeps it text.
    return _NO_XML.sub("\ufffd", text).replace("$", "$\u2060")


def _in(names: dict[str, str], language: str | None) -> str | None:
    for wanted in (language, (language or "").partition("-")[0]):
        if wanted and wanted in names:
            return names[wanted]
    return None


def _word(names: dict[str, str], language: str | None) -> str:
    return _in(names, language) or names["en"]


def box_names(taxonomy: Taxonomy, language: str | None) -> dict[str, str]:
    """What each box says, by label id and NONE; where two labels would say the same, their ids tell them apart."""
    names = {label.id: _in(label.names, language) or label.id for label in taxonomy.labels}
    names[NONE] = _word(_NONE_NAMES, language)
    taken = list(names.values())
    return {id: name if taken.count(name) == 1 else f"{name} ({id})" for id, name in names.items()}


def task_config(task: Task, *, language: str | None = None, context: bool = False, candidates: bool = False) -> str:
    """The labelling config (XML) that asks `task` about `$text`, below `$context` where `context` is set, and above
    `$candidates` (other people's answers, for who decides between them) where `candidates` is set.

    `language` (BCP 47) chooses among the names and instructions there are; without a match the ids and English are
    shown.

    Raises:
        DsbuildError: a label's id is the word that stands for "none of these".
    """
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Style").text = _STYLE
    instruction = task.instruction(language)
    if instruction:
        ElementTree.SubElement(view, "Header", value=_plain(instruction), size="4")
    if context:
        ElementTree.SubElement(view, "Header", value=_word(_CONTEXT_NAMES, language), size="6")
        ElementTree.SubElement(view, "Text", name=CONTEXT, value=f"${CONTEXT}", valueType="text")
    ElementTree.SubElement(view, "Text", name=OBJECT, value=f"${OBJECT}", valueType="text")
    if candidates:
        ElementTree.SubElement(view, "Header", value=_word(_CANDIDATES_NAMES, language), size="6")
        ElementTree.SubElement(view, "Text", name=CANDIDATES, value=f"${CANDIDATES}", valueType="text")
    names = {} if task.taxonomy is None else box_names(task.taxonomy, language)
    question = _word(_QUESTIONS[task.kind], language)
    if task.kind == "multi" and task.exclusive:
        # Label Studio cannot enforce it; an answer that breaks it is turned down when it is read back.
        alone = ", ".join(names[label] for label in task.exclusive)
        question += " " + _word(_ALONE, language).format(labels=alone)
    ElementTree.SubElement(view, "Header", value=_plain(question), size="5")
    control = {"name": CONTROL, "toName": OBJECT, "required": "true", "requiredMessage": _word(_REQUIRED, language)}
    if task.taxonomy is None:
        ElementTree.SubElement(view, "TextArea", control | {"rows": "4", "maxSubmissions": "1", "editable": "true"})
        return ElementTree.tostring(view, encoding="unicode")
    if NONE in task.label_ids:
        raise DsbuildError(f"No label may have the id {NONE}: it stands for none of the labels.", where=task.name)
    choices = ElementTree.SubElement(
        view, "Choices", control | {"choice": "multiple" if task.kind == "multi" else "single", "showInline": "true"}
    )
    for label in task.taxonomy.labels:
        box = ElementTree.SubElement(choices, "Choice", value=_plain(names[label.id]), alias=_plain(label.id))
        if label.definition:
            box.set("hint", _plain(label.definition))
    ElementTree.SubElement(choices, "Choice", value=names[NONE], alias=NONE)
    return ElementTree.tostring(view, encoding="unicode")
