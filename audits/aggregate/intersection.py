"""Intersection: what everyone said."""

from __future__ import annotations

from typing import Literal

import numpy as np

from audits.aggregate.ballot import Ballot, Outcome, no_soft_labels, without_company
from audits.aggregate.rule import VoteRule
from audits.figures import counted


class Intersection(VoteRule):
    """Every label that all who were asked it gave, where at least two annotators answered.

    "None of these" only where all said so: answers that have nothing in common leave the item without a label, and
    so does a single answer, since nobody agrees with it. For a choice it means that all say the same.
    """

    rule: Literal["intersection"] = "intersection"

    def decide(self, ballot: Ballot) -> Outcome:
        """See the class.

        Raises:
            DsbuildError: a soft label is among the annotations.
        """
        no_soft_labels(ballot, "intersection")
        several = ballot.answered >= 2
        chosen = (ballot.yes == ballot.asked) & (ballot.yes > 0) & several[:, None]
        none = (ballot.none == ballot.answered) & several
        alone = int((ballot.answered == 1).sum())
        notes = (f"{counted(alone, 'item has', 'items have')} a single answer: no label.",) if alone else ()
        no_ties = np.zeros(len(several), dtype=np.bool_)
        return Outcome(without_company(chosen, ballot.part), none, ballot.share, no_ties, notes=notes)
