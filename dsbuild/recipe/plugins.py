"""Steps and annotators by the name a recipe gives them: entry points, ours and a stranger's alike."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from pydantic import BaseModel

from dsbuild.recipe.problems import quoted, suggestion
from schemas.config import AnnotatorConfig
from schemas.errors import DsbuildError

STEPS = "dsbuild.steps"
ANNOTATORS = "dsbuild.annotators"


def names(group: str) -> list[str]:
    """The names that installed packages register in an entry point group, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def step_class(name: str) -> type[BaseModel]:
    """The class of the step `name`: a pydantic model of its options with a class method `from_recipe(value)`.

    Raises:
        ValueError: there is no such step; the message suggests one.
        DsbuildError: a package that registers it is broken, or two packages do.
    """
    loaded = _load(STEPS, name)
    if not (isinstance(loaded, type) and issubclass(loaded, BaseModel) and callable(getattr(loaded, "from_recipe", 0))):
        raise _broken(STEPS, name, "it is no pydantic model with a class method from_recipe")
    return loaded


def annotator_class(kind: str) -> type[AnnotatorConfig]:
    """The configuration class of annotators of `kind`.

    Raises:
        ValueError: there is no such kind; the message suggests one.
        DsbuildError: a package that registers it is broken, or two packages do.
    """
    loaded = _load(ANNOTATORS, kind)
    if not (isinstance(loaded, type) and issubclass(loaded, AnnotatorConfig)):
        raise _broken(ANNOTATORS, kind, "it is no schemas.config.AnnotatorConfig")
    return loaded


@cache
def _points(group: str, name: str) -> tuple[EntryPoint, ...]:
    # One package may be seen twice (an editable install beside its own metadata); that is no conflict.
    return tuple({point.value: point for point in entry_points(group=group, name=name)}.values())


def _load(group: str, name: str) -> object:
    points = _points(group, name)
    if not points:
        word = "step" if group == STEPS else "kind of annotator"
        raise ValueError(f"there is no {word} {quoted(name)}; {suggestion(name, names(group), kind='there are')}")
    if len(points) > 1:
        packages = " and ".join(sorted(point.value for point in points))
        raise _broken(group, name, f"several packages register it: {packages}")
    try:
        return points[0].load()
    except (ImportError, AttributeError) as error:
        raise _broken(group, name, f"{points[0].value} cannot be loaded: {error}") from error


def _broken(group: str, name: str, why: str) -> DsbuildError:
    fix = "Update or uninstall the package that registers it."
    return DsbuildError(f"The entry point {quoted(name)} of {group} cannot be used: {why}.", fix=fix)
