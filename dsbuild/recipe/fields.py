"""Which keys may stand where in a recipe, from the models of its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from dsbuild.recipe import plugins
from dsbuild.recipe.merge import step_name
from dsbuild.recipe.model import Recipe
from dsbuild.recipe.yaml_tree import Tree
from schemas.errors import DsbuildError

EXTENDS = "extends"  # taken out of the file before the models see it
OWN = (".yaml", ".yml")
_NAME_OR_FILE = ("taxonomy", "shots", "from")  # what ships goes by its name, a file of one's own by its path


def fields_at(loc: Sequence[str | int], tree: Tree) -> list[str]:
    """The keys that may stand in the mapping at `loc`, in the order of their models."""
    names = [key for model in _models_at(loc, tree) for key in keys_of(model)]
    return [*names, EXTENDS] if not loc else list(dict.fromkeys(names))


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a model as a recipe writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def path_keys(model: type[BaseModel], plain: Mapping[str, Any]) -> list[str]:
    """The keys of `plain`, the values of a `model`, that hold paths.

    These are keys of type `pathlib.Path`, `path` itself, and a taxonomy or shots of one's own (also under `from`).
    """
    return [
        key
        for name, field in model.model_fields.items()
        if (key := field.alias or name) in plain
        and (name == "path" or _mentions(field.annotation, Path) or (key in _NAME_OR_FILE and _is_file(plain[key])))
    ]


def _is_file(value: object) -> bool:
    return isinstance(value, str) and value.endswith(OWN)


def entry_model(section: str, entry: Tree) -> type[BaseModel] | None:
    """The model of an entry of `build` or `annotate`; None where the entry does not say, or says it wrongly."""
    kind = entry.child("kind")
    name = step_name(entry) if section == "build" else kind.data if kind is not None else None
    if not isinstance(name, str):
        return None
    try:
        return plugins.step_class(name) if section == "build" else plugins.annotator_class(name)
    except (ValueError, DsbuildError):
        return None  # validation meets the same entry and says what is wrong with it


def _models_at(loc: Sequence[str | int], tree: Tree) -> list[type[BaseModel]]:
    models: list[type[BaseModel]] = [Recipe]
    here: Tree | None = tree
    for depth, part in enumerate(loc):
        here = here.child(part) if here is not None else None
        if depth == 1 and loc[0] in ("build", "annotate") and here is not None:
            model = entry_model(str(loc[0]), here)
            models = [] if model is None else [model]
        elif isinstance(part, str) and not (depth == 2 and loc[0] == "build"):  # there stands the step's name
            models = [inner for model in models for inner in models_below(model, part)]
    return models


def models_below(model: type[BaseModel], key: str) -> list[type[BaseModel]]:
    for name, field in model.model_fields.items():
        if key in (name, field.alias):
            return list(_models_in(field.annotation))
    return []


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _mentions(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(_mentions(inner, wanted) for inner in get_args(annotation))
