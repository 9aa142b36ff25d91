"""Examples for prompts: the files that dsbuild ships, and the loader that reads these and a user's own."""

from annotators.llm.shots.load import Shot, load_shots, shipped

__all__ = ["Shot", "load_shots", "shipped"]
