"""Intersection: what everyone said."""

from __future__ import annotations

from typing import Literal

import numpy as np

from audits.aggregate.ballot import Ballot, Outcome, without_company
from audits.aggregate.rule import Rule
from audits.figures import counted


class Intersection(Rule):
    """Every label that all who were asked it gave, where at least two annotators answered.

    "None of these" only where all said so: answers that have nothing in common leave the item without a label, and
    so does a single answer, since nobody agrees with it. For a choice it means that all say the same.
    """

    rule: Literal["intersection"] = "intersection"

    def decide(self, ballot: Ballot) -> Outcome:
        """See the class."""
        several = ballot.answered >= 2
        chosen = (ballot.yes == ballot.asked) & (ballot.yes > 0) & several[:, None]
        none = (ballot.none == ballot.answered) & several
        alone = int((ballot.answered == 1).sum())
        notes = (f"{counted(alone, 'item has', 'items have')} a single answer: no label.",) if alone else ()
        no_ties = np.zeros(len(several), dtype=np.bool_)
        return Outcome(without_company(chosen, ballot.task), none, ballot.share, no_ties, notes=notes)
