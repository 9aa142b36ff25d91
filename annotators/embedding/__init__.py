"""Embedding models as annotators: texts against descriptions of the labels, nothing learned. `embedders.py` has the
ways to vectors, `prototypes.py` the decision."""

from annotators.embedding.annotator import ModelAnnotator
from annotators.embedding.config import ModelConfig

__all__ = ["ModelAnnotator", "ModelConfig"]
