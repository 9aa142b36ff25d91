"""The shared emotion schema: tables, tasks, taxonomies and TONE, and what every room needs to speak to the others.

The public names load what they need when they are first used, so that importing schemas costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.errors import DsbuildError, GateFailed, RecipeError, WaitingForPeople
    from schemas.task import Answer, Task
    from schemas.taxonomy import Label, Taxonomy, load_taxonomy

_PUBLIC = {
    "Answer": "schemas.task",
    "DsbuildError": "schemas.errors",
    "GateFailed": "schemas.errors",
    "Label": "schemas.taxonomy",
    "RecipeError": "schemas.errors",
    "Task": "schemas.task",
    "Taxonomy": "schemas.taxonomy",
    "WaitingForPeople": "schemas.errors",
    "load_taxonomy": "schemas.taxonomy",
}

__all__ = [
    "Answer",
    "DsbuildError",
    "GateFailed",
    "Label",
    "RecipeError",
    "Task",
    "Taxonomy",
    "WaitingForPeople",
    "load_taxonomy",
]


def __getattr__(name: str) -> Any:
    try:
        module = _PUBLIC[name]
    except KeyError:
        raise AttributeError(f"module 'schemas' has no attribute {name!r}") from None
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
