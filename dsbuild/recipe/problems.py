"""What is wrong with a recipe: places, mistakes, and the one error that tells them all."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.errors import RecipeError

_SHOWN = 60  # characters of a value that a message repeats
# What stands before the host of a URL may be a password; a message may quote the URL as a path, with one slash.
_USER_IN_URL = re.compile(r"(?<=:/)/?[^/\s@\"]+@")


@dataclass(frozen=True)
class Position:
    """Where something stands: a file with line and column (both from 1), or a `--set` option without them.

    `folder` is what relative paths that stand there are relative to.
    """

    source: str
    folder: Path
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong: where, in which key (`annotate[1].strategy`; empty for the whole file), and what."""

    at: Position
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.at}: {self.key}: {self.what}" if self.key else f"{self.at}: {self.what}"


class BadRecipe(RecipeError):
    """The recipe cannot be used; `mistakes` holds everything that is wrong with it, in the order of the file."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        # What other rooms say may quote a file's own words, so it is made safe here, once for all.
        self.mistakes = tuple(dict.fromkeys(replace(one, what=_safe(one.what)) for one in mistakes))
        first = self.mistakes[0]
        if len(self.mistakes) == 1:
            super().__init__(f"{first.key}: {first.what}" if first.key else first.what, where=str(first.at))
        else:
            listed = "\n".join(f"  {mistake}" for mistake in self.mistakes)
            super().__init__(f"The recipe has {len(self.mistakes)} mistakes:\n{listed}")


def quoted(value: object) -> str:
    """`value` in double quotes, on one line and short, safe to print on a terminal."""
    text = value if isinstance(value, str) else str(value)
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return _printable(json.dumps(text, ensure_ascii=False))


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


def _safe(what: str) -> str:
    return _printable(_USER_IN_URL.sub("/***@", what))


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` most likely stands for, or is the beginning of; None where nothing is near."""
    choices = sorted(set(known))
    folded = {choice.casefold().replace("-", "_"): choice for choice in reversed(choices)}
    near = difflib.get_close_matches(word.casefold().replace("-", "_"), list(folded), n=1, cutoff=0.6)
    if near:
        return folded[near[0]]
    begun = [choice for choice in choices if choice.startswith(word)]
    return begun[0] if begun and word else None


def suggestion(word: str, known: Iterable[str], *, kind: str) -> str:
    """`did you mean "x"?` where something is near, else all there is: `tasks here: a, b`."""
    choices = sorted(set(known))
    near = did_you_mean(word, choices)
    if near is not None:
        return f"did you mean {quoted(near)}?"
    return f"{kind}: {', '.join(choices)}" if choices else f"{kind}: none"


def key_path(loc: Sequence[str | int]) -> str:
    """A location in the way a person writes it: `annotate[1].strategy`."""
    written = ""
    for part in loc:
        if isinstance(part, int):
            written += f"[{part}]"
        else:
            shown = part if part.isprintable() and part else quoted(part)
            written += f".{shown}" if written else shown
    return written
