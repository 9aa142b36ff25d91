"""How a question is put: one template a strategy, and the code that turns one and an item into messages."""

from annotators.llm.strategies.prompt import Item, Prompt, prompt_hash, prompt_text, strategies

__all__ = ["Item", "Prompt", "prompt_hash", "prompt_text", "strategies"]
