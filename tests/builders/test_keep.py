"""What is kept by length and language, and why the rest is not."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from builders.keep import Keep
from schemas.tables import ITEMS, conform


def items(*rows: tuple[str | None, str | None]) -> pl.DataFrame:
    columns = [(f"i{n}", "c", "text", language, text) for n, (language, text) in enumerate(rows)]
    return conform(
        pl.DataFrame(columns, schema=["item_id", "corpus", "modality", "language", "text"], orient="row"), ITEMS
    )


def test_what_is_too_short_too_long_or_in_another_language_is_rejected_with_its_reason() -> None:
    step = Keep.from_recipe({"at_least": 3, "at_most": 10, "languages": ["en", "mr"]})
    out = step.apply(
        items(
            ("en", "hi"),
            ("en", "hello"),
            ("mr-Deva", "नमस्कार"),
            ("de", "hallo"),
            (None, "hello"),
            ("en", "x" * 11),
            ("en", None),
        )
    )
    assert out.items["item_id"].to_list() == ["i1", "i2", "i6"]
    assert out.rejects.select("item_id", "reason", "detail").rows() == [
        ("i0", "too short", "2 characters"),
        ("i3", "language not wanted", "language de"),
        ("i4", "language not wanted", "language unknown"),
        ("i5", "too long", "11 characters"),
    ]
    assert out.figures == {"language not wanted": 2, "too long": 1, "too short": 1}


def test_length_is_counted_in_words_too() -> None:
    out = Keep.from_recipe({"at_least": 2, "unit": "words"}).apply(items(("en", "one"), ("en", " two  words ")))
    assert out.items["item_id"].to_list() == ["i1"]


@pytest.mark.parametrize("options", [None, {}, {"at_least": 5, "at_most": 4}, {"at_least": 0}, {"length": 3}])
def test_options_that_keep_all_or_nothing_are_refused(options: Any) -> None:
    with pytest.raises((ValidationError, ValueError)):
        Keep.from_recipe(options)
