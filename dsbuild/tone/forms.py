"""Participles of English verbs: WordNet's list of exceptions first, then the regular ending."""

from __future__ import annotations

import re
from collections.abc import Sequence

_Y = re.compile("[^aeiou]y$")


def participles(verb: str, exceptions: Sequence[str]) -> list[tuple[str, str]]:
    """(form, `ed` or `ing`) of `verb`; of several words the first is inflected. `exceptions` are its irregular forms.

    Where the list has a form, the regular one is left out: it holds `abetted` and `abetting` for `abet`.
    """
    first, blank, rest = verb.partition(" ")
    past = [form for form in exceptions if not form.endswith("ing")] or [_past(first) + blank + rest]
    present = [form for form in exceptions if form.endswith("ing")] or [_present(first) + blank + rest]
    return [(form, "ed") for form in past] + [(form, "ing") for form in present]


def _past(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    return verb[:-1] + "ied" if _Y.search(verb) else verb + "ed"


def _present(verb: str) -> str:
    return verb[:-1] + "ing" if verb.endswith("e") and not verb.endswith("ee") else verb + "ing"
