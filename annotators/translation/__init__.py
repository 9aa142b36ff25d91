"""Machine translation as an annotator: its translations are annotations of the text task `translation`."""

from annotators.translation.config import TranslatorConfig

__all__ = ["TranslatorConfig"]
