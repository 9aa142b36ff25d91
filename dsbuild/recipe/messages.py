"""What pydantic found wrong, in the words of someone who wrote the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from dsbuild.recipe.fields import fields_at
from dsbuild.recipe.later import later_key
from dsbuild.recipe.merge import step_name
from dsbuild.recipe.model import MISTAKE
from dsbuild.recipe.problems import Mistake, did_you_mean, key_path, quoted, suggestion
from dsbuild.recipe.yaml_tree import Tree, locate

Loc = tuple[str | int, ...]
Fault = dict[str, Any]

# What was wanted, by the first word of pydantic's error types (string_type, int_parsing, ...).
_WANTED = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "keys with values",
    "mapping": "keys with values",
    "model": "keys with values",
    "model_attributes": "keys with values",
    "none": "nothing",
    "path": "a path",
}
_WRONG_TYPE = re.compile(r"(\w+?)_(type|parsing|from_float|required)")
_BOUNDS = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_short": "a text of at least {min_length} characters",
    "string_too_long": "a text of at most {max_length} characters",
    "finite_number": "a finite number",
}
_PATTERNS = {
    "name": "a name: letters, digits, _ . and -, the first a letter or a digit",
    "task": "a name: letters, digits, _ . and -, the first a letter or a digit",
    "dataset": "lower-case letters, digits, _ . and -, the first a letter or a digit",
    "version": '"auto" or a version like "1.0.0"',
    "repo": "a repository like user/name",
    "api_key_env": "the name of an environment variable, in capital letters, and never the key itself",
}
_MISSING = "this key is missing"
_MISSPELT = "unknown key; did you mean {}?"
_SECRET = re.compile(r"key|token|secret|password|credential", re.IGNORECASE)
_QUOTED = re.compile(r"'([^']*)'")


def mistakes_of(error: ValidationError, tree: Tree) -> list[Mistake]:
    """Every fault of validating the plain value of `tree`, with its place.

    Where all branches of a union failed, the one that was meant speaks; if none was, all of them in one sentence.
    """
    found: list[Mistake] = []
    unions: dict[Loc, dict[str | int, list[Fault]]] = {}
    for fault in faults_of(error):
        one: Fault = {**fault, "loc": _in_step(fault["loc"], fault["type"], tree)}
        prefix, branch = _branch(one, tree)
        if branch is None:
            found.append(_mistake(one, tree))
        else:
            unions.setdefault(prefix, {}).setdefault(branch, []).append(one)
    for prefix, branches in unions.items():
        found.extend(_mistake(fault, tree) for fault in _meant(prefix, branches, tree))
    return [one for one in found if not _is_misspelt(one, found)]


def faults_of(error: ValidationError) -> list[Fault]:
    """The faults of pydantic's error. A list is not called too short only because its entries are at fault."""
    faults: list[Fault] = [dict(fault) for fault in error.errors(include_url=False)]
    longer = {one["loc"][:size] for one in faults for size in range(len(one["loc"]))}
    return [one for one in faults if one["type"] != "too_short" or one["loc"] not in longer]


def _is_misspelt(mistake: Mistake, others: Sequence[Mistake]) -> bool:
    """Whether a missing key is what another mistake, an unknown key beside it, was meant to be."""
    above, _, key = mistake.key.rpartition(".")
    return mistake.what == _MISSING and any(
        other.key.rpartition(".")[0] == above and other.what == _MISSPELT.format(quoted(key)) for other in others
    )


def _in_step(loc: Loc, kind: str, tree: Tree) -> Loc:
    """A step's options stand below its name, which its own faults do not mention."""
    if loc[:1] != ("build",) or len(loc) < 3:
        return loc
    section = tree.child("build")
    entry = section.child(loc[1]) if section is not None else None
    name = step_name(entry) if entry is not None else None
    if name is None or (len(loc) == 3 and loc[2] == name and kind == MISTAKE):
        return loc
    return (*loc[:2], name, *loc[2:])


def _branch(fault: Fault, tree: Tree) -> tuple[Loc, str | int | None]:
    """Of a fault in a union the location of the union and the branch; else its location and null.

    A branch is a part of the location that the file does not have and that is not the key found missing.
    """
    loc: Loc = fault["loc"]
    here = tree
    for size, part in enumerate(loc):
        child = here.child(part)
        if child is None:
            is_key = fault["type"] in (MISTAKE, "missing") and size == len(loc) - 1
            return (loc, None) if is_key else (loc[:size], part)
        here = child
    return loc, None


def _meant(prefix: Loc, branches: dict[str | int, list[Fault]], tree: Tree) -> list[Fault]:
    def deeper(faults: list[Fault]) -> bool:
        return any(len(locate(tree, one["loc"])[1]) > len(prefix) or one["type"] == "missing" for one in faults)

    def fits(faults: list[Fault]) -> bool:
        return not any(_WRONG_TYPE.fullmatch(one["type"]) for one in faults)

    for is_meant in (deeper, fits):
        meant = [faults for faults in branches.values() if is_meant(faults)]
        if meant:
            return min(meant, key=len)
    faults = [faults[0] for faults in branches.values()]
    if len(faults) == 1:
        return faults
    wanted = " or ".join(dict.fromkeys(_wanted(one["type"]) for one in faults))
    return [{**faults[0], "loc": prefix, "wanted": wanted}]


def _wanted(kind: str) -> str:
    match = _WRONG_TYPE.fullmatch(kind)
    return _WANTED.get(match[1], match[1]) if match else "something else"


def _mistake(fault: Fault, tree: Tree) -> Mistake:
    kind: str = fault["type"]
    at, found = locate(tree, fault["loc"], key=kind == "extra_forbidden")
    # A key that is missing is part of what is said, though not of the file.
    absent = kind in (MISTAKE, "missing") and fault["loc"] and fault["loc"][-1:] != found[-1:]
    loc: Loc = (*found, fault["loc"][-1]) if absent else found
    known = fields_at(loc[:-1], tree) if kind == "extra_forbidden" else []
    return Mistake(at, key_path(loc), say(fault, loc, known, _keys_at(tree, loc[:-1])))


def say(fault: Fault, loc: Loc, known: Sequence[str] = (), used: Sequence[str] = ()) -> str:
    """A fault of pydantic's in one phrase. `known` keys may stand where `loc` does, `used` ones do."""
    kind: str = fault["type"]
    context: dict[str, Any] = fault.get("ctx", {})
    if kind == "missing":
        return _MISSING
    if kind == "extra_forbidden":
        return later_key(loc) or _unknown_key(str(loc[-1]), known, used)
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", fault["msg"]))
    if kind == MISTAKE:
        return str(fault["msg"])
    if kind == "literal_error":
        return _not_one_of(fault["input"], context["expected"], loc)
    if kind in _BOUNDS:
        return f"wanted {_BOUNDS[kind].format(**context)}, not {_shown(fault['input'], loc)}"
    if kind == "string_pattern_mismatch":
        last = next((part for part in reversed(loc) if isinstance(part, str)), "")
        form = _PATTERNS.get(last, f"a text that fits {context['pattern']}")
        return f"wanted {form}; not {_shown(fault['input'], loc)}"
    if _WRONG_TYPE.fullmatch(kind):
        wanted = fault.get("wanted") or _wanted(kind)
        given = fault["input"]
        hint = ""
        if wanted == "a text" and isinstance(given, bool | int | float):
            hint = "; put it into quotes"
        return f"wanted {wanted}, not {_shown(given, loc)}{hint}"
    message: str = fault["msg"]
    return message[:1].lower() + message[1:]


def _unknown_key(word: str, known: Sequence[str], used: Sequence[str]) -> str:
    # A key that is there already can hardly be what a second one was meant to be.
    near = did_you_mean(word, [key for key in known if key not in used]) or did_you_mean(word, known)
    if near is not None:
        return _MISSPELT.format(quoted(near))
    return f"unknown key; known here: {', '.join(known)}" if known else "unknown key"


def _keys_at(tree: Tree, loc: Loc) -> list[str]:
    here = tree
    for part in loc:
        here = here.child(part) or here
    return list(here.data) if isinstance(here.data, dict) else []


def _not_one_of(given: object, expected: str, loc: Loc) -> str:
    allowed = _QUOTED.findall(expected)
    if not isinstance(given, str):
        return f"wanted one of {', '.join(allowed) or expected}, not {_shown(given, loc)}"
    return f"{_shown(given, loc)} is not one of them; {suggestion(given, allowed, kind='there are')}"


def _shown(value: object, loc: Sequence[str | int]) -> str:
    """A value as a message repeats it; never one that stands where a secret might be."""
    if any(isinstance(part, str) and _SECRET.search(part) for part in loc):
        return "what stands here"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list | tuple):
        return "an empty list" if not value else "a list"
    return quoted(value) if isinstance(value, str) else str(value)
