"""Texts in the form in which they are compared and released."""

from __future__ import annotations

import polars as pl


def composed(text: pl.Expr) -> pl.Expr:
    """Unicode NFC, every run of white space one blank, none at the ends.

    White space is Unicode's, with the four information separators (U+001C to U+001F) that Python also counts.
    """
    return text.str.normalize("NFC").str.replace_all(r"[\s\x1c-\x1f]+", " ").str.strip_chars(" ")
