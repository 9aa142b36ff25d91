"""Text in one form: Unicode NFC, plain blanks, no control characters; on request, no idle invisible ones.

What is kept matters as much. The zero-width joiner and non-joiner choose letter forms in Indic and Arabic scripts and
build emoji, so they stay wherever they stand between two characters that they can join; the zero-width space marks
word boundaries in the scripts of South-East Asia; direction marks and variation selectors always stay.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl

from builders.step import StepOptions
from builders.text import composed
from schemas.protocols import StepOutput
from schemas.tables import REJECTS, conform

EMPTY = "empty text"

_CONTROLS = r"[\x00-\x08\x0e-\x1b\x7f-\x{84}\x{86}-\x{9f}]"
# Soft hyphen, word joiner, byte order mark, Mongolian vowel separator.
_IDLE = r"[\x{ad}\x{2060}\x{feff}\x{180e}]"
_BREAK = r"\x{200b}"
_NEEDS_BREAKS = r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_JOINERS = r"[\x{200c}\x{200d}]"
# Nothing in these joins: blanks, punctuation, digits, and alphabets without joining forms.
_UNJOINED = r"\s\x21-\x40\x5b-\x60\x7b-\x7e\x{2018}-\x{201f}\x{2026}\x{964}\x{965}\p{Latin}\p{Greek}\p{Cyrillic}"
# Virama of the Indic scripts: a joiner after it is the writer's choice of the half form, even at the end of a word.
_VIRAMA = r"\x{94d}\x{9cd}\x{a4d}\x{acd}\x{b4d}\x{bcd}\x{c4d}\x{ccd}\x{d4d}\x{dca}\x{1039}\x{103a}\x{17d2}"


def normalised(text: pl.Expr) -> pl.Expr:
    """`text` in NFC, with single blanks and without control characters. Applying it twice changes nothing."""
    # First what goes: it may stand between blanks, or between letters that then compose.
    return composed(text.str.replace_all(_CONTROLS, ""))


def without_idle(text: pl.Expr) -> pl.Expr:
    """`text` (normalised) without the invisible characters that do nothing where they stand (see the module)."""
    kept = text.str.replace_all(_IDLE, "")
    kept = pl.when(kept.str.contains(_NEEDS_BREAKS)).then(kept).otherwise(kept.str.replace_all(_BREAK, ""))
    kept = (
        # Of several joiners in a row the first decides.
        kept.str.replace_all(rf"({_JOINERS}){_JOINERS}+", "$1")
        .str.replace_all(rf"(^|[{_UNJOINED}]){_JOINERS}", "$1")
        .str.replace_all(rf"([^{_VIRAMA}])\x{{200c}}($|[{_UNJOINED}])", "$1$2")
        # A last Arabic letter before a joiner keeps its joining form (heh, the sign of Hijri years).
        .str.replace_all(rf"([^{_VIRAMA}\p{{Arabic}}])\x{{200d}}($|[{_UNJOINED}])", "$1$2")
    )
    return composed(kept)


class Normalise(StepOptions):
    """`- normalise`: the text of every item and of the turns before it in one form; empty ones are rejected.

    `invisible: remove` also takes away zero-width characters and soft hyphens that do nothing where they stand.

    Figures: `changed` items, and with `invisible: remove` the `invisible characters` items that changed by that.
    """

    shape: ClassVar[Literal["map"]] = "map"

    invisible: Literal["keep", "remove"] = "keep"

    def apply(self, items: pl.DataFrame) -> StepOutput:
        """`items` (ITEMS) with their text in one form."""
        plain = items.select(normalised(pl.col("text"))).to_series()
        final = plain
        figures = {}
        if self.invisible == "remove":
            final = plain.to_frame().select(without_idle(pl.col("text"))).to_series()
            figures["invisible characters"] = _differences(plain, final)
        figures = {"changed": _differences(items["text"], final), **figures}
        done = items.with_columns(final)
        if items["context"].null_count() < items.height:
            done = done.with_columns(
                pl.col("context").list.eval(
                    pl.element().struct.with_fields(text=self._form(pl.element().struct.field("text")))
                )
            )
        blank = (final == "").fill_null(False)
        rejects = items.filter(blank).select(
            stage=pl.lit("build:normalise"),
            reason=pl.lit(EMPTY),
            item_id="item_id",
            file=pl.col("source").struct.field("file"),
            line=pl.col("source").struct.field("row"),
            detail=pl.lit("nothing visible is left"),
            raw=pl.struct("text").struct.json_encode(),
        )
        return StepOutput(items=done.filter(~blank), rejects=conform(rejects, REJECTS), figures=figures)

    def _form(self, text: pl.Expr) -> pl.Expr:
        return normalised(text) if self.invisible == "keep" else without_idle(normalised(text))


def _differences(before: pl.Series, after: pl.Series) -> int:
    return int((before != after).fill_null(False).sum())
