"""The response store: every answer an LLM ever gave, and what can be asked of it."""
