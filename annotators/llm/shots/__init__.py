"""Examples for prompts: the files that dsbuild ships, the loader, and what picks them."""

from annotators.llm.shots.choice import Shots, named
from annotators.llm.shots.load import Shot, load_shots, shipped

__all__ = ["Shot", "Shots", "load_shots", "named", "shipped"]
