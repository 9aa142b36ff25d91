"""Stated: the author's own word."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from audits.aggregate.ballot import Ballot, Outcome
from audits.aggregate.rule import Rule


class Stated(Rule):
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
        return Outcome(chosen, none, chosen.astype(np.float64), ~unanimous)
