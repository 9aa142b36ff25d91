"""Where a quote stands in a text."""

from __future__ import annotations

import re
from collections.abc import Container


def find(text: str, quote: str, taken: Container[tuple[int, int]] = ()) -> tuple[int, int] | None:
    """The first place (start, end; code points, end exclusive) of `quote` in `text` that is not in `taken`.

    Exactly as it is written, else whatever the case and the blanks between words; null where it does not stand there.
    """
    words = quote.split()
    if not words:
        return None
    exact = re.escape(quote.strip())
    loose = r"\s+".join(map(re.escape, words))
    for pattern, flags in ((exact, 0), (loose, re.IGNORECASE)):
        for match in re.finditer(f"(?={pattern})", text, flags):
            end = re.compile(pattern, flags).match(text, match.start())
            if end is not None and end.span() not in taken:
                return end.span()
    return None
