"""Answers in one number for each label: 0 and 1, counts of votes, shares, levels, ranks.

The numbers stand in a column for each label (wide), or in a row for each label (long). Both become the same frame of
numbers that are there: {row, place, label, original, number}, from which lists are made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpora.answers.plan import Plan, Slot
from corpora.answers.said import NEITHER, NO_COUNT, NO_NUMBER, NO_SHARE, OUTSIDE, Said, as_said
from corpora.lists import in_rows, listed

_MEMBER = pl.struct(pl.col("label"), pl.col("score"), pl.col("original"))
_FIELDS = {"row": pl.UInt32, "place": pl.UInt32, "label": pl.String, "original": pl.String, "number": pl.Float64}


def from_columns(plan: Plan, slot: Slot, cells: pl.DataFrame) -> Said:
    """The answers in one column of numbers for each label. A blank cell is a label that was not asked."""
    parts: list[pl.DataFrame] = []
    wrong: list[pl.DataFrame] = []
    there = np.zeros(cells.height, dtype=np.int32)
    blanks: dict[str, NDArray[np.bool_]] = {}
    words, sparse = plan.words, plan.task.kind in ("choice", "multi")
    strings: dict[str, int] = {}
    mapped: dict[str, int] = {}
    total = np.zeros(cells.height, dtype=np.float64)
    for place, (column, label) in enumerate(slot.columns):
        found = words.numbers(cells[column])
        numbers = found["number"].fill_null(np.nan).to_numpy()
        bad = found["bad"].to_numpy() | _unfit(plan, numbers)
        here = ~np.isnan(numbers) & ~bad
        blanks[column] = ~here & ~bad
        there += here | bad
        total += np.where(here, numbers, 0.0)
        if bad.any():
            wrong.append(_wrong(np.flatnonzero(bad), column, cells[column]))
        # Of labels that were chosen or not, only the chosen ones are listed.
        rows = np.flatnonzero(here & (numbers != 0) if sparse else here).astype(np.uint32)
        if len(rows):
            strings[column] = len(rows)
            if column != label:
                mapped[f"{column} -> {label}"] = len(rows)
        parts.append(
            pl.DataFrame(
                {"row": rows, "number": numbers[rows]}, schema={"row": pl.UInt32, "number": pl.Float64}
            ).select(
                "row",
                pl.lit(place, dtype=pl.UInt32).alias("place"),
                pl.lit(label).alias("label"),
                pl.lit(column).alias("original"),
                "number",
            )
        )
    answered = pl.Series("row", np.flatnonzero(there).astype(np.uint32), dtype=pl.UInt32)
    members = pl.concat(parts).sort("row", "place")
    asked = _asked(plan, slot, blanks, there, answered)
    votes = votes_of(plan, cells, pl.Series("votes", total))
    return Said(_answers(plan, answered, members, asked, votes.gather(answered), wrong), strings, mapped)


def from_rows(plan: Plan, slot: Slot, labels: pl.Series, cells: pl.DataFrame, groups: pl.Series) -> Said:
    """The answers in one row of a number for each label: `labels` (String) are what the numbers in `cells` are about,
    rows of one answer share their number in `groups` (UInt32, of its first row). A blank number was not asked."""
    [(column, _)] = slot.columns
    words = plan.words
    texts = labels.drop_nulls().unique().to_list()
    known = pl.DataFrame(
        {"text": texts, "label": [words.label(text) for text in texts]},
        schema={"text": pl.String, "label": pl.String},
    )
    found = words.numbers(cells[column])
    frame = pl.DataFrame({"row": groups, "text": labels, "cell": cells[column]}).with_row_index("place")
    frame = frame.join(known, on="text", how="left", maintain_order="left").with_columns(found)
    unfit = pl.Series(_unfit(plan, frame["number"].fill_null(np.nan).to_numpy()))
    frame = frame.with_columns((pl.col("bad") | unfit).alias("bad"), pl.col("text").alias("original"))
    outside = frame.filter(pl.col("label").is_null())
    frame = frame.filter(pl.col("label").is_not_null())
    wrong = [
        frame.filter("bad").select("row", pl.format("{}: '{}'", "original", "cell").alias("detail")).unique("row"),
    ]
    here = frame.filter(~pl.col("bad") & pl.col("number").is_not_null())
    chosen = here.filter(pl.col("number") != 0) if plan.task.kind in ("choice", "multi") else here
    members = chosen.select(pl.col(name).cast(dtype) for name, dtype in _FIELDS.items()).sort("row", "place")
    answered = pl.concat([here["row"], wrong[0]["row"]]).unique().sort()
    asked = listed(here.sort("row", "place"), pl.col("label"), "asked")
    asked = asked.filter(pl.col("asked").list.n_unique() < len(plan.task.label_ids))
    total = here.group_by("row").agg(pl.col("number").sum())
    sums = in_rows(total, "number", pl.Series("row", range(cells.height), dtype=pl.UInt32))
    votes = votes_of(plan, cells, sums).gather(answered)
    counts = chosen.group_by("original", "label").len().sort("original")
    strings = {one: n for one, _, n in counts.iter_rows()}
    mapped = {f"{one} -> {label}": n for one, label, n in counts.iter_rows() if one != label}
    answers = _answers(plan, answered, members, in_rows(asked, "asked", answered), votes, wrong)
    known_labels = ", ".join(plan.task.label_ids)
    refused = outside.select(
        pl.col("place").alias("row"),
        pl.lit(OUTSIDE).alias("reason"),
        pl.format("'{}' is none of: {}", pl.col("text").fill_null(""), pl.lit(known_labels)).alias("detail"),
    )
    return Said(pl.concat([answers, as_said(refused)]), strings, mapped)


def _unfit(plan: Plan, numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of `numbers` (NaN: none) cannot be what they should be."""
    none = np.isnan(numbers)
    if plan.task.kind not in ("choice", "multi"):
        return np.zeros(len(numbers), dtype=bool)
    if plan.entry.soft:
        fits = (numbers >= 0) & (numbers <= 1)
    elif plan.entry.votes is not False:
        fits = (numbers >= 0) & (numbers == np.floor(np.where(none, 0.0, numbers)))
    else:
        fits = (numbers == 0) | (numbers == 1)
    return np.asarray(~none & ~fits)


def reason_of(plan: Plan) -> str:
    """What is wrong with a cell that cannot be read."""
    if plan.task.kind not in ("choice", "multi"):
        return NO_NUMBER
    return NO_SHARE if plan.entry.soft else NEITHER if plan.entry.votes is False else NO_COUNT


def _wrong(rows: NDArray[Any], column: str, cells: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"row": rows.astype(np.uint32), "cell": cells.gather(rows)}).select(
        "row", pl.format("{}: '{}'", pl.lit(column), "cell").alias("detail")
    )


def _asked(
    plan: Plan, slot: Slot, blanks: dict[str, NDArray[np.bool_]], there: NDArray[np.int32], answered: pl.Series
) -> pl.Series:
    """The labels put to the annotator, for each row `answered`; null where these are all."""
    labels = list(dict.fromkeys(label for _, label in slot.columns))
    whole = labels if len(labels) < len(plan.task.label_ids) else None
    rows = answered.to_numpy()
    part = rows[there[rows] < len(slot.columns)]
    constant = pl.Series("asked", [whole], dtype=pl.List(pl.String)).new_from_index(0, len(answered))
    if not len(part):
        return constant
    members = pl.concat(
        pl.DataFrame({"row": part[~blanks[column][part]]}, schema={"row": pl.UInt32}).with_columns(
            pl.lit(place, dtype=pl.UInt32).alias("place"), pl.lit(label).alias("label")
        )
        for place, (column, label) in enumerate(slot.columns)
    )
    lists = listed(members.sort("row", "place"), pl.col("label").unique(maintain_order=True), "asked")
    found = in_rows(lists, "asked", answered)
    return pl.select(pl.coalesce(found, constant)).to_series().rename("asked")


def votes_of(plan: Plan, cells: pl.DataFrame, total: pl.Series) -> pl.Series:
    """How many people are behind the answer in each of the rows `cells`, Int32; null where it is one or not known."""
    votes = plan.entry.votes
    if votes is True:
        return total.cast(pl.Int32, strict=False).rename("votes")
    if votes is False:
        return pl.Series("votes", [None], dtype=pl.Int32).new_from_index(0, cells.height)
    if isinstance(votes, int):
        return pl.Series("votes", [votes], dtype=pl.Int32).new_from_index(0, cells.height)
    number = pl.col("number")
    whole = pl.when((number == number.floor()) & (number > 0) | (number == 0)).then(number)
    return plan.words.numbers(cells[votes]).select(whole.cast(pl.Int32, strict=False).alias("votes")).to_series()


def _answers(
    plan: Plan,
    answered: pl.Series,
    members: pl.DataFrame,
    asked: pl.Series,
    votes: pl.Series,
    wrong: list[pl.DataFrame],
) -> pl.DataFrame:
    """The answers of the rows `answered`, with their `members` listed, and the reason where one was wrong."""
    plain = plan.task.kind in ("choice", "multi") and plan.entry.votes is False and not plan.entry.soft
    score = pl.lit(None, dtype=pl.Float64) if plain else pl.col("number")
    if plan.task.kind == "ranking":
        members = members.sort("row", "number", "place")
    lists = listed(members.with_columns(score.alias("score")), _MEMBER, "labels")
    faults = pl.concat(wrong).unique("row", keep="first", maintain_order=True) if wrong else None
    frame = pl.DataFrame({"row": answered, "asked": asked.rename("asked"), "votes": votes.rename("votes")})
    # Nothing chosen is an answer; no votes at all are none.
    frame = frame.join(lists, on="row", how="left", maintain_order="left").with_columns(pl.col("labels").fill_null([]))
    if faults is not None:
        frame = frame.join(faults, on="row", how="left", maintain_order="left")
    else:
        frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias("detail"))
    if isinstance(plan.entry.votes, str):
        unknown = pl.when(pl.col("votes").is_null()).then(pl.lit(f"{plan.entry.votes}: no number of people"))
        frame = frame.with_columns(pl.coalesce("detail", unknown))
    wrong_here = pl.col("detail").is_not_null()
    if plan.entry.votes is not False and plan.task.kind in ("choice", "multi"):
        somebody = pl.col("votes").is_null() | (pl.col("votes") > 0) | (pl.col("labels").list.len() > 0)
        frame = frame.filter(somebody | wrong_here)
    return as_said(frame.with_columns(pl.when(wrong_here).then(pl.lit(reason_of(plan))).alias("reason")))
