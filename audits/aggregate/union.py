"""Union: what anyone said."""

from __future__ import annotations

from typing import Literal

import numpy as np

from audits.aggregate.ballot import Ballot, Outcome, no_soft_labels, without_company
from audits.aggregate.rule import VoteRule


class Union(VoteRule):
    """Every label that at least one annotator gave; "none of these" only where all who answered said so.

    Not for a choice: several labels are no answer to it. An exclusive label gives way to the others.
    """

    rule: Literal["union"] = "union"

    def decide(self, ballot: Ballot) -> Outcome:
        """See the class.

        Raises:
            DsbuildError: a soft label is among the annotations.
        """
        no_soft_labels(ballot, "union")
        chosen = without_company(ballot.yes > 0, ballot.part)
        none = (ballot.none == ballot.answered) & (ballot.answered > 0)
        return Outcome(chosen, none, ballot.share, np.zeros(len(none), dtype=np.bool_))
