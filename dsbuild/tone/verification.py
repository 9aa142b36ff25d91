"""What people are asked about TONE, as Label Studio tasks, and what their answers decide.

Everything that WordNet and the embedding proposed for the vocabulary is asked about, and every statement that is not
inferred from another. A task's data says what is asked (`dsbuild_tone`) and carries a hash of what is shown
(`dsbuild_hash`): an answer to something that reads otherwise by now is stale and decides nothing.

More than half of a proposal's answers decide: right makes it verified; wrong, or another emotion, makes it rejected. A
rejected word whose answers agree, by more than half of all, on one other emotion moves there and is verified. A tie
leaves it pending. Skipped tasks and drafts are no answers; of two answers by one person the later one counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from dsbuild.tone.senses import nodes_of, words_of_the_tree
from schemas.errors import DsbuildError
from schemas.ids import digest
from schemas.tone.tree import Node, nodes

PENDING, VERIFIED, REJECTED = "pending", "verified", "rejected"
RIGHT, WRONG, OTHER = "right", "wrong", "other"
VERDICT, PLACE = "verdict", "place"
_QUESTION = "Does a person who uses this word speak of this emotion? Where there is a sentence: does it hold?"
KEY, HASH = "dsbuild_tone", "dsbuild_hash"


@dataclass(frozen=True)
class Question:
    """One proposal. `key` names it; the rest is what a person reads."""

    key: str
    word: str
    proposal: str
    definition: str

    @property
    def hash(self) -> str:
        """A hash of what is shown."""
        return digest([self.word, self.proposal, self.definition])[:16]


@dataclass(frozen=True)
class Verdict:
    """What the answers to one question decide; `moved_to` is an emotion's word where they agree on another one.
    `hash` is that of what was shown."""

    hash: str
    verification: str
    right: int
    wrong: int
    other: int
    moved_to: str | None = None


@dataclass
class Read:
    """What was in the exports: `verdicts` by key, and how many answers were skipped, stale or of unknown questions."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    answers: int = 0
    skipped: int = 0
    stale: int = 0
    foreign: int = 0


def word_question(word: str, term: str, definition: str) -> Question:
    """Does `word` belong to the emotion `term`?"""
    return Question(f"word {word} | {term}", word, " or ".join(dict.fromkeys(_path(term))), definition)


def statement_question(key: Sequence[Any], definition: str) -> Question:
    """Does the statement hold? `key` is (subject, its tier, predicate, object, its tier, group)."""
    subject, tier, predicate, other, other_tier, group = key
    sentence = {
        "isOppositeOf": f"{subject} is the opposite of {other}",
        "isComposedOf": f"{other} is a part of {subject}",
        "leadsTo": f"{subject} of one speaker leads to {other} of the other",
    }[predicate]
    return Question(
        f"statement {subject}@{tier} {predicate} {other}@{other_tier} {group}".strip(), sentence, "", definition
    )


def _path(term: str) -> list[str]:
    return [
        " > ".join(part for part in (node.primary, node.secondary, node.tertiary) if part) for node in nodes_of(term)
    ]


def labelling_config(definitions: Mapping[Node, str]) -> str:
    """The Label Studio config: right, wrong, or another emotion, which is then chosen in the tree.

    `definitions` are what a node of the tree shows when one points at it.
    """
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value=_QUESTION, size="4")
    for name, above in (("word", "Word or sentence"), ("proposal", "Emotion"), ("definition", "What it means")):
        ElementTree.SubElement(view, "Header", value=above, size="6")
        ElementTree.SubElement(view, "Text", name=name, value=f"${name}")
    ElementTree.SubElement(view, "Header", value="Is that right?", size="6")
    verdict = ElementTree.SubElement(
        view, "Choices", name=VERDICT, toName="word", choice="single", required="true", showInline="true"
    )
    for value in (RIGHT, WRONG, OTHER):
        ElementTree.SubElement(verdict, "Choice", value=value)
    box = ElementTree.SubElement(
        view,
        "View",
        visibleWhen="choice-selected",
        whenTagName=VERDICT,
        whenChoiceValue=OTHER,
    )
    ElementTree.SubElement(box, "Header", value="Which other emotion?", size="6")
    tree = ElementTree.SubElement(box, "Taxonomy", name=PLACE, toName="word", maxUsages="1", showFullPath="true")
    levels: dict[tuple[str, ...], ElementTree.Element] = {(): tree}
    for node in nodes():
        path = tuple(part for part in (node.primary, node.secondary, node.tertiary) if part)
        levels[path] = ElementTree.SubElement(levels[path[:-1]], "Choice", value=node.term, hint=definitions[node])
    return ElementTree.tostring(view, encoding="unicode")


def tasks(questions: Iterable[Question]) -> list[dict[str, Any]]:
    """Label Studio tasks to import, one a question."""
    return [
        {
            "data": {
                KEY: each.key,
                HASH: each.hash,
                "word": each.word,
                "proposal": each.proposal,
                "definition": each.definition,
            }
        }
        for each in questions
    ]


def read_exports(paths: Sequence[Path], questions: Iterable[Question]) -> Read:
    """What people decided, from exports in Label Studio's JSON format (`exportType=JSON`).

    Raises:
        DsbuildError: a file is no such export, or an answer in it is none that the config allows.
    """
    asked = {each.key: each for each in questions}
    answers: dict[str, dict[str, tuple[str, str, str | None]]] = {}
    read = Read()
    for path in paths:
        for task in _load(path):
            question = asked.get(str(task["data"].get(KEY)))
            for annotation in task.get("annotations", ()):
                if question is None:
                    read.foreign += 1
                elif annotation.get("was_cancelled"):
                    read.skipped += 1
                elif task["data"].get(HASH) != question.hash:
                    read.stale += 1
                else:
                    verdict, place = _answer(annotation, f"{path}: task {task.get('id')}")
                    # The same person on the same server: another export may be from another one, and a later export
                    # of the same project has the same answers again. A task's time of creation tells servers apart.
                    person = f"{task.get('created_at')} {_person(annotation)}"
                    when = str(annotation.get("updated_at") or annotation.get("created_at") or "")
                    of_question = answers.setdefault(question.key, {})
                    if person not in of_question or of_question[person][0] <= when:
                        of_question[person] = (when, verdict, place)
    for key, given in sorted(answers.items()):
        read.answers += len(given)
        read.verdicts[key] = decide(asked[key].hash, [(verdict, place) for _, verdict, place in given.values()])
    return read


def decide(hash: str, answers: Sequence[tuple[str, str | None]]) -> Verdict:
    """The rule above, on (verdict, the other emotion's word) of each person."""
    count = Counter(verdict for verdict, _ in answers)
    right, wrong, other = count[RIGHT], count[WRONG], count[OTHER]
    half = len(answers) / 2
    if right > half:
        return Verdict(hash, VERIFIED, right, wrong, other)
    if wrong + other > half:
        places = Counter(place for verdict, place in answers if verdict == OTHER and place is not None)
        agreed = [place for place, votes in places.items() if votes > half]
        return Verdict(hash, REJECTED, right, wrong, other, agreed[0] if agreed else None)
    return Verdict(hash, PENDING, right, wrong, other)


def _load(path: Path) -> list[dict[str, Any]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DsbuildError(f"This cannot be read: {error}", where=str(path)) from error
    if not isinstance(data, list) or not all(
        isinstance(task, dict) and isinstance(task.get("data"), dict) for task in data
    ):
        raise DsbuildError(
            "This is no export of Label Studio's.", where=str(path), fix="Export the project in the format JSON."
        )
    return data


def _person(annotation: Mapping[str, Any]) -> str:
    by = annotation.get("completed_by")
    return str(by.get("id") if isinstance(by, dict) else by)


def _answer(annotation: Mapping[str, Any], where: str) -> tuple[str, str | None]:
    verdict: str | None = None
    place: str | None = None
    for region in annotation.get("result", ()):
        value = region.get("value", {})
        if region.get("from_name") == VERDICT and len(value.get("choices", ())) == 1:
            verdict = value["choices"][0]
        elif region.get("from_name") == PLACE and len(value.get("taxonomy", ())) == 1:
            place = value["taxonomy"][0][-1]
    if verdict not in (RIGHT, WRONG, OTHER):
        raise DsbuildError(f"The answer {verdict!r} is none of right, wrong and other.", where=where)
    if place is not None and place not in words_of_the_tree():
        raise DsbuildError(f"'{place}' is no emotion of the tree.", where=where)
    return verdict, place if verdict == OTHER else None
