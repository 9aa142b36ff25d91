"""The form of an answer in words: what a model without structured output has to go by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def form(schema: Mapping[str, Any], word: str = "") -> str:
    """An object of the JSON Schema's form, with placeholders for its values."""
    fields = (f'"{name}": {_placeholder(name, part, word or name)}' for name, part in schema["properties"].items())
    return "{" + ", ".join(fields) + "}"


def _placeholder(name: str, part: Mapping[str, Any], word: str) -> str:
    """What stands for the value of the key `name`; where it is one of several words, `word` says what they are."""
    given = part.get("type", ())
    kinds = {given} if isinstance(given, str) else set(given)
    options = part.get("enum", ())
    null = " or null" if "null" in kinds or None in options else ""
    if "anyOf" in part:
        return " or ".join(_placeholder(name, one, word) for one in part["anyOf"])
    if name == "turn" and options:  # the words that stand for turns are few, and have to be known
        return " or ".join(json.dumps(one) for one in options)
    if "object" in kinds:
        return form(part, "level" if name == "levels" else "")
    if "array" in kinds:
        return f"[{_entry(part.get('items', {}))}, ...]"
    if options:
        text = any(isinstance(one, str) for one in options)
        return (f'"<{"label" if null else word}>"' if text else "<number>") + null
    return ("<number>" if {"number", "integer"} & kinds else '"<text>"') + null


def _entry(part: Mapping[str, Any]) -> str:
    if part.get("type") == "object":
        return form(part)
    return '"<word>"' if part.get("type") == "string" else '"<label>"'
