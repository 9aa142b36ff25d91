"""Where spans that a corpus came with stand once the build has changed the texts."""

from __future__ import annotations

import unicodedata
from typing import Any

import polars as pl

from schemas.kinds.quotes import find
from schemas.tables import ANNOTATIONS, polars_schema


def settle(annotations: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Move spans to where their words stand now.

    Args:
        annotations: ANNOTATIONS whose items are those of `after`, and `_of`, the item that each was about `before`.
        before, after: `item_id`, `text` and `context` of the items as they were read, and as they were built.

    Returns:
        `annotations` with every span at its words, and in the item that its own became; and those with a span whose
        words do not stand there any more, which are not among the first.
    """
    marked = annotations.filter(pl.col("spans").list.len() > 0)
    if marked.is_empty():
        return annotations, annotations.clear()
    found = _spans(marked.with_row_index("_row"))
    found = _beside(found, before, "_of", "span_item", "_raw")
    own = pl.col("span_item") == pl.col("_of")
    found = found.with_columns(pl.when(own).then("item_id").otherwise("span_item").alias("span_item"))
    found = _beside(found, after, "item_id", "span_item", "_now").sort("_row", "_place")
    length = pl.col("end") - pl.col("start")
    found = found.with_columns(pl.coalesce("text", pl.col("_raw").str.slice("start", length)).alias("text"))
    stands = pl.col("start").is_null() | (pl.col("_now").str.slice("start", length) == pl.col("text"))
    found = found.with_columns(stands.fill_null(False).alias("_stands"))
    moved = [_moved(row) for row in found.filter(~pl.col("_stands")).iter_rows(named=True)]
    fields = ("start", "end", "text")
    places = pl.DataFrame(
        moved, schema={"_row": pl.UInt32, "_place": pl.Int64, **{f"_{name}": found.schema[name] for name in fields}}
    )
    found = found.join(places, on=["_row", "_place"], how="left", maintain_order="left").with_columns(
        pl.when("_stands").then(name).otherwise(f"_{name}").alias(name) for name in fields
    )
    lost = found.filter(~pl.col("_stands") & pl.col("_start").is_null())["_row"].unique()
    kind = polars_schema(ANNOTATIONS)["spans"]
    span = pl.struct(pl.col("span_item").alias("item_id"), "start", "end", "label", "text")
    lists = found.group_by("_row", maintain_order=True).agg(span.alias("spans").cast(kind.inner))  # type: ignore[attr-defined]
    settled = marked.with_row_index("_row").drop("spans").join(lists, on="_row", how="left", maintain_order="left")
    gone = settled.filter(pl.col("_row").is_in(lost.implode()))
    kept = settled.filter(~pl.col("_row").is_in(lost.implode()))
    rest = annotations.filter((pl.col("spans").list.len() > 0).fill_null(False).not_())
    order = annotations.columns
    return pl.concat([rest, kept.select(order)]), gone.select(order)


def _spans(marked: pl.DataFrame) -> pl.DataFrame:
    """One row for each span: `_row` and `_place` of it, whose it is, and its fields, its item as `span_item`."""
    return (
        marked.select("_row", "_of", "item_id", "spans")
        .with_columns(pl.int_ranges(pl.col("spans").list.len()).alias("_place"))
        .explode("spans", "_place")
        .with_columns(pl.col("spans").struct.rename_fields(["span_item", "start", "end", "label", "text"]))
        .unnest("spans")
    )


def _beside(found: pl.DataFrame, items: pl.DataFrame, item: str, turn: str, name: str) -> pl.DataFrame:
    """`found` with the text of the turn named in column `turn`, of the item in column `item` or of its context."""
    wanted = items.join(found.select(pl.col(item).alias("item_id")).unique(), on="item_id", how="semi")
    own = wanted.select(pl.col("item_id").alias(item), pl.col("item_id").alias(turn), pl.col("text").alias(name))
    others = (
        wanted.select(pl.col("item_id").alias(item), "context")
        .filter(pl.col("context").list.len() > 0)
        .explode("context")
        .select(
            item,
            pl.col("context").struct.field("item_id").alias(turn),
            pl.col("context").struct.field("text").alias(name),
        )
        .drop_nulls(turn)
    )
    texts = pl.concat([own, others]).unique([item, turn], keep="first", maintain_order=True)
    return found.join(texts, on=[item, turn], how="left", maintain_order="left")


def _moved(row: dict[str, Any]) -> dict[str, Any]:
    """The place of the words nearest to where they stood; without one where they are gone."""
    place: dict[str, Any] = {"_row": row["_row"], "_place": row["_place"], "_start": None, "_end": None, "_text": None}
    text, quote = row["_now"] or "", unicodedata.normalize("NFC", row["text"] or "")
    taken: set[tuple[int, int]] = set()
    while (found := find(text, quote, taken)) is not None:
        taken.add(found)
    if taken:
        start, end = min(taken, key=lambda one: (abs(one[0] - row["start"]), one))
        place |= {"_start": start, "_end": end, "_text": text[start:end]}
    return place
