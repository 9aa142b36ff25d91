"""dsbuild builds emotion datasets that people can trust.

The public names load what they need when they are first used, so that importing dsbuild costs nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from annotators.callable.call import annotate
    from dsbuild.api import migrate, plan, run, verify
    from schemas.crosswalk import crosswalk
    from schemas.errors import DsbuildError
    from schemas.task import Task
    from schemas.taxonomy import Taxonomy, load_taxonomy

__version__ = "0.1.0"

_ROOMS = ("schemas", "corpora", "builders", "annotators", "audits")

_PUBLIC = {
    "DsbuildError": "schemas.errors",
    "Task": "schemas.task",
    "Taxonomy": "schemas.taxonomy",
    "annotate": "annotators.callable.call",
    "crosswalk": "schemas.crosswalk",
    "load_taxonomy": "schemas.taxonomy",
    "migrate": "dsbuild.api",
    "plan": "dsbuild.api",
    "run": "dsbuild.api",
    "verify": "dsbuild.api",
}

__all__ = [
    "DsbuildError",
    "Task",
    "Taxonomy",
    "__version__",
    "annotate",
    "crosswalk",
    "load_taxonomy",
    "migrate",
    "plan",
    "run",
    "verify",
]


def _refuse_shadows() -> None:
    """Our packages have plain names, so a folder of the user's can stand in their way: say so at once."""
    home = Path(__file__).resolve().parent
    for room in _ROOMS:
        spec = importlib.util.find_spec(room)
        places = [] if spec is None else list(spec.submodule_search_locations or [spec.origin or ""])
        if not any(Path(place).resolve() == home.parent / room for place in places):
            found = Path(places[0]).resolve() if places and places[0] else None
            stands = f"found {found}" if found else "found nothing"
            raise ImportError(
                f"dsbuild needs its own package '{room}' from {home.parent / room}, but Python {stands}. "
                f"Rename your '{room}', or start Python in a folder that does not hold it."
            )


_refuse_shadows()


def __getattr__(name: str) -> Any:
    try:
        module = _PUBLIC[name]
    except KeyError:
        raise AttributeError(f"module 'dsbuild' has no attribute {name!r}") from None
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
