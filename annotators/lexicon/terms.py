"""The words and phrases of a file, found in texts: whole words only, of terms that begin together the longest."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from annotators.lexicon.words import folded

# A word is framed by its own two blanks (see `folded`), so what stands between two words is two blanks.
_BETWEEN = "  "


def fold_terms(terms: pl.Series) -> pl.Series:
    """`terms` (String) as `find_terms` names them: folded, without the outer blanks; empty where no letter is left."""
    return pl.DataFrame({"t": terms}).select(folded(pl.col("t")).str.strip_chars(" ")).to_series()


def find_terms(texts: pl.Series, terms: Sequence[str]) -> pl.DataFrame:
    """{row: UInt32, term: String, words: UInt32}: each place in `texts` (String) where one of `terms` (from
    `fold_terms`) stands, in the order of the text; `words` is how many words the term has. No two places overlap."""
    # Between candidates that begin at the same place the first listed counts.
    wanted = [f" {term} " for term in sorted(set(terms) - {""}, key=lambda term: (-len(term), term))]
    folds = pl.DataFrame({"t": texts}, schema={"t": pl.String}).select(folded(pl.col("t"))).to_series()
    found = folds.str.extract_many(wanted, leftmost=True) if wanted else pl.Series([None] * len(texts))
    frame = pl.DataFrame({"term": found}, schema={"term": pl.List(pl.String)}).with_row_index("row")
    listed = frame.filter(pl.col("term").list.len() > 0).explode("term")
    return listed.select(
        pl.col("row").cast(pl.UInt32),
        pl.col("term").str.strip_chars(" "),
        (pl.col("term").str.strip_chars(" ").str.count_matches(_BETWEEN, literal=True) + 1).alias("words"),
    )


def count_all_words(texts: pl.Series) -> pl.Series:
    """(rows,) UInt32: the words of each of `texts`, counted as `folded` parts them; null for null."""
    return pl.DataFrame({"t": texts}).select(folded(pl.col("t")).str.count_matches("[^ ]+")).to_series()
