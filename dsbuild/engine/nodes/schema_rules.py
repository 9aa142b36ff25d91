"""What a corpus or an annotator gives, held against the rules of the tables before anything rests on it."""

from __future__ import annotations

import polars as pl

from schemas.forms.check import check_annotations, check_items
from schemas.tables import REJECTS, conform

ITEM_REFUSED = "its item was refused"


class SchemaRules:
    """The rules of the tables over the batches of one corpus: an item that is refused takes its annotations with it,
    in whichever batch they come."""

    def __init__(self) -> None:
        self._refused = pl.Series("item_id", [], dtype=pl.String)

    def split(self, items: pl.DataFrame, annotations: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """The ITEMS and ANNOTATIONS that keep the rules, and REJECTS for the others."""
        items, bad_items = check_items(items)
        annotations, bad_annotations = check_annotations(annotations)
        if bad_items.height:
            self._refused = pl.concat([self._refused, bad_items["item_id"].drop_nulls()])
        if self._refused.is_empty():
            return items, annotations, pl.concat([bad_items, bad_annotations])
        homeless = pl.col("item_id").is_in(self._refused.implode())
        lost = annotations.filter(homeless).select(
            pl.lit("schema").alias("stage"),
            pl.lit(ITEM_REFUSED).alias("reason"),
            "item_id",
            pl.format("annotation_id {}", "annotation_id").alias("detail"),
            pl.struct(pl.all()).struct.json_encode().alias("raw"),
        )
        rejects = pl.concat([bad_items, bad_annotations, conform(lost, REJECTS)])
        return items, annotations.filter(~homeless), rejects
