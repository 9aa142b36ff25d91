"""Labels of a closed set, decided by how often each was given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pyarrow as pa

from audits.aggregate.ballot import Ballot, Outcome, count
from audits.aggregate.decision import DECIMALS, Decision
from audits.aggregate.rule import VoteRule
from audits.arrays import Floats, in_rows
from audits.part import Part
from schemas.tables import LABELS, polars_schema
from schemas.task import Task

Tone = Callable[[str], tuple[str | None, str | None, str | None]]


def votes(rule: VoteRule, annotations: pl.DataFrame, task: Task | Part, tone: Tone | None = None) -> Decision:
    """`labels`, `soft`, `agreement` and, with `tone`, `tone` of every item.

    `labels` are in the taxonomy's order, each with the rule's p; `soft` has the p of every label put to anyone, whether
    it was chosen or not, and is null where nobody answered. `agreement` is the share of those who answered in the first
    round whose answer is exactly the final one (on the labels that were put to them); of counts of votes for one label
    it is the share that gave it, of counts of several labels nobody knows it.
    """
    ballot = count(annotations, task)
    outcome = rule.decide(ballot)
    by_label = outcome.chosen.sum(axis=0).tolist()
    return Decision(
        _frame(ballot, outcome, tone),
        dict(zip(ballot.part.label_ids, by_label, strict=True)),
        int(outcome.none.sum()),
        int(outcome.ties.sum()),
        outcome.fit,
        (*ballot.answers.notes, *outcome.notes),
    )


def _agreement(ballot: Ballot, outcome: Outcome) -> Floats:
    """(I,) share of first answers that are exactly the final one; NaN where fewer than two answered."""
    answers, weighted = ballot.answers, ballot.answers.weighted
    asked = answers.asked[answers.answer]
    differs = (answers.member[answers.answer] ^ outcome.chosen[ballot.item]) & asked
    same = np.bincount(ballot.item[~differs.any(axis=1)], minlength=len(ballot.items)).astype(np.float64)
    known = outcome.decided & (ballot.answered > 1)
    if len(weighted.item):
        final = outcome.chosen[ballot.weighted]
        same_here = np.where(final.any(axis=1), (weighted.weight * final).sum(axis=1), weighted.none)
        np.add.at(same, ballot.weighted, same_here)
        if ballot.part.kind == "multi":
            known[ballot.weighted] = False
    return np.where(known, same / np.maximum(ballot.answered, 1), np.nan)


def _annotators(ballot: Ballot) -> list[int]:
    """(I,) distinct annotators who answered or adjudicated, and the people behind counts of votes."""
    where = np.flatnonzero(ballot.adjudicated)
    first = pl.DataFrame(
        {"item": ballot.item, "by": pl.Series(ballot.answers.annotators, dtype=pl.String)[ballot.answers.annotator]}
    )
    judges = pl.DataFrame({"item": where, "by": [ballot.adjudicators[i] for i in where]}, schema=first.schema)
    both = pl.concat([first, judges]).unique()
    found = np.bincount(both["item"].to_numpy(), minlength=len(ballot.items))
    people = np.bincount(ballot.weighted, weights=ballot.answers.weighted.people, minlength=len(ballot.items))
    return [int(n) for n in found + people]


def _frame(ballot: Ballot, outcome: Outcome, tone: Tone | None) -> pl.DataFrame:
    part = ballot.part
    rows, columns = np.nonzero(outcome.chosen)
    schema = polars_schema(LABELS)
    paths = pl.DataFrame(
        [(label, *(tone(label) if tone else (None, None, None))) for label in part.label_ids],
        schema={"label": pl.String, "primary": pl.String, "secondary": pl.String, "tertiary": pl.String},
        orient="row",
    )
    lists = (
        paths[columns]
        .with_columns(
            pl.Series("row", rows, dtype=pl.Int64),
            pl.Series("p", outcome.p[rows, columns].round(DECIMALS), dtype=pl.Float64),
            pl.lit(None, dtype=pl.Float64).alias("score"),
        )
        .group_by("row", maintain_order=True)
        .agg(
            pl.struct("label", "p", "score").alias("labels"),
            pl.struct("label", "primary", "secondary", "tertiary").alias("tone"),
        )
    )
    agreement = pl.Series(_agreement(ballot, outcome), dtype=pl.Float64).fill_nan(None)
    wanted = ("labels", "tone") if tone else ("labels",)
    return (
        pl.DataFrame(
            {
                "row": pl.Series(np.arange(len(ballot.items)), dtype=pl.Int64),
                "item_id": pl.Series(ballot.items, dtype=pl.String),
                "annotators": pl.Series(_annotators(ballot), dtype=pl.Int32),
                "agreement": agreement,
                "none": outcome.none,
                "soft": _soft(ballot, outcome),
            }
        )
        .join(lists.select("row", *wanted), on="row", how="left", maintain_order="left")
        .with_columns(
            pl.when("none").then(pl.lit([], dtype=schema[column])).otherwise(column).alias(column) for column in wanted
        )
        .drop("row", "none")
    )


def _soft(ballot: Ballot, outcome: Outcome) -> pl.Series:
    """(I,) the p of every label that was put to anyone, as list<struct{label, p}>; null where nobody answered."""
    there = (ballot.asked > 0) | ballot.adjudicated[:, None]
    rows, columns = np.nonzero(there)
    names = pl.Series("label", ballot.part.label_ids, dtype=pl.String)[columns]
    entries = pl.DataFrame({"label": names, "p": outcome.p[rows, columns].round(DECIMALS)}).to_struct("soft")
    ends = np.concatenate([[0], there.sum(axis=1).cumsum()])
    empty = ~in_rows(there)
    lists = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), entries.to_arrow())
    soft = pl.Series("soft", lists).cast(polars_schema(LABELS)["soft"])
    return soft if not empty.any() else soft.set(pl.Series(empty), None)
