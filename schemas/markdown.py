"""Text that nobody vouches for, made safe to stand in Markdown."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$<>&])")


def escape(text: str) -> str:
    """`text` on one line, with everything that Markdown or HTML would act on taken literally."""
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text).split())
    entities = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    return _SPECIAL.sub(lambda match: entities.get(match[1], "\\" + match[1]), line)
