"""Emotion words, ours and CC0: `data/` holds them, `words.py` finds them, `annotator.py` answers with them."""

from annotators.lexicon.annotator import LexiconAnnotator, LexiconConfig
from annotators.lexicon.words import count_words, languages, lexicon_labels

__all__ = ["LexiconAnnotator", "LexiconConfig", "count_words", "languages", "lexicon_labels"]
