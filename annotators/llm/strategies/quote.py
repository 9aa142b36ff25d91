"""Text from outside in a prompt: data on one line that can neither end its quotes nor open a control token."""

from __future__ import annotations

import json
import re
from typing import Any

# What chat templates use as control tokens: <|...|> (DeepSeek: with a full-width bar), <start_of_turn>, </s>, [INST].
_TOKEN = re.compile(r"<(?=[|\uff5c/!]|[^\W\d])|\[(?=/?[A-Z])")
# Control characters, marks of writing direction, line and paragraph separators, halves of characters.
_UNSEEN = r"\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_ESCAPED = re.compile(f"[{_UNSEEN}]")
_BLANKS = re.compile(f"[\\s\\x00-\\x1f{_UNSEEN}]+")


def quoted(value: Any) -> str:
    """`value` (a text, or what JSON can hold) as JSON on one line: no unescaped quote, no control token, other scripts
    as they are."""
    return _TOKEN.sub(_escape, _ESCAPED.sub(_escape, json.dumps(value, ensure_ascii=False)))


def one_line(text: str) -> str:
    """`text` on one line: control and direction characters and runs of white space become one blank, and a blank
    stands behind what could open a control token."""
    return _TOKEN.sub(lambda match: match[0] + " ", _BLANKS.sub(" ", text)).strip()


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
