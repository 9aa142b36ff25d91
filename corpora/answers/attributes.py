"""Answers of attributes: a column for each, of words or of a number."""

from __future__ import annotations

import polars as pl

from corpora.answers.numbers import votes_of
from corpora.answers.plan import Plan, Slot
from corpora.answers.said import NO_NUMBER, OUTSIDE, Said, as_said
from corpora.answers.strings import members
from corpora.lists import in_rows, listed
from schemas.taxonomy import fold

_MEMBER = pl.struct("label", "score", "original")
_TEXTS = pl.List(pl.String)
_WORDS = pl.Schema({"cell": pl.String(), "label": _TEXTS, "original": _TEXTS, "outside": pl.String()})


def from_attributes(plan: Plan, slot: Slot, cells: pl.DataFrame) -> Said:
    """The answers in one column for each attribute: `ATTRIBUTE:OPTION` for a word, the attribute with its number for a
    scale. A blank cell was not asked; an empty JSON list is the answer that there is none."""
    parts, wrong = [], []
    strings: dict[str, int] = {}
    for place, (column, name) in enumerate(slot.columns):
        if plan.task.attributes[name].kind == "scale":
            found = plan.words.numbers(cells[column]).select(
                label=pl.when(pl.col("number").is_not_null()).then(pl.concat_list(pl.lit(name))),
                original=pl.concat_list(pl.lit(column)),
                score="number",
                reason=pl.when("bad").then(pl.lit(NO_NUMBER)),
            )
        else:
            told = _words(plan, name, cells[column])
            rows = cells[column].rename("cell").to_frame().join(told, on="cell", how="left", maintain_order="left")
            found = rows.select(
                "label",
                "original",
                score=pl.lit(None, dtype=pl.Float64),
                reason=pl.when(pl.col("outside").is_not_null()).then(pl.lit(OUTSIDE)),
            )
        frame = found.with_row_index("row").with_columns(
            pl.lit(place, dtype=pl.UInt32).alias("place"), pl.lit(name).alias("asked"), cells[column].alias("cell")
        )
        bad = frame.filter(pl.col("reason").is_not_null())
        wrong.append(bad.select("row", "reason", pl.format("{}: '{}'", pl.lit(column), "cell").alias("detail")))
        here = frame.filter(pl.col("label").is_not_null() & pl.col("reason").is_null())
        parts.append(here.select("row", "place", "asked", "label", "original", "score"))
        if here.height:
            strings[column] = here.height
    asked = pl.concat(parts).sort("row", "place")
    flat = asked.explode("label", "original").drop_nulls("label")
    faults = pl.concat(wrong).unique("row", keep="first", maintain_order=True)
    answered = pl.concat([asked["row"], faults["row"]]).unique().sort()
    frame = pl.DataFrame(
        {
            "row": answered,
            "labels": in_rows(listed(flat, _MEMBER, "labels"), "labels", answered).fill_null([]),
            "asked": in_rows(listed(asked, pl.col("asked"), "asked"), "asked", answered),
            "votes": votes_of(plan, cells, pl.Series("votes", [], dtype=pl.Float64)).gather(answered),
        }
    ).join(faults, on="row", how="left", maintain_order="left")
    all_asked = pl.col("asked").list.len() == len(plan.task.attributes)
    return Said(as_said(frame.with_columns(pl.when(~all_asked).then("asked").alias("asked"))), strings)


def _words(plan: Plan, name: str, column: pl.Series) -> pl.DataFrame:
    """What each distinct cell says of the attribute: labels and their strings, or what is none of its options."""
    options = {fold(option): f"{name}:{option}" for option in plan.task.attributes[name].options}
    known = []
    for text in column.drop_nulls().unique().to_list():
        parts = members(text, plan.entry.separator)
        told = [one for one in parts or [] if plan.words.answers(one)]
        if parts is None or (parts and not told):
            continue
        labels = [options.get(fold(plan.words.meant(one))) for one in told]
        outside = next((one for one, label in zip(told, labels, strict=True) if label is None), None)
        known.append({"cell": text, "label": labels, "original": told, "outside": outside})
    return pl.DataFrame(known, schema=_WORDS)
