"""A recipe file read, merged with what it extends and with `--set`, and checked as a whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsbuild.recipe.checks import check
from dsbuild.recipe.conditions import with_conditions
from dsbuild.recipe.defaults import with_defaults
from dsbuild.recipe.draft import validate
from dsbuild.recipe.fields import EXTENDS, keys_of
from dsbuild.recipe.merge import extend, override
from dsbuild.recipe.model import Recipe
from dsbuild.recipe.paths import absolute_paths
from dsbuild.recipe.problems import BadRecipe, Mistake, quoted
from dsbuild.recipe.yaml_tree import Tree, read_tree

MAX_CHAIN = 20  # recipes that extend one another


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe that has passed every check, the file it comes from and that file's text as it stands.

    `directory` is the absolute folder of the file; `files` are all files that were read, the recipe itself first.
    Paths within `recipe` are absolute (see `dump` for a form that does not depend on the place).
    """

    recipe: Recipe
    path: Path
    text: str
    directory: Path
    files: tuple[Path, ...]


@dataclass(frozen=True)
class _File:
    path: Path
    shown: str
    text: str


def load(path: str | Path, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """The recipe in the file `path`, with `overrides` (`KEY=VALUE`, as `--set` takes them) applied in their order.

    Raises:
        BadRecipe: something is wrong; all mistakes are told at once, each with file, line and column.
    """
    files: list[_File] = []
    tree = _read(Path(path), str(path), files, ())
    mistakes: list[Mistake] = []
    for option in overrides:
        try:
            tree = override(tree, option, keys_of(Recipe), Path.cwd())
        except BadRecipe as error:
            mistakes.extend(error.mistakes)
    tree = with_conditions(absolute_paths(tree))
    draft, found = validate(tree)
    directory = Path(path).absolute().parent
    sources, between = check(draft, tree, directory)
    mistakes += found
    told = {(one.at, one.key) for one in mistakes}
    mistakes += [one for one in between if (one.at, one.key) not in told]
    if mistakes:
        order = {file.shown: place for place, file in enumerate(files)}
        raise BadRecipe(sorted(mistakes, key=lambda one: _place(one, order)))
    return LoadedRecipe(
        recipe=with_defaults(draft.recipe, sources),
        path=Path(path),
        text=files[0].text,
        directory=directory,
        files=tuple(file.path for file in files),
    )


def _place(mistake: Mistake, order: dict[str, int]) -> tuple[int, int, int]:
    at = mistake.at
    return order.get(at.source, len(order)), at.line or 0, at.column or 0


def _read(path: Path, shown: str, files: list[_File], chain: tuple[Path, ...]) -> Tree:
    """The tree of a file on top of those it extends; `chain` are the files that led to it."""
    tree, text = read_tree(path, shown)
    files.append(_File(path, shown, text))
    if not isinstance(tree.data, dict):
        what = "the file is empty" if tree.data is None else "a recipe is keys with values"
        raise BadRecipe([Mistake(tree.at, "", f"{what}; it needs at least dataset, tasks and corpora")])
    base = tree.data.get(EXTENDS)
    if base is None:
        return tree
    rest = replace(tree, data={key: value for key, value in tree.data.items() if key != EXTENDS})
    if not isinstance(base.data, str) or not base.data:
        raise BadRecipe([Mistake(base.at, EXTENDS, "wanted the path of another recipe")])
    below = path.parent / base.data
    below_shown = os.path.normpath(Path(shown).parent / base.data)
    seen = (*chain, path.resolve())
    if below.resolve() in seen:
        raise BadRecipe([Mistake(base.at, EXTENDS, f"{quoted(base.data)} extends this file in turn")])
    if len(seen) > MAX_CHAIN:
        raise BadRecipe([Mistake(base.at, EXTENDS, f"more than {MAX_CHAIN} recipes extend one another")])
    try:
        return extend(_read(below, below_shown, files, seen), rest)
    except BadRecipe as error:
        [*others] = error.mistakes
        if len(others) == 1 and others[0].at.line is None and others[0].at.source == below_shown:
            # The file itself is at fault (there is none, or it is a folder), so the place is where it is named.
            what = f"{below_shown}: {others[0].what}"
            raise BadRecipe([Mistake(base.at, EXTENDS, what)]) from error
        raise
