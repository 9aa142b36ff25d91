"""The catalog: the cards of all corpora that are installed, ours and other people's.

An entry point of the group `dsbuild.corpora` has the name of one corpus and gives its card: as a `Card`, as the path
of its YAML file, as a folder or package that holds `card.yaml`, or as a function that makes one of these of the name.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from corpora.card import Card, load_card
from schemas.errors import DsbuildError

GROUP = "dsbuild.corpora"
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Entry:
    """A card in the catalog and the folder it lies in, which also holds the files that ship with it."""

    card: Card
    folder: Path | None


def shipped(name: str) -> Path:
    """The card of a corpus that comes with dsbuild: a folder of its own where its files come too."""
    folder = _HERE / name
    return folder if folder.is_dir() else _HERE / "cards" / f"{name}.yaml"


def names() -> list[str]:
    """The names of all corpora in the catalog, sorted."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def entries() -> dict[str, Entry]:
    """{name: entry}, sorted by name.

    Raises:
        DsbuildError: a card cannot be loaded, or two packages register one name.
    """
    return {name: get(name) for name in names()}


def get(name: str) -> Entry:
    """The entry of that name.

    Raises:
        DsbuildError: the catalog has none, or its card cannot be loaded.
    """
    entry = find(name)
    if entry is None:
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f'Did you mean "{close[0]}"? ' if close else ""
        raise DsbuildError(
            f"The catalog has no corpus '{name}'.",
            fix=f"{hint}It has: {', '.join(names())}. A file of your own needs `path` and `columns`.",
        )
    return entry


@cache
def find(name: str) -> Entry | None:
    """The entry of that name; None if the catalog has none.

    Raises:
        DsbuildError: its card cannot be loaded, or two packages register it.
    """
    # One package may be seen twice (an editable install beside its own metadata); that is no conflict.
    points = {point.value: point for point in entry_points(group=GROUP, name=name)}
    if not points:
        return None
    if len(points) > 1:
        raise DsbuildError(
            f"Several packages register the corpus '{name}': {' and '.join(sorted(points))}.",
            fix="Uninstall all but one of them.",
        )
    [point] = points.values()
    entry = _entry(point)
    if entry.card.name != name:
        raise DsbuildError(
            f"The corpus '{name}' has a card with the name '{entry.card.name}'.", where=f"entry point {point.value}"
        )
    return entry


def _entry(point: EntryPoint) -> Entry:
    try:
        found: Any = point.load()
    except (ImportError, AttributeError) as error:
        raise DsbuildError(
            f"The card of the corpus '{point.name}' cannot be loaded: {error}.",
            where=f"entry point {point.value}",
            fix="Update or uninstall the package that registers it.",
        ) from error
    if callable(found) and not isinstance(found, Card):
        found = found(point.name)
    if isinstance(found, Card):
        return Entry(found, None)
    path = Path(found.__path__[0]) if isinstance(found, ModuleType) else Path(found)
    path = path / "card.yaml" if path.is_dir() else path
    return Entry(load_card(path), path.parent)
