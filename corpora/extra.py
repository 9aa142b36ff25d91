"""What of a source has no place in the tables, kept as JSON with the item."""

from __future__ import annotations

import json

import polars as pl


def of_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """{_id, _extra}: the JSON (`_extra_`) of the rows of each item, or `{"rows": [...]}` where they differ."""
    several = pl.concat_str(pl.lit('{"rows":['), pl.col("_extra_").fill_null("{}").str.join(","), pl.lit("]}"))
    return rows.group_by("_id_", maintain_order=True).agg(
        pl.when(pl.col("_extra_").n_unique() > 1).then(several).otherwise(pl.col("_extra_").first()).alias("_extra_")
    )


def of_files(rows: pl.DataFrame) -> pl.DataFrame:
    """{_id, _more}: members of an object, FILE: what each row of the item has there, for rows with `_file_`."""
    known = rows.filter(pl.col("_extra_").is_not_null() & pl.col("_id_").is_not_null())
    names = {name: json.dumps(name, ensure_ascii=False) for name in known["_file_"].unique().to_list()}
    listed = pl.concat_str(pl.lit("["), pl.col("_extra_").str.join(","), pl.lit("]"))
    by_file = known.group_by("_id_", "_file_", maintain_order=True).agg(
        pl.when(pl.len() > 1).then(listed).otherwise(pl.col("_extra_").first()).alias("_told_")
    )
    told = by_file.with_columns(pl.col("_file_").replace_strict(names, default=None, return_dtype=pl.String))
    member = pl.concat_str("_file_", pl.lit(":"), "_told_")
    return told.group_by("_id_", maintain_order=True).agg(member.str.join(",").alias("_more_"))


def joined(rows: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """`rows` ({_id, _extra, ...}) with the members of `more` ({_id, _more}) added to each item's object."""
    if more.is_empty():
        return rows
    found = rows.join(more, on="_id_", how="left", maintain_order="left")
    own, others = pl.col("_extra_"), pl.col("_more_")
    inner = own.str.slice(1).str.strip_suffix("}")
    both = pl.concat_str(
        pl.lit("{"), inner, pl.when(inner == "").then(pl.lit("")).otherwise(pl.lit(",")), others, pl.lit("}")
    )
    return found.with_columns(
        pl.when(others.is_null())
        .then(own)
        .when(own.is_null())
        .then(pl.concat_str(pl.lit("{"), others, pl.lit("}")))
        .otherwise(both)
        .alias("_extra_")
    ).drop("_more_")
