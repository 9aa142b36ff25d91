"""Models that give numbers (valence, arousal, dominance) for texts or for sound: `config.py` says which output is which
scale, `annotator.py` runs them."""

from annotators.teacher.annotator import TeacherAnnotator
from annotators.teacher.config import TeacherConfig

__all__ = ["TeacherAnnotator", "TeacherConfig"]
