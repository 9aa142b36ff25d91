"""Classifiers of texts that others trained: `config.py` says which, `annotator.py` maps their classes to labels."""

from annotators.classifier.annotator import ClassifierAnnotator
from annotators.classifier.config import ClassifierConfig

__all__ = ["ClassifierAnnotator", "ClassifierConfig"]
