"""What is said about TONE's nodes, as typed rows of the files in `data/`; each is read once, when first asked for.

TONE's own file is not public: this is a reconstruction, made by `dsbuild tone build`. Every row names its source.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from schemas.tone.tree import Node, node

DATA: Final = Path(__file__).with_name("data")

Predicate = Literal["isOppositeOf", "isComposedOf", "leadsTo"]
Basis = Literal["stated", "data", "inferred", "editorial"]
Dimension = Literal["valence", "arousal", "dominance"]


@dataclass(frozen=True)
class Definition:
    """What a node means, and where that is written."""

    node: Node
    definition: str
    source: str


@dataclass(frozen=True)
class Word:
    """A word of a node's vocabulary. `claimed_by` is the number of emotions that had a claim to it; where there were
    several, it went to the one with the highest `cosine` between the embeddings of word and emotion."""

    word: str
    node: Node
    source: str
    claimed_by: int
    cosine: float | None
    verification: str
    pos: str
    sense: str


@dataclass(frozen=True)
class Alternative:
    """A word of Parrott's short form, and the node it stands for."""

    word: str
    node: Node
    source: str
    note: str


@dataclass(frozen=True)
class Statement:
    """A dependency between two nodes. Of `isComposedOf` all statements of one `group` hold together. `figures` are
    the counts and tests behind what was found in data; `verification` is pending until people have looked at it."""

    subject: Node
    predicate: Predicate
    object: Node
    group: str
    source: str
    basis: Basis
    verification: str
    figures: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Norm:
    """A node's place on a dimension, from -1 to 1. `basis` is `data` (with `sd` and the number `n` of ratings), or
    `interpolated` from its neighbours in the tree."""

    node: Node
    dimension: str
    value: float
    sd: float | None
    n: int | None
    source: str
    basis: Literal["data", "interpolated"]


def _rows(name: str) -> list[dict[str, str]]:
    header, *lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    columns = header.split("\t")
    return [dict(zip(columns, line.split("\t"), strict=True)) for line in lines]


def _place(row: dict[str, str], term: str = "term", tier: str = "tier") -> Node:
    return node(row[term], int(row[tier]))


@cache
def definitions() -> tuple[Definition, ...]:
    """The definition of every node."""
    return tuple(Definition(_place(row), row["definition"], row["source"]) for row in _rows("definitions.tsv"))


@cache
def vocabulary() -> tuple[Word, ...]:
    """Every word of every node, beside the words that the tree itself is made of."""
    return tuple(
        Word(
            row["word"],
            _place(row),
            row["source"],
            int(row["claimed_by"]),
            float(row["cosine"]) if row["cosine"] else None,
            row["verification"],
            row["pos"],
            row["sense"],
        )
        for row in _rows("vocabulary.tsv")
    )


@cache
def alternatives() -> tuple[Alternative, ...]:
    """The words that only the short form of Parrott's tree has."""
    return tuple(Alternative(row["word"], _place(row), row["source"], row["note"]) for row in _rows("alternatives.tsv"))


@cache
def statements() -> tuple[Statement, ...]:
    """Every dependency, each once: `isOppositeOf` holds in both directions."""
    return tuple(
        Statement(
            _place(row, "subject_term", "subject_tier"),
            row["predicate"],  # type: ignore[arg-type]  # the build writes no other; a test reads every row
            _place(row, "object_term", "object_tier"),
            row["group"],
            row["source"],
            row["basis"],  # type: ignore[arg-type]
            row["verification"],
            json.loads(row["figures"]) if row["figures"] else {},
        )
        for row in _rows("statements.tsv")
    )


@cache
def norms(emobank: bool = True) -> tuple[Norm, ...]:
    """Valence (from VADER's raters, MIT) and, with `emobank`, arousal and dominance, whose table is CC BY-SA 4.0."""
    files = ("norms.tsv", "norms-emobank.tsv") if emobank else ("norms.tsv",)
    return tuple(
        Norm(
            _place(row),
            row["dimension"],
            float(row["value"]),
            float(row["sd"]) if row["sd"] else None,
            int(row["n"]) if row["n"] else None,
            row["source"],
            "data" if row["basis"] == "data" else "interpolated",
        )
        for name in files
        for row in _rows(name)
    )
