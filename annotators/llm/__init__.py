"""LLMs as annotators: any OpenAI-compatible endpoint, or a bundled model that is started and stopped for the run.

`build` opens what an annotator needs and yields it; `estimate` says beforehand what it would cost.
"""

from annotators.llm.build import build
from annotators.llm.config import LLMConfig
from annotators.llm.spending.cost import Budget, BudgetSpent, estimate

__all__ = ["Budget", "BudgetSpent", "LLMConfig", "build", "estimate"]
