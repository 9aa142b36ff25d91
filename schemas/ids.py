"""Identifiers that are the same on every rebuild, whatever the order of the rows."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any

_SIZE = 16  # hexadecimal digits, 64 bits: 1e6 items collide with a probability of 3e-8


def digest(value: Any) -> str:
    """SHA-256, in hexadecimal, of the canonical JSON of `value` (sorted keys, UTF-8, no blanks).

    Raises:
        TypeError: `value` holds something that JSON does not have.
        ValueError: `value` holds a number that is not finite.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # A lone surrogate cannot be written as UTF-8; it still has to give a hash, and its own.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _short(*parts: str) -> str:
    return hashlib.sha256(b"".join(map(_part, parts))).hexdigest()[:_SIZE]


def _part(part: str) -> bytes:
    # The length goes in, so that ("a", "bc") and ("ab", "c") differ.
    raw = part.encode("utf-8", "surrogatepass")
    return len(raw).to_bytes(8, "big") + raw


def item_id(corpus: str, key: str) -> str:
    """The id of the item that `corpus` itself calls `key`."""
    return _short("item", corpus, "key", key)


def item_id_from_content(corpus: str, text: str, occurrence: int) -> str:
    """The id of an item without a key: its raw text and how many equal texts stood before it (0 for the first)."""
    return _short("item", corpus, "content", unicodedata.normalize("NFC", text), str(occurrence))


def annotation_id(item: str, task: str, annotator: str, sample: int = 0, round: str = "first") -> str:
    """The id of one annotator's answer to one task on one item."""
    return _short("annotation", item, task, annotator, str(sample), round)


def annotation_ids(answers: Iterable[tuple[str, int]], task: str, annotator: str, round: str = "first") -> list[str]:
    """The `annotation_id` of each (item, sample) of one annotator's answers to one task."""
    first, second = _part("annotation"), _part(task) + _part(annotator)
    end = _part(round)
    sha = hashlib.sha256
    return [
        sha(b"".join((first, _part(item), second, _part(str(sample)), end))).hexdigest()[:_SIZE]
        for item, sample in answers
    ]


def item_hash(
    text: str | None,
    context: Sequence[Mapping[str, Any]] | None = None,
    media: Iterable[Mapping[str, Any]] | None = None,
) -> str:
    """A hash of what an annotator was shown: the text, the turns before it, the content of its media."""
    if not context and not media:  # the same JSON as below, at a tenth of the time
        shown = "null" if text is None else encode_basestring(text)
        return hashlib.sha256(f"[{shown},[],[]]".encode("utf-8", "surrogatepass")).hexdigest()[:_SIZE]
    turns = [[turn.get("speaker"), turn.get("text")] for turn in context or ()]
    files = [[file.get("sha256"), file.get("start_s"), file.get("end_s")] for file in media or ()]
    return digest([text, turns, files])[:_SIZE]
