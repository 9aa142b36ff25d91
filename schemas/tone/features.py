"""What the emotion terms of a text say about it, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from schemas.tone.tag import tag
from schemas.tone.tree import Node, nodes

if TYPE_CHECKING:
    import polars as pl

# What a person would call a word: letters, with apostrophes inside.
_WORDS = r"[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}\p{N}_]+)*"


def features(texts: pl.Series, valence: Mapping[Node, float] | None = None, tier: int = 1) -> pl.DataFrame:
    """One row for each of `texts` (String): {words: Int64, terms: Int64, coverage: Float64, valence: Float64}, and for
    each node of `tier` (1: the six primaries, 2: 25, 3: 135) the number of terms at it or below it (Int64); a term
    that stands above `tier` is in none of them.

    `words` counts all words, `terms` those that TONE has, `coverage` is terms / words (null without words). `valence`
    is the mean over the terms of their nodes' valence, from -1 to 1, null without terms; `valence` hands in one's own
    norms instead of the shipped ones. A null text has zeros.

    Raises:
        ValueError: there is no such tier.
    """
    if tier not in (1, 2, 3):
        raise ValueError(f"a tier is 1, 2 or 3, not {tier}")
    import polars as pl

    if valence is None:
        from schemas.tone.load import norms

        valence = {each.node: each.value for each in norms(emobank=False)}
    found = tag(texts)
    table = pl.DataFrame(
        [(node.term, node.tier, value) for node, value in valence.items()],
        schema={"term": pl.String, "tier": pl.Int8, "_valence": pl.Float64},
        orient="row",
    )
    level = ("primary", "secondary", "tertiary")[tier - 1]
    names = [node.term for node in nodes() if node.tier == tier]
    counted = (
        found.join(table, on=["term", "tier"], how="left", maintain_order="left")
        .group_by("row")
        .agg(
            pl.len().cast(pl.Int64).alias("terms"),
            pl.col("_valence").mean().alias("valence"),
            *((pl.col(level) == name).sum().cast(pl.Int64).alias(name) for name in names),
        )
    )
    rows = pl.DataFrame({"words": texts.str.count_matches(_WORDS).fill_null(0).cast(pl.Int64)}).with_row_index("row")
    joined = rows.join(counted, on="row", how="left", maintain_order="left")
    return joined.select(
        "words",
        pl.col("terms").fill_null(0),
        pl.when(pl.col("words") > 0).then(pl.col("terms").fill_null(0) / pl.col("words")).alias("coverage"),
        "valence",
        *(pl.col(name).fill_null(0) for name in names),
    )
