"""Adding up the counts that batches and nodes report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def add(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add `more` to `total` in place: numbers are summed, mappings merged, lists joined, other values replaced."""
    for name, value in more.items():
        present = total.get(name)
        if isinstance(value, Mapping):
            inner = dict(present) if isinstance(present, Mapping) else {}
            add(inner, value)
            total[name] = inner
        else:
            total[name] = present + value if _adds_up(present, value) else value


def _adds_up(present: Any, value: Any) -> bool:
    if isinstance(value, list):
        return isinstance(present, list)
    numbers = isinstance(value, (int, float)) and isinstance(present, (int, float))
    return numbers and not isinstance(value, bool)
