"""One entry that stands for several annotators, taken apart, and its name wherever a recipe means them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from dsbuild.recipe.model import Recipe
from schemas.config import AnnotatorConfig
from schemas.selection import Selection
from schemas.where import renamed

Groups = Mapping[str, Sequence[str]]


def groups_of(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """{name of an entry of `annotate`: the names of the annotators that it stands for}, where these are others."""
    found = {entry.name: tuple(one.name for one in entry.expanded()) for entry in recipe.annotate}
    return {name: members for name, members in found.items() if members != (name,)}


def expanded(recipe: Recipe) -> Recipe:
    """`recipe` with every annotator an entry of its own, and all that names several naming each of them."""
    groups = groups_of(recipe)
    if not groups:
        return recipe
    return recipe.model_copy(
        update={
            "annotate": tuple(_reading(one, groups) for entry in recipe.annotate for one in entry.expanded()),
            "gold": tuple(_session(entry, groups) for entry in recipe.gold),
            "aggregate": tuple(
                entry.model_copy(update={"from_": members(entry.from_, groups), "on": selection(entry.on, groups)})
                for entry in recipe.aggregate
            ),
            "gates": tuple(
                gate.model_copy(update={"from_": members(gate.from_, groups)}) if gate.from_ else gate
                for gate in recipe.gates
            ),
        }
    )


def members(names: Sequence[str], groups: Groups) -> tuple[str, ...]:
    """`names` with each that stands for several replaced by these, every one once."""
    return tuple(dict.fromkeys(one for name in names for one in groups.get(name, (name,))))


def selection(on: Selection, groups: Groups) -> Selection:
    """`on` with the names in its condition replaced."""
    condition = on.condition
    return on if condition is None else on.model_copy(update={"where": str(renamed(condition, groups))})


def naming(entry: AnnotatorConfig, name: str) -> tuple[str | int, ...]:
    """Where `entry` names one whom it reads: the key, and the place where it is a list; empty where no key does."""
    for field, told in type(entry).model_fields.items():
        value = getattr(entry, field)
        if field not in ("name", "kind", "tasks") and isinstance(value, tuple) and name in value:
            return told.alias or field, value.index(name)
        if value == name and field not in ("name", "kind"):
            return (told.alias or field,)
    return ()


def _reading(entry: AnnotatorConfig, groups: Groups) -> AnnotatorConfig:
    changed: dict[str, Any] = {"on": selection(entry.on, groups)}
    read = {name: groups[name] for name in entry.reads if name in groups}
    if read:
        # Tasks may be called as annotators are.
        fields = [name for name in type(entry).model_fields if name not in ("name", "kind", "tasks", "on")]
        changed |= {name: _replaced(getattr(entry, name), read) for name in fields}
    return entry.model_copy(update=changed)


def _replaced(value: Any, groups: Groups) -> Any:
    """`value` with the names in its lists, and those that are keys, replaced by whom they stand for."""
    if isinstance(value, BaseModel):
        return value.model_copy(
            update={name: _replaced(getattr(value, name), groups) for name in type(value).model_fields}
        )
    if isinstance(value, dict):
        return {one: _replaced(inner, groups) for name, inner in value.items() for one in groups.get(name, (name,))}
    if isinstance(value, tuple) and all(isinstance(one, str) for one in value):
        return members(value, groups)
    if isinstance(value, tuple):
        return tuple(_replaced(one, groups) for one in value)
    return value


def _session(entry: Any, groups: Groups) -> BaseModel:
    changed: dict[str, Any] = {"on": selection(entry.on, groups)}
    if entry.suggest is not None:
        changed["suggest"] = entry.suggest.model_copy(update={"from_": members(entry.suggest.from_, groups)})
    copied: BaseModel = entry.model_copy(update=changed)
    return copied
