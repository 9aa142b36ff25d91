"""What the design of a recipe has and this version does not: refused by name, never passed over."""

from __future__ import annotations

from collections.abc import Sequence

# (section or key above, key): what to do meanwhile. A key that a model knows never gets here.
_KEYS = {
    ("corpora", "release"): "name the release's files in path",
}


def later_key(loc: Sequence[str | int]) -> str | None:
    """For an unknown key at `loc` that a later version will know: the message that says so."""
    names = [part for part in loc if isinstance(part, str)]
    for above in (names[-2] if len(names) > 1 else "", names[0] if len(names) == 2 else ""):
        advice = _KEYS.get((above, names[-1])) if names else None
        if advice is not None:
            return f"not supported by this version of dsbuild; {advice}"
    return None
