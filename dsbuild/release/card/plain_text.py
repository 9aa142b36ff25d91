"""Text that nobody vouches for, without the characters that act instead of being shown."""

from __future__ import annotations

# Joiners are letters' neighbours in many scripts (Marathi writes its eyelash ra with one); they turn nothing around.
_JOINERS = "\u200c\u200d"


def visible(text: str) -> str:
    """`text` with control characters, line separators and direction marks shown as the replacement character."""
    return "".join(c if c.isprintable() or c in _JOINERS else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(text: str) -> str:
    """`text` on one line, blanks run together, nothing in it that acts."""
    return visible(" ".join(text.split()))
