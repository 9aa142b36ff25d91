"""When two texts count as the same."""

from __future__ import annotations

import polars as pl


def text_key(column: str = "text") -> pl.Expr:
    """The text in NFC, every run of white space one blank, none at the ends; null where there is no text.

    White space is Unicode's and the information separators U+001C to U+001F.
    """
    return pl.col(column).str.normalize("NFC").str.replace_all(r"[\s\x1c-\x1f]+", " ").str.strip_chars(" ")
