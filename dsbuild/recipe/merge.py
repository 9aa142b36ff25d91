"""Recipes on top of recipes: what `extends` takes over from another file, and what `--set` changes.

Entries of a list are found by name: an annotator's, corpus's, session's, task's or aggregate's `name`, a step's own
name, and for a gate everything it says except its thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from dsbuild.recipe.problems import BadRecipe, Mistake, Position, quoted, suggestion
from dsbuild.recipe.yaml_tree import Tree, parse_tree

NAMED = ("tasks", "corpora", "annotate", "gold", "aggregate")
LISTS = (*NAMED, "build", "gates")
_THRESHOLDS = ("at_least", "at_most", "near")


def step_name(entry: Tree) -> str | None:
    """The step's name of an entry of `build`: a plain text, or the one key of a mapping."""
    if isinstance(entry.data, str):
        return entry.data
    if isinstance(entry.data, dict) and len(entry.data) == 1:
        return next(iter(entry.data))
    return None


def entry_name(section: str, entry: Tree) -> str | None:
    """What an entry of `section` is called, None where it has no name."""
    if section == "build":
        return step_name(entry)
    name = entry.child("metric" if section == "gates" else "name")
    return name.data if name is not None and isinstance(name.data, str) else None


def _identity(section: str, entry: Tree) -> str | None:
    if section != "gates":
        return entry_name(section, entry)
    if not isinstance(entry.data, dict):
        return None
    return repr(sorted((key, value.plain()) for key, value in entry.data.items() if key not in _THRESHOLDS))


def extend(base: Tree, top: Tree) -> Tree:
    """`top` on `base`: its keys win; lists of entries merge by name, `budget`, `release` and `data` by key.

    An entry that both have keeps its place in `base` and takes the keys that `top` gives it, each as a whole; new
    entries follow. Where a name stands twice in either list, `top`'s list replaces the other: there is no telling
    which entry was meant.
    """
    if not isinstance(base.data, dict) or not isinstance(top.data, dict):
        return top
    data, keys = dict(base.data), dict(base.keys)
    for key, value in top.data.items():
        keys[key] = top.keys[key]
        below = data.get(key)
        if below is not None and isinstance(below.data, list) and isinstance(value.data, list):
            data[key] = _extend_list(key, below, value) if key in LISTS else value
        elif below is not None and isinstance(below.data, dict) and isinstance(value.data, dict):
            data[key] = _update(below, value)
        else:
            data[key] = value
    return Tree(data, top.at, keys)


def _update(below: Tree, top: Tree) -> Tree:
    if not isinstance(below.data, dict) or not isinstance(top.data, dict):
        return top
    return Tree({**below.data, **top.data}, top.at, {**below.keys, **top.keys})


def _extend_list(section: str, below: Tree, top: Tree) -> Tree:
    assert isinstance(below.data, list)
    assert isinstance(top.data, list)
    below_names = [_identity(section, entry) for entry in below.data]
    top_names = [_identity(section, entry) for entry in top.data]
    for names in (below_names, top_names):
        known = [name for name in names if name is not None]
        if len(set(known)) != len(known):
            return top
    merged = list(below.data)
    for name, entry in zip(top_names, top.data, strict=True):
        if name is None or name not in below_names:
            merged.append(entry)
        else:
            index = below_names.index(name)
            merged[index] = entry if section == "build" else _update(merged[index], entry)
    return Tree(merged, top.at, {})


def override(tree: Tree, option: str, sections: Iterable[str], folder: Path) -> Tree:
    """`tree` with one `--set KEY=VALUE` applied; VALUE is YAML, its relative paths are relative to `folder`.

    KEY is a path of keys with dots; an entry of a list goes by its name or its index. Keys that are new are added
    (whether they exist is checked with the rest), entries are not.

    Raises:
        BadRecipe: KEY leads nowhere, or VALUE is no YAML.
    """
    address, equals, text = option.partition("=")
    # Only the key is repeated in messages: a value may be a secret, set where it does not belong.
    start = Position(f"--set {address}", folder)
    if not equals:
        raise BadRecipe([Mistake(Position("--set", folder), "", f"{quoted(option)} is not KEY=VALUE")])
    parts = address.strip().split(".")
    if not all(parts):
        raise BadRecipe([Mistake(start, "", "this key has an empty part")])
    if parts[0] not in sections:
        what = f"a recipe has no {quoted(parts[0])}; {suggestion(parts[0], sections, kind='it has')}"
        raise BadRecipe([Mistake(start, "", what)])
    return _put(tree, parts, parse_tree(text, start), parts[0], "")


def _put(tree: Tree, parts: Sequence[str], value: Tree, section: str, above: str) -> Tree:
    if not parts:
        return value
    if isinstance(tree.data, list):
        return _put_in_list(tree, parts, value, section, above)
    if isinstance(tree.data, dict):
        # A key may itself hold dots; the longest that exists is meant.
        size = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in tree.data), 1)
        key = ".".join(parts[:size])
        child = tree.data.get(key) or Tree({}, value.at, {})
        placed = _put(child, parts[size:], value, section, f"{above}.{key}" if above else key)
        return Tree({**tree.data, key: placed}, tree.at, {**tree.keys, key: value.at})
    if tree.data is None:
        return _put(replace(tree, data={}), parts, value, section, above)
    raise BadRecipe([Mistake(value.at, "", f"{above} holds {quoted(tree.data)}, which has no keys; set it as a whole")])


def _put_in_list(tree: Tree, parts: Sequence[str], value: Tree, section: str, above: str) -> Tree:
    assert isinstance(tree.data, list)
    names = [entry_name(section if above == section else "", entry) for entry in tree.data]
    size = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in names), 1)
    wanted = ".".join(parts[:size])
    if names.count(wanted) > 1:
        raise BadRecipe([Mistake(value.at, "", f"{above} has several entries {quoted(wanted)}; use an index, from 0")])
    if wanted in names:
        index = names.index(wanted)
    elif wanted.isdecimal() and int(wanted) < len(tree.data):
        index = int(wanted)
    else:
        known = [name for name in names if name is not None]
        what = f"there is no entry {quoted(wanted)} in {above}; {suggestion(wanted, known, kind='it has')}"
        raise BadRecipe([Mistake(value.at, "", what)])
    entries = list(tree.data)
    entry, rest = entries[index], parts[size:]
    if section == "build" and above == "build":
        entries[index] = _put_step(entry, rest, value)
    else:
        entries[index] = _put(entry, rest, value, section, f"{above}.{wanted}")
    return replace(tree, data=entries)


def _put_step(entry: Tree, rest: Sequence[str], value: Tree) -> Tree:
    """A step's entry with its options, or one of them, replaced; `- normalise` alone has no options yet."""
    name = step_name(entry)
    if name is None:
        return _put(entry, rest, value, "build", "build")
    options = entry.child(name) or Tree({}, entry.at, {})
    placed = _put(options, rest, value, "build", f"build.{name}")
    return Tree({name: placed}, entry.at, {name: value.at})
