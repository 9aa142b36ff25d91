"""Which words of a text carry its label: those whose removal lowers the label's score most (occlusion).

Zeiler and Fergus (2014), "Visualizing and Understanding Convolutional Networks", section 4.2, occlude parts of a
picture; here a part is a word. For hints to a language model, in the way of HEF (arXiv 2402.11801), whose own small
model finds the words that elicit an emotion by other means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_WORDS = 64  # words of a text that are tried; later ones are not
_WORD = re.compile(r"[^\W_][\w'’\u0300-\u036f\u0900-\u097f\u200c\u200d]*")


def cause_words(
    texts: Sequence[str], best: NDArray[np.int64], whole: Floats, score: Callable[[Sequence[str]], Floats], most: int
) -> pl.Series:
    """(texts,) String: at most `most` words of each text, comma between them, whose removal lowers the score of its
    best label, the one that lowers it most first; null where none does.

    `best`: (texts,) the place of the label; `whole`: (texts,) its score of the whole text; `score(texts)` gives
    (texts, labels). All texts without one of their words are scored in one call.
    """
    without: list[str] = []
    owners: list[int] = []
    words: list[str] = []
    for row, text in enumerate(texts):
        for place, match in enumerate(_WORD.finditer(text)):
            if place == MOST_WORDS:
                break
            without.append(f"{text[: match.start()]}{text[match.end() :]}")
            owners.append(row)
            words.append(match[0])
    rows = pl.DataFrame({"row": pl.int_range(len(texts), dtype=pl.Int64, eager=True)})
    if not without:
        return rows.select(pl.lit(None, dtype=pl.String).alias("words"))["words"]
    owner = np.array(owners)
    drop = whole[owner] - score(without)[np.arange(len(owner)), best[owner]]
    found = (
        pl.DataFrame({"row": owner, "word": words, "drop": np.round(drop, 6)})
        .filter(pl.col("drop") > 0)
        .with_columns(pl.col("word").str.to_lowercase().alias("_folded"))
        .sort("row", "drop", descending=[False, True], maintain_order=True)
        .unique(["row", "_folded"], keep="first", maintain_order=True)
        .group_by("row", maintain_order=True)
        .agg(pl.col("word").head(most).str.join(", ").alias("words"))
    )
    return rows.join(found, on="row", how="left", maintain_order="left")["words"]


def top_labels(scores: Floats, names: Sequence[str], most: int) -> pl.Series:
    """(rows,) String: the names of the `most` largest of `scores` (rows, labels) of each row, the largest first, comma
    between them."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :most]
    row = np.repeat(np.arange(len(scores)), order.shape[1])
    flat = pl.DataFrame({"row": row, "name": pl.Series(list(names), dtype=pl.String)[order.ravel()]})
    lists = flat.group_by("row", maintain_order=True).agg(pl.col("name").str.join(", "))
    return lists["name"] if len(scores) else pl.Series([], dtype=pl.String)
