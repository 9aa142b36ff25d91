"""What every aggregation rule is: a frozen model of its options; those that count votes decide a ballot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from audits.aggregate.ballot import Ballot, Outcome


class Rule(BaseModel):
    """A rule by its name and options; the recipe's `method` is one of its children or only their name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Any

    def voters(self, annotations: pl.DataFrame) -> pl.DataFrame:
        """The annotations (ANNOTATIONS) that the rule looks at; all of them unless it says otherwise."""
        return annotations


class VoteRule(Rule, ABC):
    """A rule that decides by how often each label was given."""

    @abstractmethod
    def decide(self, ballot: Ballot) -> Outcome:
        """An answer, or none, for every item of `ballot`."""
