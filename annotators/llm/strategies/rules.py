"""What a prompt says about a task beyond its instruction and its labels: how it is to be answered."""

from __future__ import annotations

from schemas.kinds.points import Points
from schemas.task import Attribute, Task

ASKED = {
    "writer": "Which emotions does the writer express?",
    "reader": "Which emotions would a reader say the text expresses?",
    "speaker": "Which emotions does the speaker feel?",
    "observer": "Which emotions does an observer see in the speaker?",
    "evoked": "Which emotions does the text evoke in who reads it?",
    "intended": "Which emotions was the text written to express?",
}
"""What a task without instructions asks, by its perspective."""


def rule(task: Task) -> str:
    """One or two sentences, from the kind of the task and what it declares."""
    said = _OF_KIND[task.kind](task)
    if task.most is not None:
        said += f" At most {task.most}."
    return said + "".join(f' "{label}" stands alone.' for label in task.exclusive)


def _choice(task: Task) -> str:
    return "Give one label, or null if none applies."


def _multi(task: Task) -> str:
    return "Give all labels that apply, the strongest first, or an empty list if none does."


def _ranking(task: Task) -> str:
    return (
        "Rank the labels that apply, the strongest first, or give an empty list if none does. Labels that are equally "
        "strong go into a list of their own."
    )


def _intensity(task: Task) -> str:
    return f"Give every label its level, those that are absent too: {_points(Points.of(task))}."


def _scale(task: Task) -> str:
    return f"Give {_points(Points.of(task))}."


def _span(task: Task) -> str:
    words = {"own": "the text", "other": "the earlier turns"}
    places = " or ".join(words[place] for place in ("own", "other") if place in task.where)
    label = " Give each its label." if task.taxonomy is not None else ""
    said = (
        f"Quote the words of {places} that answer this, exactly as they stand there; an empty list if there are none."
    )
    if "other" in task.where:
        said += (
            ' "turn" is the number of the earlier turn they stand in'
            + (', or "text"' if "own" in task.where else "")
            + ', or "outside" with the quote null for what lies outside of what is shown.'
        )
    return said + label


def _text(task: Task) -> str:
    return "Give a text."


def _open(task: Task) -> str:
    return "Give words of your own, each a word or a short phrase, the strongest first, or an empty list if none fits."


def _pairwise(task: Task) -> str:
    tie = ', or "tie" if neither is' if task.ties else ""
    return f'Two candidates are shown. Give "a" or "b" for the one that is preferred{tie}.'


def _attributes(task: Task) -> str:
    return "Answer for each of these. " + " ".join(
        f'"{name}": {_attribute(one)}.' for name, one in task.attributes.items()
    )


def _attribute(one: Attribute) -> str:
    if one.kind == "scale":
        return _points(Points.of(one))
    options = ", ".join(f'"{option}"' for option in one.options)
    return f"one of {options}, or null" if one.kind == "choice" else f"any of {options}, or an empty list"


def _points(points: Points) -> str:
    if points.levels:
        return "one of these, from the lowest to the highest: " + ", ".join(f'"{name}"' for name in points.levels)
    return f"a number {points.in_words()}"


_OF_KIND = {
    "attributes": _attributes,
    "choice": _choice,
    "intensity": _intensity,
    "multi": _multi,
    "open": _open,
    "pairwise": _pairwise,
    "ranking": _ranking,
    "scale": _scale,
    "span": _span,
    "text": _text,
}
