"""The three tiers: 6 primary emotions, 25 secondary, 135 tertiary (Parrott 2001, long form)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from schemas.errors import DsbuildError


@dataclass(frozen=True, order=True)
class Node:
    """An emotion at one tier; `secondary` and `tertiary` are null above their tier."""

    primary: str
    secondary: str | None = None
    tertiary: str | None = None

    @property
    def tier(self) -> int:
        return 1 + (self.secondary is not None) + (self.tertiary is not None)

    @property
    def term(self) -> str:
        return self.tertiary or self.secondary or self.primary


@cache
def nodes() -> tuple[Node, ...]:
    """Every node, parents before children."""
    data = yaml.safe_load(Path(__file__).with_name("tree.yaml").read_text(encoding="utf-8"))
    found: list[Node] = []
    for primary, groups in data["tree"].items():
        found.append(Node(primary))
        for secondary, terms in groups.items():
            found.append(Node(primary, secondary))
            found.extend(Node(primary, secondary, term) for term in terms)
    return tuple(found)


@cache
def _by_term() -> dict[tuple[str, int], Node]:
    return {(each.term, each.tier): each for each in nodes()}


def node(term: str, tier: int) -> Node:
    """The node that `term` names at `tier` (1 primary, 2 secondary, 3 tertiary).

    Raises:
        DsbuildError: there is none.
    """
    try:
        return _by_term()[term, tier]
    except KeyError:
        tiers = [each.tier for each in nodes() if each.term == term]
        fix = f"It stands at tier {', '.join(map(str, tiers))}." if tiers else "The tree does not have this word."
        raise DsbuildError(f"TONE has no '{term}' at tier {tier}.", fix=fix) from None
