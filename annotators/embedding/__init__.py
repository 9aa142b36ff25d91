"""A small multilingual embedding model as an annotator: texts against descriptions of the labels, nothing learned."""

from annotators.embedding.annotator import ModelAnnotator, ModelConfig

__all__ = ["ModelAnnotator", "ModelConfig"]
