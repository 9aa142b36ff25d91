"""Leakage: what stands in two splits at once, and how well the search for it was checked."""

from __future__ import annotations

from dataclasses import dataclass

from audits.report.numbers import Estimate, figure, number, several, whole
from audits.report.reading import Entry, Some, entries, entry, some, text

_EXAMPLES = 5
_KINDS = {
    "exact": ("Exact", "the same text", ("texts", "text", "texts")),
    "near": ("Near", "nearly the same text", ("", "", "")),
    "group": ("Group", "items of one group", ("groups", "group", "groups")),
}


@dataclass(frozen=True)
class Pair:
    """Two items of different splits: each side is (item id, split, text)."""

    sides: tuple[tuple[str, str, str], tuple[str, str, str]]
    what: str


@dataclass(frozen=True)
class Leaks:
    """One kind of leak."""

    name: str
    meaning: str
    pairs: int
    missed: int
    items: int
    remark: str
    examples: Some[Pair]

    @property
    def clean(self) -> bool:
        """Nothing was found and nothing was missed."""
        return self.pairs + self.missed == 0


def leakage(metrics: Entry) -> tuple[Leaks, ...]:
    """The kinds of leaks that were looked for."""
    found = entry(metrics, "leakage")
    return tuple(_leaks(kind, entry(found, kind)) for kind in _KINDS if entry(found, kind))


def _leaks(kind: str, one: Entry) -> Leaks:
    name, meaning, (key, single, plural) = _KINDS[kind]
    shared = whole(one.get(key))
    return Leaks(
        name=name,
        meaning=meaning,
        pairs=whole(one.get("pairs")),
        missed=whole(one.get("missed")),
        items=whole(one.get("items")),
        remark=_near(one) if kind == "near" else several(shared, single, plural) if shared else "",
        examples=some([_pair(pair) for pair in entries(one, "examples")], _EXAMPLES),
    )


def _near(one: Entry) -> str:
    threshold, sampled, missed = figure(one.get("threshold"), 2), whole(one.get("sampled")), whole(one.get("missed"))
    said = f"Similarity of {threshold} or more. "
    if not sampled:
        return said + "No item was compared by brute force."
    checked = several(sampled, "held-out item was", "held-out items were")
    outcome = several(missed, "pair", "pairs") if missed else "nothing"
    return f"{said}{checked} compared with all of the other splits by brute force: the search had missed {outcome}."


def _pair(one: Entry) -> Pair:
    alike = number(one.get("similarity"))
    group = " ".join(part for part in (text(one, "kind"), text(one, "id")) if part)
    a, b = ((text(one, side), text(one, f"split_{side}"), text(one, f"text_{side}")) for side in "ab")
    return Pair((a, b), f"similarity {Estimate(alike).text}" if alike is not None else group)
