"""Several annotators' answers made into one: `vectors.py` turns answers into arrays, `methods.py` fuses arrays,
`annotator.py` answers with them."""

from annotators.fusion.annotator import FusionAnnotator
from annotators.fusion.config import FusionConfig

__all__ = ["FusionAnnotator", "FusionConfig"]
