"""The Label Studio labelling config of a Task: pure, and the only place that knows how a page is laid out.

A page shows one object, what the question is about, and the controls that answer it (`schemas.kinds`, drawn by
`control`). What is shown and how an answer is read back, by the names of the controls:

- choice, multi: `answer` (Choices) holds label ids; NONE alone is no label.
- ranking: `answer_1` ... (Number), one for each label in the taxonomy's order, holds its rank; equal numbers are ties,
  and a label without a number is not ranked. NONE in `answer_else` (Choices) is nothing ranked.
- intensity: `answer_1` ... (Choices of digits, or Number), one for each label in the taxonomy's order, holds its level.
- scale: `answer` (Choices of digits, or Number) holds the number.
- span: `answer` (Labels on `text`) and `answer_turns` (ParagraphLabels on `turns`) hold spans, see below. In
  `answer_else` (Choices), NONE is no span, and OUTSIDE a span without a turn; spans with labels have no such box, for
  it could not say which.
- text: `answer` (TextArea) holds the text.
- trace: `answer` (Labels on `audio`) holds stretches, each of which is one point: the middle of its `start` and `end`
  (seconds), and the number that `answer_value` (Number) holds for the same region.
- open: `answer` (TextArea) holds a submission for each word. NONE in `answer_else` (Choices) is no word.
- pairwise: `answer` (Choices) holds a, tie or b.
- attributes: `answer_1` ..., one for each attribute in their order, holds options (Choices; NONE alone is none of them)
  or a number (Choices of digits, or Number).

Label Studio stores nothing at all for an untouched control: an empty answer and no answer would look the same. So
"none of these" is a box of its own, NONE, that must be ticked; who cannot tell skips. Where it stands in `answer_else`,
it cannot be enforced that either is given: an annotation with neither, or with both, is turned down when it is read.

A span's Labels store `start` and `end` within `$text`; ParagraphLabels store the turn in `start` and `end` (its index
in `$turns` from 0, as a string), and the characters in `startOffset` and `endOffset`. Label Studio 1.23 counts code
points in Labels, as ANNOTATIONS do, and UTF-16 code units in ParagraphLabels; `text`, which is stored too, tells which
of the two a server meant. A region may run over several turns; it is one span for each of them. The label of spans that
have none is SPAN.

Label Studio (Community, 1.23) has no control that records a rating continuously. A trace is therefore asked for in
stretches of a recording, and one that is meant to have a rate is refused.

Boxes show a label's name in the session's language and its definition as a tooltip; what Label Studio stores is the
label's id, or the number, its `alias`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from xml.etree.ElementTree import Element, SubElement, tostring

from schemas.errors import DsbuildError
from schemas.kinds import kind_of
from schemas.kinds.drawing import (
    CANDIDATES,
    CONTEXT,
    CONTROL,
    ELSE,
    NONE,
    OBJECT,
    OUTSIDE,
    PREFERRED,
    SPAN,
    TURNS,
    box_names,
    header,
    numbered,
    word,
)

if TYPE_CHECKING:
    from schemas.task import Task

__all__ = [
    "CANDIDATES",
    "CONTEXT",
    "CONTROL",
    "ELSE",
    "NONE",
    "OBJECT",
    "OUTSIDE",
    "PREFERRED",
    "SPAN",
    "TURNS",
    "Modality",
    "box_names",
    "numbered",
    "task_config",
]

Modality = Literal["text", "audio", "image", "video"]
"""What a page shows. The object, and the field of the task's data that it shows, are called the same."""

_CONTEXT_NAMES = {"en": "Before it", "mr": "त्याआधी", "hi": "उससे पहले"}
_CANDIDATES_NAMES = {"en": "Answers so far", "mr": "आतापर्यंतची उत्तरे", "hi": "अब तक के उत्तर"}
_NO_EMPTY = " .htx-text {white-space: pre-wrap;}"  # else blanks are left out of what is shown, and of the offsets
# The text is what matters on the page, and boxes must not run into each other. Where a server's pages have other class
# names, this does nothing.
_STYLE = (
    ".lsf-richtext__container {font-size: 1.3rem; line-height: 1.6; padding: 1rem; margin: .5rem 0 1rem; "
    "border-left: 4px solid #617ada; background: rgba(97, 122, 218, .07);} "
    ".lsf-choices_layout_inline {display: flex; flex-wrap: wrap; gap: .4rem 1.6rem;} "
    ".lsf-choice__item label {font-size: 1.05rem;}"
)


def task_config(
    task: Task,
    *,
    language: str | None = None,
    context: bool = False,
    candidates: bool = False,
    modality: Modality = "text",
    transcript: bool = False,
) -> str:
    """The labelling config (XML) that asks `task` about an item.

    Args:
        language: (BCP 47) chooses among the names and instructions there are; without a match the ids and English are
            shown.
        context: show the turns before the item: `$context` as a text, or for spans that may lie there `$turns`, a list
            of {speaker, text}, whether this is set or not.
        candidates: show `$candidates`, other people's answers, for who decides between them.
        modality: show `$text`, `$audio`, `$image` or `$video`. A video's controls are about its sound, `audio`, which
            plays along with it and is all that has a time line for stretches.
        transcript: show `$text` too, above a recording, a picture or two candidates. Spans always show it.

    A pairwise task shows `$candidate_a` and `$candidate_b`, the two turns of the item's context; `$context` and `$text`
    are what else there is.

    Raises:
        DsbuildError: a label's id is a word that stands for something else, or Label Studio has no control for the task
            about such an object.
    """
    view = Element("View")
    spans = task.kind == "span"
    SubElement(view, "Style").text = _STYLE + (_NO_EMPTY if spans else "")
    instruction = task.instruction(language)
    if instruction:
        view.append(header(instruction, 4))
    if spans and "other" in task.where:
        view.append(header(word(_CONTEXT_NAMES, language), 6))
        turns = {"name": TURNS, "value": f"${TURNS}", "layout": "dialogue", "nameKey": "speaker", "textKey": "text"}
        SubElement(view, "Paragraphs", turns)
    elif context:
        view.append(header(word(_CONTEXT_NAMES, language), 6))
        _text(view, CONTEXT)
    about = _shown(view, task, modality, transcript or spans)
    if candidates:
        view.append(header(word(_CANDIDATES_NAMES, language), 6))
        _text(view, CANDIDATES)
    view.extend(kind_of(task).control(task, language, about))
    return tostring(view, encoding="unicode")


def _shown(view: Element, task: Task, modality: Modality, transcript: bool) -> str:
    """Puts what the question is about into `view`, and gives the name of the object that its controls are about."""
    if task.kind == "pairwise":
        if modality != "text":
            raise DsbuildError(
                f"Two candidates are compared as texts, but the task {task.name} is about {modality}.",
                where=task.name,
                fix="Compare two captions or transcripts of the recordings.",
            )
        if transcript:
            _text(view, OBJECT)
        for name, title in zip(PREFERRED, ("A", "B"), strict=True):
            view.append(header(title, 6))
            _text(view, name)
        return PREFERRED[0]
    if modality == "text" or transcript:
        _text(view, OBJECT)
    if modality == "image":
        SubElement(view, "Image", name="image", value="$image")
    elif modality == "audio":
        SubElement(view, "Audio", name="audio", value="$audio")
    elif modality == "video":
        SubElement(view, "Video", name="video", value="$video", sync="audio")
        SubElement(view, "Audio", name="audio", value="$video", sync="video")
    if modality == "text" or task.kind == "span":
        return OBJECT
    return "image" if modality == "image" else "audio"


def _text(view: Element, name: str) -> None:
    SubElement(view, "Text", name=name, value=f"${name}", valueType="text")
