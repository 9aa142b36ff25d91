"""Where in a JSON text each value stands: what tells which tokens spell it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]  # in the library since 2.x, without a type
from typing import Any

Path = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def places(text: str, at: int) -> Iterator[tuple[Path, Any, int, int]]:
    """(path, value, first character, character after the last) of every value that holds no other, in order.

    `text` holds valid JSON at `at`. Of a string it is what stands between the quotes, of an empty list or object its
    brackets.
    """
    yield from _places(text, _BLANK.match(text, at).end(), ())[0]  # type: ignore[union-attr]  # matches anywhere


def _places(text: str, at: int, path: Path) -> tuple[list[tuple[Path, Any, int, int]], int]:
    found: list[tuple[Path, Any, int, int]] = []
    if text[at] == '"':
        value, end = scanstring(text, at + 1, False)
        return [(path, value, at + 1, end - 1)], end
    if text[at] not in "{[":
        value, end = _DECODER.raw_decode(text, at)
        return [(path, value, at, end)], end
    opened, close, number = at, "}" if text[at] == "{" else "]", 0
    at = _skip(text, at + 1)
    if text[at] == close:
        return [(path, {} if close == "}" else [], opened, at + 1)], at + 1
    while True:
        name: str | int = number
        if close == "}":
            name, at = scanstring(text, at + 1, False)
            at = _skip(text, _skip(text, at) + 1)
        inside, at = _places(text, at, (*path, name))
        found += inside
        at = _skip(text, at)
        if text[at] == close:
            return found, at + 1
        at, number = _skip(text, at + 1), number + 1


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    assert match is not None
    return match.end()
