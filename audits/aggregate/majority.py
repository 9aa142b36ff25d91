"""Majority: what most annotators said."""

from __future__ import annotations

from typing import Literal

import numpy as np

from audits.aggregate.ballot import SAME, Ballot, Outcome, without_company
from audits.aggregate.rule import VoteRule


class Majority(VoteRule):
    """Majority vote. Counts of votes count as many as voted, soft labels share one vote.

    Choice: the answer with most votes, "none of these" being one of them; more than one answer with most votes is a
    tie. Multi: every label that more than half of those who were asked it gave; "none of these" where more than half
    of those who answered said so; an item where no label and not "none of these" passes has no label. A tie of a
    multi-label item is a label given by exactly half.

    Open vocabulary: every word given by at least half of those who answered (`audits.aggregate.words`). Attributes:
    each by itself. Span: the characters that more than half of those who answered marked (`audits.aggregate.spans`).
    Text: the text that most gave.

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
        top = (votes >= most[:, None] - SAME) & (most > 0)[:, None]
        if ballot.part.kind == "choice":
            ties = top.sum(axis=1) > 1
            passed = top & ~ties[:, None]
        else:
            voters = np.concatenate([ballot.asked, ballot.answered[:, None]], axis=1)
            passed = 2 * votes > voters + SAME
            ties = ((np.abs(2 * votes - voters) <= SAME) & (votes > 0)).any(axis=1)
        if self.ties == "first":
            first = np.zeros_like(passed)
            first[np.arange(len(top)), top.argmax(axis=1)] = True
            passed |= first & top & ~passed.any(axis=1)[:, None]
        chosen = without_company(passed[:, :-1], ballot.part)
        return Outcome(chosen, passed[:, -1] & ~chosen.any(axis=1), ballot.share, ties)
