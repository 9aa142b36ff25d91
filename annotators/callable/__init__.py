"""A Python function as an annotator: `config.py` finds and hashes it, `annotator.py` calls it and checks answers."""

from annotators.callable.annotator import CallableAnnotator
from annotators.callable.call import annotate
from annotators.callable.config import CallableConfig

__all__ = ["CallableAnnotator", "CallableConfig", "annotate"]
