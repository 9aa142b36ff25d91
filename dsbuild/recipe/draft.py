"""A recipe as far as it is valid, so that its parts can be checked against each other although some are broken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from dsbuild.recipe.merge import LISTS, entry_name
from dsbuild.recipe.messages import faults_of, mistakes_of
from dsbuild.recipe.model import Corpus, Recipe, TaskEntry
from dsbuild.recipe.problems import Mistake
from dsbuild.recipe.yaml_tree import Tree


class _Partial(Recipe):
    """A recipe in which what everything else needs may be missing."""

    dataset: str = ""
    tasks: tuple[TaskEntry, ...] = ()
    corpora: tuple[Corpus, ...] = ()


@dataclass(frozen=True)
class Draft:
    """The valid parts of a recipe.

    `index[section][n]` is the place in the file of the nth entry here; `broken[section]` are the names of entries
    left out because of a mistake; in the sections of `unknown` something was left out whose name is not known.
    """

    recipe: Recipe
    index: dict[str, list[int]]
    broken: dict[str, set[str]]
    unknown: set[str]
    reduced: set[tuple[str, int]]
    """Entries, by section and place in the file, that are here without a key that is at fault."""


def validate(tree: Tree) -> tuple[Draft, list[Mistake]]:
    """What is valid in `tree`, and every mistake that shows in one entry or key alone."""
    plain = tree.plain()
    places = {section: list(range(len(plain[section]))) for section in LISTS if _is_list(plain, section)}
    try:
        return Draft(Recipe.model_validate(plain), places, {}, set(), set()), []
    except ValidationError as error:
        mistakes = mistakes_of(error, tree)
        reduced = _without_faulty_keys(plain, error)
    unknown = {section for section in LISTS if section in plain and not _is_list(plain, section)}
    unknown |= {section for section in LISTS if tree.child(section) is not None and section not in plain}
    broken: dict[str, set[str]] = {}
    try:
        return Draft(_Partial.model_validate(plain), places, broken, unknown, reduced), mistakes
    except ValidationError as error:
        faulty = {fault["loc"][:2] for fault in faults_of(error)}
    for section, *rest in faulty:
        if rest and isinstance(rest[0], int) and _is_list(plain, str(section)):
            places[str(section)].remove(rest[0])
            names = _names(str(section), tree, rest[0])
            broken.setdefault(str(section), set()).update(names)
            if not names:
                unknown.add(str(section))
        else:
            plain.pop(str(section), None)
            places.pop(str(section), None)
            unknown.add(str(section))
    for section, kept in places.items():
        plain[section] = [plain[section][place] for place in kept]
    return Draft(_Partial.model_validate(plain), places, broken, unknown, reduced), mistakes


def _without_faulty_keys(plain: dict[str, Any], error: ValidationError) -> set[tuple[str, int]]:
    """Take the keys at fault out of `plain`, not the entries they stand in: the rest of an entry can be checked.

    Returns:
        The entries that have lost a key, as (section, index).
    """
    reduced: set[tuple[str, int]] = set()
    for fault in faults_of(error):
        here: Any = plain
        last: tuple[dict[str, Any], str] | None = None
        for depth, part in enumerate(fault["loc"]):
            if isinstance(here, dict) and part in here:
                # The key of a whole section goes only where the fault is not in one of its entries.
                last = (here, str(part))
            elif not (isinstance(here, list) and isinstance(part, int) and part < len(here)):
                break
            elif depth == 1:
                last = None
            here = here[part]
        if last is not None:
            last[0].pop(last[1], None)
        if len(fault["loc"]) > 1 and isinstance(fault["loc"][1], int):
            reduced.add((str(fault["loc"][0]), fault["loc"][1]))
    return reduced


def _is_list(plain: dict[str, Any], section: Any) -> bool:
    return isinstance(plain.get(section), list)


def _names(section: str, tree: Tree, place: int) -> Iterable[str]:
    entries = tree.child(section)
    entry = entries.child(place) if entries is not None else None
    name = entry_name(section, entry) if entry is not None else None
    if entry is None or name is None:
        return ()
    perspectives = entry.child("perspective")
    if section == "tasks" and perspectives is not None and isinstance(perspectives.data, list):
        return (name, *(f"{name}_{one.data}" for one in perspectives.data))
    return (name,)
