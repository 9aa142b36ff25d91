"""Text from the data, made fit to stand in a page: bounded, and without characters that act on what is around them.

Escaping is the template engine's; this is about what escaping leaves alone. A bidirectional control turns around the
words that follow it, even out of a `bdi` element (a stray U+2069 closes it), so it is written out as its code point,
where a reader can see it. Joiners stay: Marathi and Hindi are spelled with them.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 1_500
"""No string in the page is longer than this, whatever it is."""

NAME = 60
"""Names of labels, annotators, nodes, splits."""

PASSAGE = 260
"""Texts of items."""

REMARK = 700
"""Notes and advice."""

_WHITESPACE = re.compile(r"\s+")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_UNSHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_JOINERS = "\u200c\u200d"
_CLUSTER = 12


def inert(text: str, longest: int = LONGEST) -> str:
    """`text` in at most `longest` characters and a remark on what was cut, with nothing in it that acts.

    Whitespace runs become one space, control characters and lone surrogates U+FFFD, directional marks `[U+202E]`. The
    cut does not part a letter from its marks.
    """
    # Far more than is shown: whitespace and marks may shrink or grow, a text of megabytes need not be read whole.
    head = text[: 4 * longest + _CLUSTER]
    head = _WHITESPACE.sub(" ", head).strip()
    head = _UNSHOWN.sub("\ufffd", head)
    head = _BIDI.sub(lambda found: f"[U+{ord(found[0]):04X}]", head)
    if len(head) <= longest and len(text) <= 4 * longest + _CLUSTER:
        return head
    return f"{head[: _cut(head, longest)].rstrip()}\u2026 ({len(text):,} characters)"


def _cut(text: str, wanted: int) -> int:
    """The last place up to `wanted` where a letter begins, or `wanted` where marks pile up without an end."""
    for place in range(min(wanted, len(text)), max(wanted - _CLUSTER, 0), -1):
        if place == len(text):
            return place
        before, after = text[place - 1], text[place]
        if not unicodedata.category(after).startswith("M") and after not in _JOINERS and before not in _JOINERS:
            return place
    return wanted
