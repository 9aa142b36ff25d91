"""Mean and median: the middle of the numbers that annotators gave."""

from __future__ import annotations

from typing import Literal

from audits.aggregate.rule import Rule


class Mean(Rule):
    """The mean: of a scale's values; of each label's level, for intensity; of a trace, at every time.

    An annotation that stands for n people weighs n. See `audits.aggregate.numbers`.
    """

    rule: Literal["mean"] = "mean"


class Median(Rule):
    """The median of the same; the mean of the two in the middle where their number is even."""

    rule: Literal["median"] = "median"
