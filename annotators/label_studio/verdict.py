"""What several answers to one question come to together: a majority, or a dispute; and each of them in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence

from schemas.kinds.base import folded
from schemas.kinds.points import Points, number
from schemas.label_studio_config import NONE
from schemas.task import Answer, Attribute, Span, Task

_LABELS = ("choice", "multi", "pairwise", "open")
UNDISPUTED = ("text",)
"""Kinds of which nobody decides: each person's text stands beside the others'."""


def majority(answers: Sequence[Sequence[str]]) -> list[str] | None:
    """What more than half of the answers say: the labels that stand in more than half, or "none of these" ([]) where
    more than half are empty; null where nothing has that many, which is a dispute.

    So ["joy"], ["joy", "pride"], [] give ["joy"]; ["joy"], [], [] give []; ["joy"], [] give null.
    """
    held = Counter(label for answer in answers for label in set(answer))
    chosen = [label for label, count in held.items() if 2 * count > len(answers)]
    if chosen:
        return chosen
    empty_ones = sum(1 for answer in answers if not answer)
    return [] if 2 * empty_ones > len(answers) else None


def decide(task: Task, answers: Sequence[Answer]) -> Answer | None:
    """What the people say together, or null: a dispute.

    choice, multi, pairwise and open: the `majority` of the labels. attributes: the same of each attribute's options,
    and of a number the one that more than half gave; one attribute without makes a dispute of all. Every other kind:
    the answer that more than half gave (`same`), for neither a mean nor a common part is what anybody said.
    """
    if task.kind in _LABELS:
        chosen = majority([answer.labels or [] for answer in answers])
        if chosen is None:
            return None
        order = {label: place for place, label in enumerate(task.label_ids)}
        chosen.sort(key=lambda label: (order.get(label, 0), label))
        return Answer(labels=chosen, originals=_written(chosen, answers) if task.kind == "open" else None)
    if task.kind == "attributes":
        return _attributes(task, answers)
    return _most(answers, lambda answer: same(task, answer))


def same(task: Task, answer: Answer) -> Hashable:
    """What two equal answers have in common: their labels with scores, value, trace, text (blanks folded) or spans."""
    if answer.labels is not None:
        return frozenset(zip(answer.labels, answer.scores or [None] * len(answer.labels), strict=True))
    if answer.spans is not None:
        return frozenset((span.item_id, span.start, span.end, span.label) for span in answer.spans)
    if answer.trace is not None:
        return tuple(answer.trace)
    return answer.value if answer.text is None else folded(answer.text)


def _most(answers: Sequence[Answer], key: Callable[[Answer], Hashable]) -> Answer | None:
    counts = Counter(map(key, answers))
    return next((answer for answer in answers if 2 * counts[key(answer)] > len(answers)), None)


def _written(words: Sequence[str], answers: Sequence[Answer]) -> list[str]:
    """How each word was written by the most people; of several such, the first in order."""
    spelled: dict[str, Counter[str]] = {word: Counter() for word in words}
    for answer in answers:
        for word, original in zip(answer.labels or [], answer.originals or answer.labels or [], strict=True):
            if word in spelled:
                spelled[word][original] += 1
    return [min(spelled[word], key=lambda one: (-spelled[word][one], one)) for word in words]


def _attributes(task: Task, answers: Sequence[Answer]) -> Answer | None:
    labels: list[str] = []
    scores: list[float | None] = []
    for name, one in task.attributes.items():
        if one.kind == "scale":
            numbers = [_number(answer, name) for answer in answers]
            value, count = Counter(numbers).most_common(1)[0] if numbers else (None, 0)
            if value is None or 2 * count <= len(answers):
                return None
            labels.append(name)
            scores.append(value)
            continue
        options = [f"{name}:{option}" for option in one.options]
        chosen = majority([[label for label in answer.labels or [] if label in options] for answer in answers])
        if chosen is None:
            return None
        labels += sorted(chosen, key=options.index)
        scores += [None] * len(chosen)
    return Answer(labels=labels, scores=scores)


def _number(answer: Answer, name: str) -> float | None:
    return dict(zip(answer.labels or [], answer.scores or [], strict=True)).get(name)


def in_words(task: Task, answer: Answer, names: Mapping[str, str]) -> str:
    """An answer in one line, for who decides between several; `names` are what the boxes say, NONE among them."""
    nothing = names.get(NONE, NONE)
    if answer.spans is not None:
        return "; ".join(_span(span, names) for span in answer.spans) or nothing
    if answer.trace is not None:
        return ", ".join(f"{number(t)} s: {number(value)}" for t, value in answer.trace)
    if answer.value is not None:
        return _point(Points.of(task), answer.value)
    if answer.labels is None:
        return answer.text or ""
    if task.kind == "attributes":
        return _attributes_in_words(task, answer)
    if task.kind == "intensity":
        levels = zip(answer.labels, answer.scores or [], strict=True)
        allowed = Points.of(task)
        return ", ".join(f"{names[label]}: {_point(allowed, level or 0.0)}" for label, level in levels)
    if task.kind == "ranking":
        ranks = zip(answer.scores or [], answer.labels, strict=True)
        return ", ".join(f"{number(rank or 0)} {names[label]}" for rank, label in ranks) or nothing
    return ", ".join(names.get(label, label) for label in answer.labels) or nothing


def _span(span: Span, names: Mapping[str, str]) -> str:
    label = "" if span.label is None else f"{names.get(span.label, span.label)}: "
    if span.item_id is None:
        return f"{label}—"
    return f"{label}“{span.text or ''}”"


def _point(allowed: Points, value: float) -> str:
    name = allowed.named.get(value)
    return number(value) if name is None else f"{number(value)} {name}"


def _attributes_in_words(task: Task, answer: Answer) -> str:
    def said(name: str, one: Attribute) -> str:
        if one.kind == "scale":
            value = _number(answer, name)
            return "" if value is None else number(value)
        return ", ".join(option for option in one.options if f"{name}:{option}" in (answer.labels or [])) or "–"

    return "; ".join(f"{name}: {said(name, one)}" for name, one in task.attributes.items())
