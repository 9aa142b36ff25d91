"""Which emotions a word stands for, from a file of the user's: NRC's Emotion Lexicon and what is built like it.

Three forms are read: a row for each word and emotion with 0 or 1 behind (`abacus<TAB>anger<TAB>0`), without the
number (every row counts), and a row for each word with a column of 0 and 1 for each emotion.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from annotators.lexicon.tables import TERM, Table, read_table, sha256_of
from annotators.lexicon.terms import find_terms, fold_terms
from schemas.errors import DsbuildError

_EMOTION = ("emotion", "category", "label", "affect", "affectdimension", "sentiment")
_FLAG = ("value", "association", "associated", "flag", "present", "score")


@dataclass(frozen=True)
class Categories:
    """`table`: {term (folded), emotion}, both String, each pair once; `labels` are its emotions in the file's order."""

    table: pl.DataFrame
    labels: tuple[str, ...]
    identity: str

    def found(self, texts: pl.Series) -> pl.DataFrame:
        """{row: UInt32, term: String, words: UInt32, emotion: String}: each emotion of each place where a word of the
        file stands in `texts` (String)."""
        places = find_terms(texts, self.table["term"].to_list())
        return places.join(self.table, on="term", how="inner", maintain_order="left_right")

    def count(self, texts: pl.Series) -> pl.DataFrame:
        """How many words of each emotion every text holds: one UInt32 column for each of `labels`, null for null."""
        found = self.found(texts)
        sums = found.group_by("row").agg((pl.col("emotion") == label).sum().alias(label) for label in self.labels)
        rows = pl.DataFrame(
            {"row": pl.int_range(len(texts), dtype=pl.UInt32, eager=True), "known": texts.is_not_null()}
        )
        joined = rows.join(sums, on="row", how="left", maintain_order="left")
        return joined.select(
            pl.when(pl.col("known")).then(pl.col(label).fill_null(0)).cast(pl.UInt32).alias(label)
            for label in self.labels
        )


def read_categories(path: Path) -> Categories:
    """The words of the file at `path` with their emotions.

    Raises:
        DsbuildError: it cannot be read, is in none of the three forms, or no word of it stands for anything.
    """
    table = read_table(path)
    rows = _long(table) if table.columns is None or table.column(*_EMOTION) is not None else _wide(table)
    rows = rows.with_columns(fold_terms(rows["term"]).alias("term"), pl.col("emotion").str.strip_chars())
    rows = rows.filter((pl.col("term").fill_null("") != "") & (pl.col("emotion").fill_null("") != ""))
    rows = rows.unique(maintain_order=True)
    if rows.is_empty():
        raise DsbuildError("No word of this file stands for an emotion.", where=str(path))
    labels = tuple(rows["emotion"].unique(maintain_order=True))
    return Categories(rows, labels, f"{path.name} sha256:{sha256_of(path)}")


def _long(table: Table) -> pl.DataFrame:
    if table.columns is None:
        term, emotion, flag = 0, 1, 2 if table.rows.width > 2 else None
    else:
        first, emotion, flag = table.column(*TERM), table.column(*_EMOTION) or 1, table.column(*_FLAG)
        term = 0 if first is None else first
    chosen = pl.DataFrame({"term": table.rows.to_series(term), "emotion": table.rows.to_series(emotion)})
    return chosen if flag is None else chosen.filter(table.numbers(flag) > 0)


def _wide(table: Table) -> pl.DataFrame:
    assert table.columns is not None
    term = table.column(*TERM)
    if term is None:
        raise DsbuildError(
            f"The file of words has no column of words; it has {', '.join(name for name in table.columns if name)}.",
            where=str(table.path),
            fix="Name them in its first line: word, emotion, 0 or 1; or word and one column for each emotion.",
        )
    words = table.rows.to_series(term)
    # Published lists have the word in many languages: a column whose first cell is no 0 or 1 is no emotion.
    places = [
        place
        for place, name in enumerate(table.columns)
        if place != term and name.strip() and table.rows.to_series(place)[:1].str.contains(r"^\s*[01](\.0)?\s*$").all()
    ]
    parts = [
        pl.DataFrame({"term": words, "emotion": pl.Series([table.columns[place].strip()] * len(words))}).filter(
            table.numbers(place) > 0
        )
        for place in places
    ]
    return pl.concat([pl.DataFrame(schema={"term": pl.String, "emotion": pl.String}), *parts])
