"""The ways to ask for JSON, from the strictest to none, and how a server says that it does not know one of them."""

from __future__ import annotations

from typing import Final

FORMATS: Final = ("json_schema", "tool", "json_object", "text")

_ANY: Final = (b"response_format", b"json_schema", b"json schema", b"json_object", b"structured output", b"grammar")
_TOOL: Final = (b"tool", b"function", b"schema", b"grammar")


def simpler(form: str, status: int, answer: bytes) -> str | None:
    """The format to ask for after `form` was refused; null where the refusal is about something else."""
    if status not in (400, 422) or form == FORMATS[-1]:
        return None
    words = answer.lower()
    if any(word in words for word in (_TOOL if form == "tool" else _ANY)):
        return FORMATS[FORMATS.index(form) + 1]
    return None
