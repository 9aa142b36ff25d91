"""Whether answers to one task can become answers to another, and by which rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.crosswalk.loss import becomes
from schemas.crosswalk.mapping import Crosswalk, crosswalk

if TYPE_CHECKING:
    from schemas.task import Task

# Kinds that are made of labels, and of which kinds each can be made.
LABELS = {
    "choice": ("choice", "multi"),
    "multi": ("multi", "choice"),
    "ranking": ("ranking",),
    "intensity": ("intensity",),
}
_NUMBERS = ("scale", "trace", "intensity")
_SLACK = 1e-6


def why_not(source: Task, target: Task) -> str | None:
    """Why answers to `source` cannot become answers to `target`; null where they can."""
    if source.perspective != target.perspective:
        return (
            f"{source.name} asks from the perspective {source.perspective}, {target.name} from the perspective "
            f"{target.perspective}"
        )
    if source.kind not in LABELS.get(target.kind, (target.kind,)):
        kinds = " or ".join(LABELS.get(target.kind, (target.kind,)))
        return f"{target.name} is {target.kind} and can be made of {kinds}; {source.name} is {source.kind}"
    if target.kind in LABELS:
        walk = walk_of(source, target)
        if not any(becomes(mapping) for mapping in walk.mappings):
            return f"no label of {walk.source.name} has a place in {walk.target.name}"
    elif target.kind not in _NUMBERS and _declared(source) != _declared(target):
        return f"{source.name} and {target.name} ({target.kind}) have to be declared alike for one to fill the other"
    return _between_points(source, target) if target.kind in _NUMBERS else None


def walk_of(source: Task, target: Task) -> Crosswalk:
    """The crosswalk from the labels of one task to those of the other."""
    assert source.taxonomy is not None
    assert target.taxonomy is not None
    return crosswalk(source.taxonomy, target.taxonomy)


def _declared(task: Task) -> dict[str, Any]:
    return task.model_dump(exclude={"name", "instructions"})


def _between_points(source: Task, target: Task) -> str | None:
    """Why numbers of `source` would fall between the points of `target`."""
    from schemas.kinds.points import Points

    to = Points.of(target)
    if to.step is None:
        return None
    fix = f"leave step and levels out of {target.name}, or make them fit"
    points = Points.of(source).values
    if not points:
        return f"{target.name} has only certain points and {source.name} any number; {fix}"
    for value in points:
        steps = (rescaled(value, source, target) - to.low) / to.step
        if abs(steps - round(steps)) > _SLACK:
            return f"{value:g} of {source.name} would lie between the points of {target.name}; {fix}"
    return None


def rescaled(value: Any, source: Task, target: Task) -> Any:
    """`value` (a number or an expression) of the range of `source` as one of the range of `target`: lowest becomes
    lowest, highest highest, and in between it is a straight line."""
    assert source.range is not None
    assert target.range is not None
    (low, high), (to_low, to_high) = source.range, target.range
    return to_low + (value - low) * ((to_high - to_low) / (high - low))
