"""Reading a plain-text answer, the last resort for a server that has no structured output.

Two things are forgiven, and only where they leave one reading:

- JSON that a person would have written: single or typographic quotes, a comma too many, keys and labels without
  quotes, `None` and `True`. A label that stands unquoted ends at the next comma or bracket.
- no JSON at all, where the one task asks for a label, labels or a number: the answer is nothing but that ("joy",
  "**Joy.**", "joy, fear", "4"), or it says so on a line of its own ("Label: joy", "The emotion is joy."). Lines that
  say different things, a label inside a sentence, a negation, and an answer that names every label there is, say
  nothing that can be used.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from schemas.kinds import kind_of

if TYPE_CHECKING:
    from schemas.task import Task

_QUOTES: Final = {'"': '"', "'": "'", "“": "”", "‘": "’", "„": "“", "«": "»"}
_WORDS: Final[dict[str, Any]] = {"null": None, "None": None, "true": True, "True": True, "false": False, "False": False}
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?=\s*[,}\]]|\s*$)")
_BARE = re.compile(r"[^\s\"'“”‘’„«»,:{}\[\]][^\"“”„«»,:{}\[\]\n]*")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
# "Label: joy", "Final answer = joy", "The emotion is joy"; Markdown's marks around them do not matter.
_NAMES: Final = "final answer|answer|label|labels|emotion|emotions|sentiment|category|class|value|score|rating"
_DECORATION: Final = " \t*_`#>~•\"'“”‘’"
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")


def loose_object(text: str, start: int) -> tuple[dict[str, Any], int]:
    """The object that begins at `start`, written as a person would, and where it ends.

    Raises:
        ValueError: it is not even that, or a key stands in it twice.
    """
    value, end = _Loose(text).value(start, 0)
    if not isinstance(value, dict):
        raise ValueError("the answer is not a JSON object")
    return value, end


class _Loose:
    def __init__(self, text: str) -> None:
        self._text = text

    def value(self, at: int, depth: int) -> tuple[Any, int]:
        at = self._skip(at)
        first = self._text[at : at + 1]
        if depth > 50:
            raise ValueError("the JSON is nested too deeply")
        if first == "{":
            return self._object(at + 1, depth)
        if first == "[":
            return self._array(at + 1, depth)
        if first in _QUOTES:
            return self._string(at)
        if (number := _NUMBER.match(self._text, at)) is not None:
            said = number[0]
            return (int(said) if said.lstrip("-").isdigit() else float(said)), number.end()
        if (bare := _BARE.match(self._text, at)) is not None:
            word = bare[0].rstrip()
            return _WORDS.get(word, word), at + len(word)
        raise ValueError(f"the JSON is broken at character {at}")

    def _object(self, at: int, depth: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        while True:
            at = self._skip(at)
            if self._text[at : at + 1] == "}":
                return found, at + 1
            key, at = self.value(at, depth + 1)
            at = self._skip(at)
            if not isinstance(key, str) or self._text[at : at + 1] != ":":
                raise ValueError(f"the JSON is broken at character {at}")
            if key in found:
                raise ValueError("a key stands in the JSON object twice")
            found[key], at = self.value(at + 1, depth + 1)
            at = self._comma(at, "}")

    def _array(self, at: int, depth: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        while True:
            at = self._skip(at)
            if self._text[at : at + 1] == "]":
                return found, at + 1
            one, at = self.value(at, depth + 1)
            found.append(one)
            at = self._comma(at, "]")

    def _comma(self, at: int, close: str) -> int:
        at = self._skip(at)
        if self._text[at : at + 1] == ",":
            return at + 1
        if self._text[at : at + 1] == close:
            return at
        raise ValueError(f"the JSON is broken at character {at}")

    def _string(self, at: int) -> tuple[str, int]:
        close = _QUOTES[self._text[at]]
        said: list[str] = []
        at += 1
        while at < len(self._text):
            char = self._text[at]
            if char == close:
                # An apostrophe inside single quotes would end the string too early: then a letter follows.
                if not re.match(r"\s*(?:[,:}\]]|$)", self._text[at + 1 :]):
                    raise ValueError(f"the JSON is broken: a quote inside a string at character {at}")
                return "".join(said), at + 1
            if char == "\\":
                char, at = self._escape(at)
            said.append(char)
            at += 1
        raise ValueError("the JSON is broken: a string does not end")

    def _escape(self, at: int) -> tuple[str, int]:
        letter = self._text[at + 1 : at + 2]
        if letter == "u":
            digits = self._text[at + 2 : at + 6]
            if not re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                raise ValueError(f"the JSON is broken: an escape without its four digits at character {at}")
            return chr(int(digits, 16)), at + 5
        return _ESCAPES.get(letter, letter), at + 1

    def _skip(self, at: int) -> int:
        while at < len(self._text) and self._text[at].isspace():
            at += 1
        return at


def bare_answer(text: str, task: Task) -> dict[str, Any]:
    """What `text`, which holds no object, says about `task`, in the form of its JSON Schema.

    Raises:
        ValueError: nothing, or nothing that can only mean one thing.
    """
    if task.kind not in ("choice", "multi", "scale"):
        raise ValueError("there is no JSON object in the answer")
    key = kind_of(task).key
    text = re.sub(r"^\s*```\w*\s*\n(.*?)\n?\s*```\s*$", r"\1", text, flags=re.DOTALL)
    whole = _meant(text, task)
    if whole is not _NOTHING:
        return {key: whole}
    own = {task.name.replace("_", " "), task.name} | {task.name.rpartition("_")[2]}
    names = "|".join([_NAMES, *map(re.escape, sorted(own))])
    says = re.compile(rf"(?:the\s+|my\s+|task\s+)?\"?(?:{names})\"?[*_`]*\s*(?:[:=]|\bis\b|\bwould be\b)(.+)", re.I)
    found: list[Any] = []
    for line in text.splitlines():
        match = says.fullmatch(_BULLET.sub("", line).strip(_DECORATION))
        if match is not None:
            meant = _meant(match[1], task)
            if meant is _NOTHING:
                raise ValueError(f'"{line.strip()[:80]}" is no answer that can mean only one thing')
            if meant not in found:
                found.append(meant)
    if len(found) != 1:
        raise ValueError(
            "there is no JSON object in the answer" + (", and it says different things" if len(found) > 1 else "")
        )
    return {key: found[0]}


_NOTHING: Final = object()


def _meant(words: str, task: Task) -> Any:
    """What `words`, and nothing else, say: a label, a list of labels or a number; `_NOTHING` where they do not."""
    said = _plain(words)
    if task.kind == "scale":
        return float(said) if re.fullmatch(r"[+-]?\d+(\.\d+)?", said) else _level(said, task)
    if task.taxonomy is None:
        return _NOTHING
    one = task.taxonomy.resolve(said) if _wordy(said) else None
    if task.kind == "choice":
        return _NOTHING if one is None else one
    parts = [one] if one is not None else _listed(words, task)
    return _NOTHING if not parts or len(set(parts)) == len(task.label_ids) else parts


def _level(said: str, task: Task) -> Any:
    return said if said.casefold() in {level.casefold() for level in task.levels} else _NOTHING


def _listed(words: str, task: Task) -> list[str]:
    """The labels of a list ("joy, fear and anger", one on each line), empty unless every entry is one."""
    assert task.taxonomy is not None
    body = words.strip().strip(".").removeprefix("[").removesuffix("]")
    entries = [_plain(part) for part in re.split(r",|;|\n|\s+and\s+|&", body)]
    found = [task.taxonomy.resolve(entry) for entry in entries if entry]
    return [] if None in found or not all(map(_wordy, filter(None, entries))) else [one for one in found if one]


def _plain(words: str) -> str:
    return _BULLET.sub("", words).strip(_DECORATION).rstrip(".!").strip(_DECORATION)


def _wordy(said: str) -> bool:
    # A released code such as 3 stands for a label in a file; in prose a number may be anything.
    return any(char.isalpha() for char in said)
