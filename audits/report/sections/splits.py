"""The order in which a reader expects splits."""

from __future__ import annotations

from collections.abc import Iterable

NAMELESS = "(none)"
"""Where an item has no split, language or corpus."""

_USUAL = {"train": 0, "validation": 1, "dev": 1, "val": 1, "test": 2}


def named(name: str) -> str:
    """The name as it is shown: the audit writes a missing one as the word None."""
    return NAMELESS if name in ("None", "") else name


def in_order(splits: Iterable[str]) -> list[str]:
    """train, validation, test, then the others by name; each once."""
    return sorted(set(splits), key=lambda split: (_USUAL.get(split, 3), split))
