"""Text that nobody vouches for, made safe to stand in Markdown."""

from __future__ import annotations

import re

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$<>&])")


def escape(text: str) -> str:
    """`text` on one line, with everything that Markdown or HTML would act on taken literally."""
    # Joiners are not printable by Unicode's word, but Marathi and Hindi cannot be written without them.
    shown = (c if c.isprintable() or c.isspace() or c in _JOINERS else "\N{REPLACEMENT CHARACTER}" for c in text)
    line = " ".join("".join(shown).split())
    entities = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    return _SPECIAL.sub(lambda match: entities.get(match[1], "\\" + match[1]), line)
