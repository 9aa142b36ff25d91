"""Which items something is for, wherever items are chosen."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, PositiveInt, field_validator

from schemas.where import Condition, parse

if TYPE_CHECKING:
    import polars as pl


class Selection(BaseModel):
    """The recipe's `on`: items of these splits, corpora and languages, of which annotators say what `where` wants
    (`schemas.where`), then the head of the seeded order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    splits: tuple[str, ...] | None = None
    corpora: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    where: str | None = None
    sample: PositiveInt | None = None

    @field_validator("where")
    @classmethod
    def _can_be_read(cls, where: str | None) -> str | None:
        return None if where is None else str(parse(where))

    @property
    def condition(self) -> Condition | None:
        """What `where` says."""
        return None if self.where is None else parse(self.where)


def in_order(items: pl.DataFrame, seed: int) -> pl.DataFrame:
    """`items` in the seeded order: by a hash of seed and item id, so neither row order nor other items matter."""
    import polars as pl

    salt = str(seed).encode()
    keys = [hashlib.blake2b(item.encode(), digest_size=8, key=salt).digest() for item in items["item_id"].to_list()]
    return items.with_columns(pl.Series("_order", keys, dtype=pl.Binary)).sort("_order", "item_id").drop("_order")


def select(items: pl.DataFrame, selection: Selection, seed: int) -> pl.DataFrame:
    """The selected `items` (ITEMS), in the seeded order; `where` is not looked at, which needs annotations."""
    import polars as pl

    for column, wanted in (
        ("split", selection.splits),
        ("corpus", selection.corpora),
        ("language", selection.languages),
    ):
        if wanted is not None:
            items = items.filter(pl.col(column).is_in(list(wanted)))
    ordered = in_order(items, seed)
    return ordered if selection.sample is None else ordered.head(selection.sample)
