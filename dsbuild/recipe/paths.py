"""Paths in a recipe: relative to the file they stand in, absolute once loaded, without a place when written down."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from annotators.label_studio.session import SessionConfig
from audits.gates import GateConfig
from dsbuild.recipe.fields import entry_model, models_below, path_keys
from dsbuild.recipe.merge import step_name
from dsbuild.recipe.model import CorpusEntry, StepEntry, TaskEntry
from dsbuild.recipe.yaml_tree import Tree

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_MODELS: dict[str, type[BaseModel]] = {
    "tasks": TaskEntry,
    "corpora": CorpusEntry,
    "gold": SessionConfig,
    "gates": GateConfig,
}


def absolute_paths(tree: Tree) -> Tree:
    """`tree` with every relative path made absolute, from the folder of the file (or `--set`) where it stands."""
    if not isinstance(tree.data, dict):
        return tree
    sections = dict(tree.data)
    if "prices" in sections:
        sections["prices"] = _absolute(sections["prices"])
    for section in (*_MODELS, "build", "annotate"):
        entries = sections.get(section)
        if entries is not None and isinstance(entries.data, list):
            sections[section] = replace(entries, data=[_absolute_entry(section, entry) for entry in entries.data])
    return replace(tree, data=sections)


def _absolute_entry(section: str, entry: Tree) -> Tree:
    model = _MODELS.get(section) or entry_model(section, entry)
    if model is None:
        return entry
    if section == "corpora":
        entry = _change(entry, "tasks", _absolute_tasks)
    if section != "build":
        return _change_all(entry, model)
    name = step_name(entry)
    return entry if name is None else _change(entry, name, lambda options: _change_all(options, model))


def _absolute_tasks(tree: Tree) -> Tree:
    if not isinstance(tree.data, list):
        return tree
    return replace(tree, data=[_change_all(task, TaskEntry) for task in tree.data])


def _change_all(tree: Tree, model: type[BaseModel]) -> Tree:
    given = tree.data
    if not isinstance(given, dict):
        return tree
    for key in path_keys(model, tree.plain()):
        tree = _change(tree, key, _absolute)
    for key, inner in given.items():
        if isinstance(inner.data, dict):
            for below in models_below(model, key):
                tree = _change(tree, key, partial(_change_all, model=below))
    return tree


def _change(tree: Tree, key: str, change: Callable[[Tree], Tree]) -> Tree:
    if not isinstance(tree.data, dict) or key not in tree.data:
        return tree
    return replace(tree, data={**tree.data, key: change(tree.data[key])})


def _absolute(tree: Tree) -> Tree:
    if isinstance(tree.data, dict):
        return replace(tree, data={key: _absolute(value) for key, value in tree.data.items()})
    if isinstance(tree.data, list):
        return replace(tree, data=[_absolute(value) for value in tree.data])
    if not isinstance(tree.data, str) or not tree.data or _URL.match(tree.data):
        return tree
    path = Path(tree.data).expanduser()
    return replace(tree, data=os.path.normpath(Path(tree.at.folder).absolute() / path))


def dump(value: BaseModel, directory: Path) -> dict[str, Any]:
    """The resolved configuration of a recipe, or of one of its entries, as JSON with every default written out.

    It does not depend on where the recipe lies: a path below `directory` (the recipe's folder) is relative to it, of
    any other only the last part stays, since content counts and not the place.
    """
    plain: dict[str, Any] = value.model_dump(mode="json", by_alias=True)
    _portable(value, plain, directory.absolute())
    return plain


def _portable(model: BaseModel, plain: dict[str, Any], directory: Path) -> None:
    """Take the places out of `plain`, which is what `model` was dumped to."""
    if isinstance(model, StepEntry):
        return _portable(model.step, plain[model.name], directory)
    keys = path_keys(type(model), plain)
    for name, field in type(model).model_fields.items():
        key = field.alias or name
        inner = getattr(model, name)
        if key in keys:
            plain[key] = _without_place(plain[key], directory)
        elif isinstance(inner, BaseModel):
            _portable(inner, plain[key], directory)
        elif isinstance(inner, tuple) and isinstance(plain[key], list):
            for one, dumped in zip(inner, plain[key], strict=True):
                if isinstance(one, BaseModel):
                    _portable(one, dumped, directory)
    return None


def _without_place(value: Any, directory: Path) -> Any:
    if isinstance(value, dict):
        return {key: _without_place(one, directory) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_place(one, directory) for one in value]
    if not isinstance(value, str) or _URL.match(value):
        return value
    path = Path(value)
    if not path.is_absolute():
        return path.as_posix()
    return path.relative_to(directory).as_posix() if path.is_relative_to(directory) else path.name
