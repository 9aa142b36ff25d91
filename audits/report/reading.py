"""Reading metrics.json without believing it: what is missing or of another kind is empty, never an error.

A report is made last and at the end of a long run; a figure that it does not know must not cost the person all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from audits.report.numbers import whole

T = TypeVar("T")
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Some(Generic[T]):
    """The first few of many, and how many were left out."""

    shown: tuple[T, ...]
    more: int = 0


def some(values: Sequence[T], most: int) -> Some[T]:
    """At most `most` of `values`."""
    return Some(tuple(values[:most]), max(len(values) - most, 0))


def entries(holder: Entry, key: str) -> list[Entry]:
    """The mappings in a list under `key`."""
    found = holder.get(key)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []


def entry(holder: Entry, key: str) -> Entry:
    """The mapping under `key`."""
    found = holder.get(key)
    return found if isinstance(found, Mapping) else {}


def counts(holder: Entry, key: str) -> dict[str, int]:
    """A mapping of names to counts."""
    return {str(name): whole(n) for name, n in entry(holder, key).items()}


def text(holder: Entry, key: str) -> str:
    """A string; empty where there is none."""
    found = holder.get(key)
    return "" if found is None else str(found)


def names(holder: Entry, key: str) -> list[str]:
    """A list of strings."""
    found = holder.get(key)
    return [str(one) for one in found] if isinstance(found, list | tuple) else []
