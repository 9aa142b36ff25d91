"""Stated: the author's own word."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from audits.aggregate.ballot import Ballot, Outcome
from audits.aggregate.majority import Majority
from audits.aggregate.rule import VoteRule


class Stated(VoteRule):
    """The author's annotation as it is; nobody else's counts. Authors who contradict each other: a tie, no label."""

    rule: Literal["stated"] = "stated"

    def voters(self, annotations: pl.DataFrame) -> pl.DataFrame:
        """The annotations of authors."""
        return annotations.filter(pl.col("annotator_kind") == "author")

    def decide(self, ballot: Ballot) -> Outcome:
        """See the class."""
        # One answer is repeated by all where every label was given by all of them or by none.
        unanimous = ((ballot.yes == 0) | (ballot.yes == ballot.answered[:, None])).all(axis=1)
        one = unanimous & (ballot.answered > 0)
        chosen = (ballot.yes > 0) & one[:, None]
        none = one & ~chosen.any(axis=1)
        # A soft label is the author's one answer in shares: its strongest label is what is stated.
        soft = ballot.soft & ~unanimous & (ballot.answered == 1)
        strongest = Majority().decide(ballot)
        chosen = np.where(soft[:, None], strongest.chosen, chosen)
        none = np.where(soft, strongest.none, none)
        p = np.where(soft[:, None], ballot.share, chosen.astype(np.float64))
        return Outcome(chosen, none, p, np.where(soft, strongest.ties, ~unanimous))
