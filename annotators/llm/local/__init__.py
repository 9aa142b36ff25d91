"""Models that dsbuild starts and stops itself: their cards, the process that serves one, and the handle on it."""

from annotators.llm.local.card import ModelCard, load_card, names
from annotators.llm.local.server import LocalServer

__all__ = ["LocalServer", "ModelCard", "load_card", "names"]
