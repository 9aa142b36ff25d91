"""What a task's declaration gets wrong, at the key that says it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import ValidationError

from dsbuild.recipe.messages import say
from dsbuild.recipe.model import TaskEntry
from dsbuild.recipe.names import Fault, Loc

# The keys of a task that only some kinds have a use for.
_OF_A_KIND = ("taxonomy", "range", "step", "levels", "rate", "where", "most", "ties", "attributes")


def task_faults(loc: Loc, entry: TaskEntry, error: ValidationError) -> Iterator[Fault]:
    """What the Task itself says; where that is one sentence about several keys, its place is the first it names."""
    for fault in error.errors(include_url=False):
        what = say(dict(fault), (*loc, *fault["loc"]))
        named = [(found.start(), key) for key in _OF_A_KIND if (found := re.search(rf"\b{key}\b", what))]
        keys = [key for _, key in sorted(named) if key in entry.model_fields_set]
        yield (*loc, *(fault["loc"] or keys[:1])), what
