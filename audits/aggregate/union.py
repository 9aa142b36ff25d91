"""Union: what anyone said."""

from __future__ import annotations

from typing import Literal

import numpy as np

from audits.aggregate.ballot import Ballot, Outcome, without_company
from audits.aggregate.rule import Rule
from schemas.errors import DsbuildError


class Union(Rule):
    """Every label that at least one annotator gave; "none of these" only where all who answered said so.

    Only for multi: several labels are no answer to a choice. An exclusive label gives way to the others.
    """

    rule: Literal["union"] = "union"

    def decide(self, ballot: Ballot) -> Outcome:
        """See the class.

        Raises:
            DsbuildError: the task is a choice.
        """
        if ballot.task.kind == "choice":
            raise DsbuildError(
                f"The union of answers to {ballot.task.name} can be several labels, but a choice has one.",
                fix="Use majority, intersection (all say the same) or dawid_skene.",
            )
        chosen = without_company(ballot.yes > 0, ballot.task)
        none = (ballot.none == ballot.answered) & (ballot.answered > 0)
        return Outcome(chosen, none, ballot.share, np.zeros(len(none), dtype=np.bool_))
