"""The little language of `on: {where: ...}`: which items, by what annotators say about them.

    disagree(gpt, llama) and not missing(gpt)
    disagree(gpt, llama, over: 0.3) or uncertain(gpt, below: 0.6)

- `disagree(A, B, ...)`: the answers differ, by the task's own distance on average over their pairs, by more than `over`
  (default: 0). One name is enough where it stands for several annotators, such as a corpus's.
- `uncertain(A, ...)`: the least sure of them has a confidence below `below` (default: 1, any doubt at all).
- `missing(A, ...)`: one of them has no answer.
- `task: NAME` in any of them: on that task only; default: the tasks of the entry that asks. `over=0.3` is `over: 0.3`.

`and` binds closer than `or`, `not` closest. Every condition has a strength from 0 to 1 beside its truth, by which a
budget takes the strongest first: `and` has the smaller, `or` the larger one, `not` what is missing to 1 (Zadeh, 1965,
"Fuzzy sets", Information and Control 8). What an item's strength is computed from stands in `audits.routing`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

Word = Literal["disagree", "uncertain", "missing"]
OPTIONS: dict[str, tuple[str, ...]] = {
    "disagree": ("over", "task"),
    "uncertain": ("below", "task"),
    "missing": ("task",),
}
_TOKEN = re.compile(
    r"\s*(?:(?P<punctuation>[():,=])|(?P<text>\"[^\"]*\"|'[^']*')|(?P<word>[A-Za-z0-9](?:[\w.-]|:(?=\w))*))"
)
_NUMBER = re.compile(r"\d+(\.\d+)?")
_OPTION = re.compile(r"(over|below|task):(?=.)")  # `over:0.3`, written without a blank, is no name
_RESERVED = ("and", "or", "not")
_DEEPEST = 50
_MOST = 2000  # characters; nobody writes more


def _quoted(name: str) -> str:
    """A name as a condition writes it: in quotes where it would not be read as one word."""
    token = _TOKEN.fullmatch(name)
    plain = token is not None and token.lastgroup == "word" and _OPTION.match(name) is None
    return name if plain else f"'{name}'" if '"' in name else f'"{name}"'


@dataclass(frozen=True)
class Call:
    """One question about `names` (annotators, corpora, ...); `bound` is `over` or `below`."""

    word: Word
    names: tuple[str, ...]
    bound: float | None = None
    task: str | None = None

    def __str__(self) -> str:
        more = [] if self.bound is None else [f"{OPTIONS[self.word][0]}: {self.bound:g}"]
        more += [] if self.task is None else [f"task: {self.task}"]
        return f"{self.word}({', '.join([*(_quoted(name) for name in self.names), *more])})"


@dataclass(frozen=True)
class Not:
    """What `of` is not."""

    of: Condition

    def __str__(self) -> str:
        return f"not {_inner(self.of, Call, Not)}"


@dataclass(frozen=True)
class All:
    """All of several conditions."""

    of: tuple[Condition, ...]

    def __str__(self) -> str:
        return " and ".join(_inner(one, Call, Not) for one in self.of)


@dataclass(frozen=True)
class Some:
    """At least one of several conditions."""

    of: tuple[Condition, ...]

    def __str__(self) -> str:
        return " or ".join(_inner(one, Call, Not, All) for one in self.of)


Condition = Call | Not | All | Some


def _inner(one: Condition, *bare: type) -> str:
    return str(one) if isinstance(one, bare) else f"({one})"


class WhereError(ValueError):
    """A condition that cannot be read; the message shows the place."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def pointed(text: str, start: int, end: int) -> str:
    """`text` with the place between `start` and `end` marked, in one line."""
    here = text[start:end] or "end"
    before = text[:start] if len(text[:start]) <= 60 else f"...{text[start - 57 : start]}"
    after = text[end:] if len(text[end:]) <= 40 else f"{text[end : end + 37]}..."
    return f"{before}>>>{here}<<<{after}"


@lru_cache(maxsize=256)
def parse(text: str) -> Condition:
    """The condition that `text` says.

    Raises:
        WhereError: it says none; what was wanted, and where.
    """
    if len(text) > _MOST:
        raise WhereError(f"a condition has at most {_MOST} characters, this one has {len(text)}")
    return _Parser(text).condition()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._tokens())
        self.place = 0
        self.depth = 0

    def _tokens(self) -> Iterator[_Token]:
        at = 0
        while self.text[at:].strip():
            found = _TOKEN.match(self.text, at)
            if found is None:
                start = at + len(self.text[at:]) - len(self.text[at:].lstrip())
                raise WhereError(f"this character means nothing here: {pointed(self.text, start, start + 1)}")
            kind = str(found.lastgroup)
            value, start = found[kind], found.start(kind)
            at = found.end()
            if kind == "word" and (option := _OPTION.match(value)) is not None:
                at = start + option.end()
                yield _Token("word", option[1], start, at - 1)
                yield _Token("punctuation", ":", at - 1, at)
            elif kind == "text":
                yield _Token("name", value[1:-1], start, at)
            else:
                yield _Token(kind, value, start, at)

    def wrong(self, what: str, token: _Token | None) -> WhereError:
        size = len(self.text)
        start, end = (size, size) if token is None else (token.start, token.end)
        return WhereError(f"{what}: {pointed(self.text, start, end)}")

    def peek(self) -> _Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self, *texts: str) -> bool:
        token = self.peek()
        if token is None or token.kind == "name" or token.text not in texts:
            return False
        self.place += 1
        return True

    def condition(self) -> Condition:
        found = self.some()
        if self.peek() is not None:
            raise self.wrong("wanted and, or, or nothing more", self.peek())
        return found

    def some(self) -> Condition:
        parts = [self.all()]
        while self.take("or"):
            parts.append(self.all())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def all(self) -> Condition:
        parts = [self.one()]
        while self.take("and"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def one(self) -> Condition:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.wrong("nested too deeply", self.peek())
        found: Condition
        if self.take("not"):
            found = Not(self.one())
        elif self.take("("):
            found = self.some()
            if not self.take(")"):
                raise self.wrong("wanted )", self.peek())
        else:
            found = self.call()
        self.depth -= 1
        return found

    def call(self) -> Call:
        from difflib import get_close_matches

        token = self.peek()
        if token is None or token.kind != "word" or token.text in _RESERVED:
            raise self.wrong(f"wanted {', '.join(OPTIONS)}, not or (", token)
        if token.text not in OPTIONS:
            near = get_close_matches(token.text, list(OPTIONS), n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(OPTIONS)}"
            raise self.wrong(f"there is no such question, {hint}", token)
        self.place += 1
        if not self.take("("):
            raise self.wrong(f"wanted ( and whom {token.text} asks about", self.peek())
        names, options = self.arguments(token.text)
        if not names:
            raise self.wrong(f"{token.text} needs the name of an annotator", self.tokens[self.place - 1])
        bound = next((float(value) for key, value in options.items() if key != "task"), None)
        word: Word = token.text  # type: ignore[assignment]  # one of the keys of OPTIONS
        return Call(word, tuple(dict.fromkeys(names)), bound, options.get("task"))

    def arguments(self, word: str) -> tuple[list[str], dict[str, str]]:
        names: list[str] = []
        options: dict[str, str] = {}
        while not self.take(")"):
            token = self.peek()
            if token is None or token.kind == "punctuation":
                raise self.wrong("wanted a name or )", token)
            self.place += 1
            if self.take(":", "="):
                options |= self.option(word, token, options)
            elif options:
                raise self.wrong("names come before options", token)
            else:
                names.append(token.text)
            if not self.take(",") and (self.peek() is None or self.peek().text != ")"):  # type: ignore[union-attr]
                raise self.wrong("wanted , or )", self.peek())
        return names, options

    def option(self, word: str, key: _Token, before: Mapping[str, str]) -> dict[str, str]:
        if key.text not in OPTIONS[word]:
            raise self.wrong(f"{word} has no such option, it has {', '.join(OPTIONS[word])}", key)
        if key.text in before:
            raise self.wrong("this option stands here twice", key)
        value = self.peek()
        if value is None or value.kind == "punctuation":
            raise self.wrong(f"wanted a value of {key.text}", value)
        if key.text != "task" and not (_NUMBER.fullmatch(value.text) and 0 <= float(value.text) <= 1):
            raise self.wrong(f"{key.text} is a number from 0 to 1", value)
        self.place += 1
        return {key.text: value.text}


def calls(condition: Condition) -> Iterator[Call]:
    """All questions in a condition, from left to right."""
    if isinstance(condition, Call):
        yield condition
    elif isinstance(condition, Not):
        yield from calls(condition.of)
    else:
        for one in condition.of:
            yield from calls(one)


def names_in(condition: Condition) -> tuple[str, ...]:
    """The names that a condition asks about, each once."""
    return tuple(dict.fromkeys(name for call in calls(condition) for name in call.names))


def renamed(condition: Condition, names: Mapping[str, Sequence[str]]) -> Condition:
    """The condition with names that stand for several replaced by these."""
    if isinstance(condition, Call):
        return replace(condition, names=tuple(one for name in condition.names for one in names.get(name, (name,))))
    if isinstance(condition, Not):
        return Not(renamed(condition.of, names))
    return replace(condition, of=tuple(renamed(one, names) for one in condition.of))
