"""Which split an item is released in, by a name that the Hub accepts."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from schemas.errors import DsbuildError

DEFAULT = "train"
_USUAL = ("train", "validation", "test")
_NOT_A_WORD = re.compile(r"[^A-Za-z0-9_]+")
_RESERVED = {"all"}  # what `datasets` calls all splits together


def split_name(split: str | None) -> str:
    """`split` as the Hub wants it (letters, digits, underscores); an item without a split is in "train"."""
    if split is None:
        return DEFAULT
    name = _NOT_A_WORD.sub("_", split).strip("_")
    return f"{name}_split" if name.lower() in _RESERVED else name or "unnamed"


def in_order(names: Iterable[str]) -> list[str]:
    """Split names without repetition: train, validation and test first, then the others by name."""
    given = set(names)
    return [name for name in _USUAL if name in given] + sorted(given - set(_USUAL))


def split_index(items: pl.LazyFrame) -> tuple[pl.DataFrame, list[str]]:
    """Where every item is released: {item_id, split} sorted by item_id, split names sanitised; and the splits.

    Raises:
        DsbuildError: two items have one id, or two splits would get one name.
    """
    index = items.select("item_id", "split").sort("item_id").collect()
    twice = index.filter(pl.col("item_id").is_duplicated())
    if twice.height:
        raise DsbuildError(
            f"{twice['item_id'].n_unique()} item ids stand for more than one item.", where=f"item {twice['item_id'][0]}"
        )
    raw = [split for split in index["split"].unique().sort() if split is not None]
    names: dict[str, str] = {}
    for split in raw:
        other = names.setdefault(split_name(split), split)
        if other != split:
            raise DsbuildError(
                f"The splits {other!r} and {split!r} would both be released as {split_name(split)!r}.",
                fix="Rename one of them: a split's name is made of letters, digits and underscores.",
            )
    renamed = {split: name for name, split in names.items()}
    index = index.with_columns(pl.col("split").fill_null(DEFAULT).replace(renamed))
    return index, in_order(index["split"].unique())
