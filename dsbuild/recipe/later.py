"""What the design of a recipe has and this version does not: refused by name, never passed over."""

from __future__ import annotations

from collections.abc import Sequence

# (section or key above, key): what to do meanwhile. A key that a model knows never gets here.
_KEYS = {
    ("on", "where"): "choose items by splits, corpora, languages or sample",
    ("annotate", "batch"): "requests are sent one by one, with bounded concurrency",
    ("annotate", "sees"): "no annotator's answer enters another's prompt yet",
    ("tasks", "from"): "name the task's columns in the corpus's labels",
    ("tasks", "range"): "tasks are of the kinds choice, multi and text",
    ("corpora", "release"): "name the release's files in path",
    ("corpora", "people"): "leave it out",
    ("labels", "votes"): "leave those columns to the corpus",
    ("labels", "people"): "leave it out",
    ("", "max_failed"): "it belongs to an annotator",
}
_KINDS = ("ranking", "scale", "intensity", "span", "trace", "open", "pairwise", "attributes")


def later_key(loc: Sequence[str | int]) -> str | None:
    """For an unknown key at `loc` that a later version will know: the message that says so."""
    names = [part for part in loc if isinstance(part, str)]
    for above in (names[-2] if len(names) > 1 else "", names[0] if len(names) == 2 else ""):
        advice = _KEYS.get((above, names[-1])) if names else None
        if advice is not None:
            return f"not supported by this version of dsbuild; {advice}"
    return None


def later_kind(loc: Sequence[str | int], value: object) -> str | None:
    """For a kind of task that a later version will know: the message that says so."""
    if loc[:1] == ("tasks",) and loc[-1:] == ("kind",) and value in _KINDS:
        return f'the kind "{value}" is not supported by this version of dsbuild; there are choice, multi and text'
    return None
