"""The lines of a batch's files: requests going in, answers and errors coming out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from annotators.llm.wire.connection import Outcome, judged
from schemas.errors import DsbuildError

PATH: Final = "/v1/chat/completions"
_LINE_ENDS: Final = tuple((end.encode(), f"\\u{ord(end):04x}".encode()) for end in "\u0085\u2028\u2029")


@dataclass(frozen=True, slots=True)
class Line:
    """What one line of an output or error file says about the request of this name."""

    custom_id: str
    outcome: Outcome


def line_of(key: bytes, body: bytes) -> bytes:
    """A request as a line of the batch's input file."""
    head = json.dumps({"custom_id": key.hex(), "method": "POST", "url": PATH})
    # JSON may hold these as they are, but some readers of lines end a line there.
    for raw, escaped in _LINE_ENDS:
        body = body.replace(raw, escaped)
    return head[:-1].encode() + b', "body": ' + body + b"}\n"


def write_lines(file: Path, lines: Sequence[bytes]) -> None:
    """Write the batch's input file."""
    with file.open("wb") as opened:
        opened.writelines(lines)


def key_of(custom_id: str) -> bytes | None:
    """The key of the request of that name; null if no request of ours has such a name."""
    try:
        return bytes.fromhex(custom_id)
    except ValueError:
        return None


def read_line(line: bytes) -> Line:
    """A line of an output or error file.

    Raises:
        DsbuildError: it is not one.
    """
    try:
        entry = json.loads(line)
        custom_id = entry["custom_id"]
        response, error = entry.get("response"), entry.get("error")
        if isinstance(response, dict) and isinstance(response.get("status_code"), int):
            return Line(custom_id, _outcome(response["status_code"], response.get("body")))
        # It expired, or something else went wrong on the way: it may be asked again.
        return Line(custom_id, Outcome(500, json.dumps({"error": error}).encode()))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        shown = line[:120].decode("utf-8", "replace")
        raise DsbuildError(f"A line of the batch's output cannot be read: {shown}") from error


def _outcome(status: int, body: Any) -> Outcome:
    # The provider parsed and wrote the answer already; a stored one is one line of JSON like those that come singly.
    written = json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode()
    return judged(written) if status == 200 else Outcome(status, written)
