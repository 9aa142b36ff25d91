"""Packs of items: which go together, in which order, and under which numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from annotators.llm.rows import Row, RowAnnotator

# An item with more characters than this, context and all, is asked about by itself: it would bury the others.
LONGEST: Final = 4000


def packs(rows: Sequence[Row], size: int) -> list[list[int]]:
    """The places of `rows` in packs of `size`, in their order; the samples of an item go to packs of their own."""
    made: list[list[int]] = []
    by_sample: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        waiting = by_sample.setdefault(row.sample, [])
        waiting.append(place)
        if len(waiting) == size:
            made.append(by_sample.pop(row.sample))
    return [*made, *(rest for _, rest in sorted(by_sample.items()))]


def joint(pack: Sequence[Row], one: RowAnnotator) -> list[Row]:
    """Those of a pack's rows that are asked about together; each of the others has a prompt of its own, or none."""
    return [row for row in pack if is_short(row) and one.first(row) is not None]


def is_short(row: Row) -> bool:
    """Whether a row fits beside others: it is not long, and shows no files and no measures of its own."""
    if row.item.media or row.item.cues is not None:
        return False
    said = len(row.item.text) + sum(len(turn.get("text") or "") for turn in row.item.context)
    return said <= LONGEST


def code_of(pack: Sequence[Row]) -> str:
    """The word that an answer about a pack has to repeat: drawn from a hash of all its texts, which no text among them
    can know, so an answer that was copied from one of them is told from one about all."""
    return hashlib.sha256(b"code" + _seed(pack)).hexdigest()[:8]


def _seed(pack: Sequence[Row]) -> bytes:
    return hashlib.sha256("\n".join(f"{row.item_id} {row.item_hash} {row.sample}" for row in pack).encode()).digest()


def shuffled(pack: Sequence[Row]) -> list[int]:
    """The places of a pack's rows in the order in which a prompt shows them: by a hash of all and of each."""
    seed = _seed(pack)
    drawn = [hashlib.sha256(seed + place.to_bytes(4, "big")).digest() for place in range(len(pack))]
    return sorted(range(len(pack)), key=lambda place: drawn[place])


def numbered(pack: Sequence[Row]) -> dict[str, int]:
    """{number in the prompt: place in the pack}, in the order of the prompt."""
    return {str(number): place for number, place in enumerate(shuffled(pack), 1)}
