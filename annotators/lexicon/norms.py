"""Valence, arousal and dominance of words: from a file of the user's, from TONE, or from a package.

No file of such norms may be shipped (NRC-VAD and Warriner et al. 2013 allow research only), so a file is named in the
recipe, as it was released: NRC-VAD 1 (0..1) and 2 (-1..1), Warriner et al. (1..9), or any table with a word and one to
three of the dimensions. What ships beside it knows emotion words only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import polars as pl

from annotators.lexicon.tables import TERM, Table, read_table, sha256_of
from annotators.lexicon.terms import fold_terms
from schemas.errors import DsbuildError
from schemas.extras import need
from schemas.ids import digest

Dimension = Literal["valence", "arousal", "dominance"]
Named = Literal["tone", "emobank", "vader"]
DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)
LICENCES: Final[dict[Named, str]] = {
    "tone": "MIT (VADER) and the WordNet licence",
    "emobank": "CC BY-SA 4.0 (EmoBank)",
    "vader": "MIT",
}
_NAMES: Final[dict[Dimension, tuple[str, ...]]] = {
    name: (name, name[0], f"{name[0]}.mean.sum", f"{name[0]}.mean", f"{name}_mean", f"{name}.mean", f"mean_{name}")
    for name in DIMENSIONS
}
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_SCALE = re.compile(rf"{_NUMBER}\s*(?:\.\.+|to|,|–|-)\s*{_NUMBER}")


@dataclass(frozen=True)
class Norms:
    """`table`: {term (folded): String, and a Float64 for each dimension there is}, one row for each term; the numbers
    lie in `low`..`high`. `identity` names the source by its content, `declared` whether somebody said the scale."""

    table: pl.DataFrame
    low: float
    high: float
    identity: str
    declared: bool = True

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What it has numbers of."""
        return tuple(name for name in DIMENSIONS if name in self.table.columns)


def read_norms(path: Path, scale: tuple[float, float] | None = None) -> Norms:
    """The norms in the file at `path`. Its header says which column is which (without one: word, valence, arousal,
    dominance). `scale` is the lowest and the highest number there can be; else a scale in the header (`valence
    [1..9]`) or in a comment (`# scale: 1..9`) counts, and else it is told from the numbers where they leave no doubt.

    Raises:
        DsbuildError: it cannot be read, has no such columns or no words, a number lies outside the scale, or the scale
            cannot be told.
    """
    table = read_table(path)
    places = _columns(table)
    numbers = {name: table.numbers(place) for name, place in places.items() if name != "term"}
    rows = pl.DataFrame({"term": fold_terms(table.rows.to_series(places["term"])), **numbers})
    rows = rows.filter(pl.col("term").fill_null("") != "")
    if rows.is_empty():
        raise DsbuildError("The file of norms has no words.", where=str(path))
    least, most = _bounds(rows)
    told = scale or _declared(table)
    low, high = told or _detected(least, most, path)
    if not low <= least <= most <= high:
        raise DsbuildError(
            f"The numbers go from {least:g} to {most:g}, outside of the scale {low:g}..{high:g}.",
            where=str(path),
            fix="Say the scale of the file in the recipe: scale: [LOWEST, HIGHEST].",
        )
    return Norms(_one_row_each(rows), low, high, f"{path.name} sha256:{sha256_of(path)}", told is not None)


def named_norms(name: Named) -> Norms:
    """Norms that need no file: `tone` (valence of TONE's emotion words, shipped), `emobank` (with arousal and
    dominance, shipped under CC BY-SA 4.0), `vader` (valence of 7,500 words, from the package vaderSentiment).

    Raises:
        DsbuildError: the package is not installed.
    """
    if name == "vader":
        folder = Path(need("vaderSentiment", "lexicon").__file__ or "").parent
        path = folder / "vader_lexicon.txt"
        table = read_table(path)
        rows = pl.DataFrame({"term": fold_terms(table.rows.to_series(0)), "valence": table.numbers(1)})
        return Norms(_one_row_each(rows.filter(pl.col("term") != "")), -4, 4, f"{path.name} sha256:{sha256_of(path)}")
    from schemas.tone.load import norms, vocabulary
    from schemas.tone.tree import nodes

    values: dict[str, dict[tuple[str, int], float]] = {}
    for norm in norms(emobank=name == "emobank"):
        values.setdefault(norm.dimension, {})[norm.node.term, norm.node.tier] = norm.value
    places = [(node.term, node) for node in nodes()] + [(word.word, word.node) for word in vocabulary()]
    columns = {
        dimension: pl.Series([given.get((node.term, node.tier)) for _, node in places], dtype=pl.Float64)
        for dimension, given in values.items()
    }
    rows = pl.DataFrame({"term": fold_terms(pl.Series([word for word, _ in places])), **columns})
    table_ = _one_row_each(rows)
    return Norms(table_, -1, 1, f"{name} sha256:{digest(table_.rows())}")


def _columns(table: Table) -> dict[str, int]:
    """{term, and each dimension the file has: its column}."""
    if table.columns is None:
        return dict(zip(("term", *DIMENSIONS), range(min(4, table.rows.width)), strict=False))
    bare = Table(table.path, tuple(_without_scale(name) for name in table.columns), table.rows, table.first, "")
    term = bare.column(*TERM)
    found: dict[str, int] = {name: place for name in DIMENSIONS if (place := bare.column(*_NAMES[name])) is not None}
    if term is None or not found:
        raise DsbuildError(
            f"The file of norms needs a column of words and one of valence, arousal or dominance; it has "
            f"{', '.join(name for name in table.columns if name)}.",
            where=str(table.path),
            fix="Name them in its first line: term, valence, arousal, dominance.",
        )
    return {"term": term, **found}


def _without_scale(name: str) -> str:
    return re.sub(r"\s*[\[(].*[\])]\s*$", "", name)


def _declared(table: Table) -> tuple[float, float] | None:
    """The scale that the header or a comment names."""
    bracketed = [part for name in table.columns or () for part in re.findall(r"[\[(](.*)[\])]", name)]
    noted = re.findall(r"(?i)\bscale\b\s*[:=]?\s*(.*)", table.note)
    for part in (*bracketed, *noted):
        if (match := _SCALE.search(part)) is not None:
            return float(match[1]), float(match[2])
    return None


def _detected(least: float, most: float, path: Path) -> tuple[float, float]:
    if -1 <= least < 0 and most <= 1:
        return -1, 1
    if least >= 0 and most <= 1:
        return 0, 1
    if least >= 1 and 7 < most <= 9:
        return 1, 9
    raise DsbuildError(
        f"The scale of these norms cannot be told from their numbers, which go from {least:g} to {most:g}.",
        where=str(path),
        fix="Say it in the recipe: scale: [LOWEST, HIGHEST].",
    )


def _bounds(rows: pl.DataFrame) -> tuple[float, float]:
    numbers = rows.drop("term")
    return float(numbers.min_horizontal().min()), float(numbers.max_horizontal().max())  # type: ignore[arg-type]


def _one_row_each(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with one row for each term: words that differ in accents or case alone are their mean."""
    return rows.group_by("term").agg(pl.exclude("term").mean()).sort("term")
