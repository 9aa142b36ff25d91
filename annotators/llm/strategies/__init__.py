"""How a question is put: one template a strategy, and the code that turns one and an item into messages."""

from annotators.llm.strategies.item import Item
from annotators.llm.strategies.prompt import Prompt, prompt_hash, prompt_text, shown_only
from annotators.llm.strategies.templates import strategies

__all__ = ["Item", "Prompt", "prompt_hash", "prompt_text", "shown_only", "strategies"]
