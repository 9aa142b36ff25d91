"""Whoever judges items: LLMs (`llm`), small models (`embedding`), lexicons (`lexicon`) and people (`label_studio`)."""
