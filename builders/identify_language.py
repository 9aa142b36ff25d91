"""The language of each text, among candidates, by py3langid (naive Bayes over byte n-grams)."""

from __future__ import annotations

import difflib
import importlib
from functools import cache
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field

from builders.step import StepOptions
from schemas.errors import DsbuildError
from schemas.protocols import StepOutput
from schemas.tables import REJECTS, conform

UNDETERMINED = "und"  # BCP 47: nothing in the text is in a language


class IdentifyLanguage(StepOptions):
    """`- identify_language: {languages: [mr, hi, en]}`: fills `language` where it is null.

    `languages` are the candidates; knowing them helps short texts. A text without a letter is `und`. An item that
    states its language keeps it; `mismatch: reject` drops it where the text looks like another candidate's
    (candidates are then needed, and the stated language's primary subtag has to be among them to be checked).

    Figures: `identified` items by language, `mismatches` with the language they state.
    """

    shape: ClassVar[Literal["map"]] = "map"

    languages: tuple[str, ...] | None = Field(default=None, min_length=1)
    mismatch: Literal["keep", "reject"] = "keep"

    def apply(self, items: pl.DataFrame) -> StepOutput:
        """`items` (ITEMS) with their language.

        Raises:
            DsbuildError: a candidate is no language that py3langid knows.
        """
        candidates = self.languages
        stated = items["language"]
        primary = stated.str.split("-").list.first().str.to_lowercase()
        has_text = items["text"].is_not_null()
        missing = stated.is_null() & has_text
        checked = ~missing & has_text
        checked = checked & (primary.is_in(list(candidates)) if candidates is not None else False)
        todo = items.filter(missing | checked).select("text").unique()
        identify = _identifier(candidates)
        # A text is asked about once, however often it stands.
        found = todo.with_columns(
            pl.Series("_found", [identify(text) for text in todo["text"].to_list()], dtype=pl.String)
        )
        identified = items.select("text").join(found, on="text", how="left", maintain_order="left")["_found"]
        differs = (checked & (identified != primary) & (identified != UNDETERMINED)).fill_null(False)
        filled = items.with_columns(
            pl.when(missing).then(identified).otherwise(stated).alias("language"), identified.alias("_found")
        )
        lost = differs if self.mismatch == "reject" else pl.Series([False] * items.height, dtype=pl.Boolean)
        rejects = filled.filter(lost).select(
            stage=pl.lit("build:identify_language"),
            reason=pl.lit("another language than stated"),
            item_id="item_id",
            file=pl.col("source").struct.field("file"),
            line=pl.col("source").struct.field("row"),
            detail=pl.format("stated {}, looks like {}", "language", "_found"),
            raw=pl.struct("text").struct.json_encode(),
        )
        counts = identified.filter(missing).value_counts(name="n").sort(identified.name)
        return StepOutput(
            items=filled.filter(~lost).drop("_found"),
            rejects=conform(rejects, REJECTS),
            figures={
                "identified": {str(language): n for language, n in counts.iter_rows()},
                "mismatches": int(differs.sum()),
            },
        )


@cache
def _identifier(candidates: tuple[str, ...] | None) -> Any:
    """text -> language. The model takes a moment to load, so one is kept for each set of candidates."""
    langid = importlib.import_module("py3langid.langid")
    model = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)
    if candidates is not None:
        unknown = [language for language in candidates if language not in model.labels]
        if unknown:
            close = difflib.get_close_matches(unknown[0], model.labels, n=1)
            hint = f'Did you mean "{close[0]}"? ' if close else ""
            raise DsbuildError(
                f"'{unknown[0]}' is no language that can be identified.",
                where="build: identify_language.languages",
                fix=f"{hint}Known are: {', '.join(sorted(model.labels))}.",
            )
        model.set_languages(list(candidates))

    def identify(text: str) -> str:
        if not any(character.isalpha() for character in text):
            return UNDETERMINED
        return str(model.classify(text)[0])

    return identify
