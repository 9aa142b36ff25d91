"""Adjudicated: the adjudicator's word, else the majority's."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from audits.aggregate.ballot import Ballot, Outcome
from audits.aggregate.majority import Majority
from audits.aggregate.rule import VoteRule


class Adjudicated(VoteRule):
    """The adjudicated answer where there is one (its labels have p = 1), else the majority's; disputed: no label."""

    rule: Literal["adjudicated"] = "adjudicated"

    def decide(self, ballot: Ballot) -> Outcome:
        """See the class."""
        vote = Majority().decide(ballot)
        judged = ballot.adjudicated
        chosen = np.where(judged[:, None], ballot.verdict, vote.chosen)
        none = np.where(judged, ~ballot.verdict.any(axis=1), vote.none)
        p = np.where(judged[:, None], ballot.verdict.astype(np.float64), vote.p)
        return replace(vote, chosen=chosen, none=none, p=p, ties=vote.ties & ~judged)
