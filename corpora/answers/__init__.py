"""Annotations from the columns that carry them."""

from corpora.answers.plan import Plan, plan_entry
from corpora.answers.read import Answers, read_answers

__all__ = ["Answers", "Plan", "plan_entry", "read_answers"]
