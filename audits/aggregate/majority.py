"""Majority: what most annotators said."""

from __future__ import annotations

from typing import Literal

import numpy as np

from audits.aggregate.ballot import Ballot, Outcome, without_company
from audits.aggregate.rule import Rule


class Majority(Rule):
    """Majority vote.

    Choice: the answer with most votes, "none of these" being one of them; more than one answer with most votes is a
    tie. Multi: every label that more than half of those who were asked it gave; "none of these" where more than half
    of those who answered said so; an item where no label and not "none of these" passes has no label. A tie of a
    multi-label item is a label given by exactly half.

    `ties`: `none` leaves what is undecided without a label; `first` takes the first of the answers with most votes,
    in the taxonomy's order, "none of these" last.
    """

    rule: Literal["majority"] = "majority"
    ties: Literal["none", "first"] = "none"

    def decide(self, ballot: Ballot) -> Outcome:
        """See the class."""
        # votes: (I, L + 1), "none of these" last
        votes = np.concatenate([ballot.yes, ballot.none[:, None]], axis=1)
        most = votes.max(axis=1)
        top = (votes == most[:, None]) & (most > 0)[:, None]
        if ballot.task.kind == "choice":
            ties = top.sum(axis=1) > 1
            passed = top & ~ties[:, None]
        else:
            voters = np.concatenate([ballot.asked, ballot.answered[:, None]], axis=1)
            passed = 2 * votes > voters
            ties = ((2 * votes == voters) & (votes > 0)).any(axis=1)
        if self.ties == "first":
            first = np.zeros_like(passed)
            first[np.arange(len(top)), top.argmax(axis=1)] = True
            passed |= first & top & ~passed.any(axis=1)[:, None]
        chosen = without_company(passed[:, :-1], ballot.task)
        return Outcome(chosen, passed[:, -1] & ~chosen.any(axis=1), ballot.share, ties)
