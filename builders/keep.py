"""Items of a length and a language that are wanted; the others are rejected, each with the reason."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import PositiveInt, model_validator

from builders.step import StepOptions
from schemas.protocols import StepOutput
from schemas.tables import REJECTS, conform

SHORT = "too short"
LONG = "too long"
LANGUAGE = "language not wanted"


class Keep(StepOptions):
    """`- keep: {at_least: 3, at_most: 2000, unit: characters, languages: [en]}`: what has another length or language,
    or none, is rejected. `unit` is characters (code points) or words (runs of what is no blank). A region or script of
    a language is not looked at. Items without text have no length and stay.

    Figures: how many were rejected, by reason.
    """

    shape: ClassVar[Literal["map"]] = "map"

    at_least: PositiveInt | None = None
    at_most: PositiveInt | None = None
    unit: Literal["characters", "words"] = "characters"
    languages: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.at_least is None and self.at_most is None and self.languages is None:
            raise ValueError("say what to keep: at_least, at_most, languages")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"nothing has at least {self.at_least} and at most {self.at_most} {self.unit}")
        return self

    def apply(self, items: pl.DataFrame) -> StepOutput:
        """`items` (ITEMS) that are wanted."""
        text = pl.col("text")
        length = text.str.len_chars() if self.unit == "characters" else text.str.count_matches(r"\S+")
        primary = pl.col("language").str.to_lowercase().str.split("-").list.first()
        reason = pl.lit(None, dtype=pl.String)
        if self.languages is not None:
            wanted = primary.is_in([one.lower() for one in self.languages]).fill_null(False)
            reason = pl.when(wanted).then(reason).otherwise(pl.lit(LANGUAGE))
        if self.at_most is not None:
            reason = pl.when(length > self.at_most).then(pl.lit(LONG)).otherwise(reason)
        if self.at_least is not None:
            reason = pl.when(length < self.at_least).then(pl.lit(SHORT)).otherwise(reason)
        told = items.with_columns(reason.alias("_reason"), length.alias("_length"))
        rejects = told.filter(pl.col("_reason").is_not_null()).select(
            stage=pl.lit("build:keep"),
            reason="_reason",
            item_id="item_id",
            file=pl.col("source").struct.field("file"),
            line=pl.col("source").struct.field("row"),
            detail=pl.when(pl.col("_reason") == LANGUAGE)
            .then(pl.format("language {}", pl.col("language").fill_null("unknown")))
            .otherwise(pl.format("{} {}", "_length", pl.lit(self.unit))),
            raw=pl.struct("text").struct.json_encode(),
        )
        counts = rejects["reason"].value_counts(name="n").sort("reason")
        return StepOutput(
            items=told.filter(pl.col("_reason").is_null()).drop("_reason", "_length"),
            rejects=conform(rejects, REJECTS),
            figures={str(name): n for name, n in counts.iter_rows()},
        )
