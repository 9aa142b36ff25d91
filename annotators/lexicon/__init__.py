"""Emotion words: `data/` holds ours (CC0), `words.py` finds them, `norms.py` and `categories.py` read files of the
user's, `annotator.py` answers with them."""

from annotators.lexicon.annotator import LexiconAnnotator
from annotators.lexicon.config import LexiconConfig
from annotators.lexicon.words import count_words, languages, lexicon_labels

__all__ = ["LexiconAnnotator", "LexiconConfig", "count_words", "languages", "lexicon_labels"]
