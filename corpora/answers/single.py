"""Answers that are one number, one text, or the samples of a trace."""

from __future__ import annotations

import polars as pl

from corpora.answers.numbers import votes_of
from corpora.answers.plan import Plan, Slot
from corpora.answers.said import NO_NUMBER, Said, as_said
from corpora.lists import listed

_SAMPLE = pl.struct(pl.col("t"), pl.col("value"))


def from_text(plan: Plan, slot: Slot, cells: pl.DataFrame) -> Said:
    """The texts of a column; a blank cell is no answer."""
    [(column, _)] = slot.columns
    frame = pl.DataFrame({"text": cells[column]}).with_row_index("row")
    return Said(as_said(frame.filter(pl.col("text").str.strip_chars() != "")))


def from_scale(plan: Plan, slot: Slot, cells: pl.DataFrame) -> Said:
    """The numbers of a column, or the names of the scale's points; a blank cell is no answer."""
    [(column, _)] = slot.columns
    found = plan.words.numbers(cells[column]).with_columns(cells[column].alias("cell"), votes_of(plan, cells, _NONE))
    frame = found.with_row_index("row").filter(pl.col("bad") | pl.col("number").is_not_null())
    return Said(as_said(_refused(frame.rename({"number": "value"}), pl.format("{}: '{}'", pl.lit(column), "cell"))))


def from_samples(plan: Plan, slot: Slot, cells: pl.DataFrame) -> Said:
    """The traces of which each sample has a column, named by its time. A blank cell is no sample."""
    scale = 0.001 if plan.milliseconds else 1.0
    parts = []
    for column, time in slot.columns:
        found = plan.words.numbers(cells[column]).with_row_index("row").with_columns(cells[column].alias("cell"))
        parts.append(
            found.filter(pl.col("bad") | pl.col("number").is_not_null()).with_columns(
                pl.lit(round(float(time) * scale, 6)).alias("t"), pl.lit(column).alias("column")
            )
        )
    return _traces(pl.concat(parts), "column")


def from_times(plan: Plan, slot: Slot, cells: pl.DataFrame, groups: pl.Series) -> Said:
    """The traces of which each sample has a row: rows of one trace share their number in `groups` (UInt32)."""
    [(column, _)] = slot.columns
    assert plan.entry.time is not None
    times = plan.words.numbers(cells[plan.entry.time])
    frame = plan.words.numbers(cells[column]).with_columns(
        cells[column].alias("cell"),
        cells[plan.entry.time].alias("column"),
        groups.alias("row"),
        (times["number"] * (0.001 if plan.milliseconds else 1.0)).round(6).alias("t"),
    )
    frame = frame.with_columns((pl.col("bad") | (pl.col("number").is_not_null() & pl.col("t").is_null())).alias("bad"))
    return _traces(frame.filter(pl.col("bad") | pl.col("number").is_not_null()), "column")


def _traces(samples: pl.DataFrame, name: str) -> Said:
    """Traces of {row, t, number, bad, cell} and the column `name` that tells a sample in messages."""
    bad = samples.filter("bad").unique("row", keep="first", maintain_order=True)
    good = samples.filter(~pl.col("bad")).rename({"number": "value"}).sort("row", "t")
    faults = bad.select("row", pl.lit(NO_NUMBER).alias("reason"), pl.format("{}: '{}'", name, "cell").alias("detail"))
    traces = listed(good.join(bad, on="row", how="anti", maintain_order="left"), _SAMPLE, "trace")
    return Said(pl.concat([as_said(traces), as_said(faults)]))


def _refused(frame: pl.DataFrame, detail: pl.Expr) -> pl.DataFrame:
    return frame.with_columns(
        pl.when("bad").then(pl.lit(NO_NUMBER)).alias("reason"), pl.when("bad").then(detail).alias("detail")
    )


_NONE = pl.Series("votes", [], dtype=pl.Float64)
