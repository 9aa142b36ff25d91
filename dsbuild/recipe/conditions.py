"""Conditions written without quotes: YAML takes their commas and colons for its own, and here they come back.

In `on: {where: disagree(a, b, over: 0.3), sample: 9}` YAML reads the keys `where`, `b`, `over` and `sample`, the first
with the value `disagree(a`. What belongs together ends where the parentheses are closed.
"""

from __future__ import annotations

from dataclasses import replace

from dsbuild.recipe.yaml_tree import Tree

_SECTIONS = ("annotate", "gold", "aggregate")


def with_conditions(tree: Tree) -> Tree:
    """`tree` with the condition of every `on` as one text."""
    if not isinstance(tree.data, dict):
        return tree
    sections = dict(tree.data)
    for section in _SECTIONS:
        entries = sections.get(section)
        if entries is not None and isinstance(entries.data, list):
            sections[section] = replace(entries, data=[_entry(entry) for entry in entries.data])
    return replace(tree, data=sections)


def _entry(entry: Tree) -> Tree:
    on = entry.child("on")
    if on is None or not isinstance(entry.data, dict) or not isinstance(on.data, dict) or "where" not in on.data:
        return entry
    return replace(entry, data={**entry.data, "on": _whole(on, on.data)})


def _whole(on: Tree, given: dict[str, Tree]) -> Tree:
    keys = list(given)
    place = keys.index("where")
    start = given["where"]
    text = _text(start)
    if text is None:
        return on
    after = place + 1
    while _open(text) > 0 and after < len(keys):
        more = given[keys[after]]
        if isinstance(more.data, dict | list):
            return on
        text += f", {keys[after]}" if more.data is None else f", {keys[after]}: {more.data}"
        after += 1
    kept = {key: given[key] for key in (*keys[:place], *keys[after:])}
    return replace(on, data={**kept, "where": replace(start, data=text)})


def _text(value: Tree) -> str | None:
    """The text of a condition that stands alone, `disagree(a, b, over: 0.3)` being a key with a value to YAML."""
    if isinstance(value.data, dict) and len(value.data) == 1:
        [(key, inner)] = value.data.items()
        if "(" in key and not isinstance(inner.data, dict | list):
            return f"{key}: {inner.data}"
    return value.data if isinstance(value.data, str) else None


def _open(text: str) -> int:
    """How many parentheses are open at the end; those in quotes do not count."""
    depth, quote = 0, ""
    for one in text:
        if quote:
            quote = "" if one == quote else quote
        elif one in "\"'":
            quote = one
        else:
            depth += (one == "(") - (one == ")")
    return depth
