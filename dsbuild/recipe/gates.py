"""Gates: what they refer to, and whether they look as closely as deduplication did."""

from __future__ import annotations

from collections.abc import Iterator

from audits.gates import GateConfig
from audits.methods import MEASURED, VOTED
from dsbuild.recipe.names import Fault, Loc, Names
from dsbuild.recipe.problems import quoted, suggestion

# What a gate may look at, by its metric; a score compares any two that answer.
_ANSWERING = ("annotate", "gold", "corpora")
_LOOKS_AT = {
    "krippendorff_alpha": _ANSWERING,
    "max_share": ("aggregate",),
    "unlabelled_share": ("aggregate",),
}
_SCORED_BY = ("language",)
# The kinds of task that have a figure to hold against a bound.
_KINDS = {
    "krippendorff_alpha": tuple(kind for kind in MEASURED if kind != "attributes"),
    **dict.fromkeys(("accuracy", "macro_f1", "micro_f1"), VOTED),
    "max_share": (*VOTED, "attributes", "open", "ranking"),
}


def gates(names: Names) -> Iterator[Fault]:
    """Faults of the gates of a recipe."""
    near = [getattr(entry.step, "near", None) for _, entry in names.entries("build") if entry.name == "deduplicate"]
    # `near: false` switches the search off, which sets no threshold.
    closest = min((one for one in near if isinstance(one, int | float) and one), default=None)
    for loc, gate in names.entries("gates"):
        yield from _references(names, loc, gate)
        if gate.near is not None and closest is not None and gate.near > closest:
            yield (
                (*loc, "near"),
                f"{gate.near:g} is looser than deduplication, which looks from {closest:g} up; use at most {closest:g}",
            )


def _references(names: Names, loc: Loc, gate: GateConfig) -> Iterator[Fault]:
    if gate.task is not None:
        why = names.missing(gate.task, "tasks")
        if why is not None:
            yield (*loc, "task"), why
    sections = _LOOKS_AT.get(gate.metric, (*_ANSWERING, "aggregate"))
    for place, name in enumerate(gate.from_):
        why = names.missing_source(name, gate.task, *sections)
        if why is not None:
            yield (*loc, "from", place), why
    if gate.against is not None:
        why = names.missing_source(gate.against, gate.task, *sections)
        if why is not None:
            yield (*loc, "against"), why
    task = names.tasks.get(gate.task or "")
    if task is not None:
        kinds = _KINDS.get(gate.metric, ())
        if kinds and task.kind not in kinds:
            fits = f"tasks of the kinds {', '.join(kinds)}"
            yield (*loc, "metric"), f"{gate.metric} is for {fits}; {task.name} is {task.kind}"
    several = names.annotators_in(gate.against or "")
    if len(several) > 1:
        yield (*loc, "against"), f"{quoted(gate.against)} stands for {', '.join(several)}; one of them is the reference"
    if gate.metric == "krippendorff_alpha" and len(gate.from_) == 1 and len(names.annotators_in(gate.from_[0])) == 1:
        yield (*loc, "from"), "agreement is between at least two annotators, or of a session or corpus"
    if gate.metric != "leakage":
        for place, by in enumerate(gate.by):
            if by not in _SCORED_BY:
                near = suggestion(by, _SCORED_BY, kind="there is")
                yield (*loc, "by", place), f"scores are not taken by {quoted(by)}; {near}"
