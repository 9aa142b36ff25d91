"""Which aggregation rules each kind of task can have, the first being what it gets unasked."""

from __future__ import annotations

from typing import Literal, get_args

MethodName = Literal[
    "majority", "union", "intersection", "dawid_skene", "mean", "median", "borda", "adjudicated", "stated"
]

METHODS: dict[str, tuple[MethodName, ...]] = {
    "choice": ("majority", "intersection", "dawid_skene", "adjudicated", "stated"),
    "multi": ("majority", "union", "intersection", "dawid_skene", "adjudicated", "stated"),
    "pairwise": ("majority", "intersection", "dawid_skene", "adjudicated", "stated"),
    "attributes": ("majority", "adjudicated", "stated"),
    "open": ("majority", "union", "intersection", "adjudicated", "stated"),
    "ranking": ("borda", "adjudicated", "stated"),
    "intensity": ("mean", "median", "adjudicated", "stated"),
    "scale": ("mean", "median", "adjudicated", "stated"),
    "trace": ("mean", "median", "adjudicated", "stated"),
    "span": ("majority", "adjudicated", "stated"),
    "text": ("majority", "adjudicated", "stated"),
}

VOTED = ("choice", "multi", "pairwise")
"""The kinds of task whose answers are labels of a closed set and nothing else."""

MEASURED = (*VOTED, "scale", "intensity", "attributes", "open")
"""The kinds of task that have an alpha; of attributes each has its own, and there is none for all."""

_WHY = {
    ("choice", "union"): "the union of answers can be several labels, but a choice has one",
    ("pairwise", "union"): "the union of answers can be both candidates, but one of a, b and tie is wanted",
    ("span", "mean"): "places in a text have no mean",
    ("text", "mean"): "texts have no mean",
}


def why_not(kind: str, method: str) -> str | None:
    """Why a task of `kind` cannot have `method`, and what it can have; null where it can."""
    fitting = METHODS[kind]
    if method in fitting:
        return None
    why = _WHY.get((kind, method))
    reason = f": {why}" if why else ""
    return f"{article(kind)} task cannot be aggregated by {method}{reason}; it can by {', '.join(fitting)}"


def article(kind: str) -> str:
    """The kind of a task with its indefinite article, as a message says it."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def all_methods() -> tuple[str, ...]:
    """Every rule there is."""
    return get_args(MethodName)
