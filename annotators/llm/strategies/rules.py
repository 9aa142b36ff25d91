"""What a prompt says about a task beyond its instruction and its labels: how it is to be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotators.llm.strategies.phrases import ENGLISH, say_in
from schemas.kinds.points import Points, number
from schemas.task import Attribute, Task

if TYPE_CHECKING:
    from annotators.llm.strategies.phrases import Say

ASKED = {
    "writer": "Which emotions does the writer express?",
    "reader": "Which emotions would a reader say the text expresses?",
    "speaker": "Which emotions does the speaker feel?",
    "observer": "Which emotions does an observer see in the speaker?",
    "evoked": "Which emotions does the text evoke in who reads it?",
    "intended": "Which emotions was the text written to express?",
}
"""What a task without instructions asks, by its perspective."""


def rule(task: Task, _: Say | None = None) -> str:
    """One or two sentences, from the kind of the task and what it declares."""
    _ = _ or say_in(ENGLISH)
    said = _OF_KIND[task.kind](task, _)
    if task.most is not None:
        said += " " + _("At most {number}.", number=str(task.most))
    return said + "".join(" " + _('"{label}" stands alone.', label=label) for label in task.exclusive)


def _choice(task: Task, _: Say) -> str:
    return _("Give one label, or null if none applies.")


def _multi(task: Task, _: Say) -> str:
    return _("Give all labels that apply, the strongest first, or an empty list if none does.")


def _ranking(task: Task, _: Say) -> str:
    return _(
        "Rank the labels that apply, the strongest first, or give an empty list if none does. Labels that are equally "
        "strong go into a list of their own."
    )


def _intensity(task: Task, _: Say) -> str:
    return _("Give every label its level, those that are absent too: {points}.", points=_points(Points.of(task), _))


def _scale(task: Task, _: Say) -> str:
    return _("Give {points}.", points=_points(Points.of(task), _))


def _span(task: Task, _: Say) -> str:
    if "own" in task.where and "other" in task.where:
        said = _(
            "Quote the words of the text or the earlier turns that answer this, exactly as they stand there; an empty "
            "list if there are none."
        )
    elif "own" in task.where:
        said = _(
            "Quote the words of the text that answer this, exactly as they stand there; an empty list if there are "
            "none."
        )
    else:
        said = _(
            "Quote the words of the earlier turns that answer this, exactly as they stand there; an empty list if "
            "there are none."
        )
    if "own" in task.where and "other" in task.where:
        said += " " + _(
            '"turn" is the number of the earlier turn they stand in, or "text", or "outside" with the quote null for '
            "what lies outside of what is shown."
        )
    elif "other" in task.where:
        said += " " + _(
            '"turn" is the number of the earlier turn they stand in, or "outside" with the quote null for what lies '
            "outside of what is shown."
        )
    return said + (" " + _("Give each its label.") if task.taxonomy is not None else "")


def _text(task: Task, _: Say) -> str:
    return _("Give a text.")


def _open(task: Task, _: Say) -> str:
    return _(
        "Give words of your own, each a word or a short phrase, the strongest first, or an empty list if none fits."
    )


def _pairwise(task: Task, _: Say) -> str:
    if task.ties:
        return _('Two candidates are shown. Give "a" or "b" for the one that is preferred, or "tie" if neither is.')
    return _('Two candidates are shown. Give "a" or "b" for the one that is preferred.')


def _attributes(task: Task, _: Say) -> str:
    return " ".join(
        [_("Answer for each of these."), *(f'"{name}": {_attribute(one, _)}.' for name, one in task.attributes.items())]
    )


def _attribute(one: Attribute, _: Say) -> str:
    if one.kind == "scale":
        return _points(Points.of(one), _)
    options = ", ".join(f'"{option}"' for option in one.options)
    if one.kind == "choice":
        return _("one of {options}, or null", options=options)
    return _("any of {options}, or an empty list", options=options)


def _points(points: Points, _: Say) -> str:
    if points.levels:
        names = ", ".join(f'"{name}"' for name in points.levels)
        return _("one of these, from the lowest to the highest: {names}", names=names)
    low, high = number(points.low), number(points.high)
    if points.step is None:
        return _("a number from {low} to {high}", low=low, high=high)
    return _("a number from {low} to {high} in steps of {step}", low=low, high=high, step=number(points.step))


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
