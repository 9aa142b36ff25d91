"""Spans that a corpus came with stand at their words after the build, or are turned away with a reason."""

from __future__ import annotations

from typing import Any

import polars as pl

from dsbuild.engine.nodes.places import settle
from schemas.tables import ANNOTATIONS, ITEMS, conform, polars_schema

RAW = {"a": "I  lost my job. My job!", "b": "We got\tthe house"}
BUILT = {"a": "I lost my job. My job!", "c": "We got the house"}


def items(texts: dict[str, str], context: dict[str, str] | None = None) -> pl.DataFrame:
    turns = [{"item_id": one, "speaker": None, "text": text} for one, text in (context or {}).items()]
    return pl.DataFrame(
        {"item_id": list(texts), "text": list(texts.values()), "context": [turns] * len(texts)},
        schema={name: polars_schema(ITEMS)[name] for name in ("item_id", "text", "context")},
    )


def annotations(
    *spans: tuple[str | None, int | None, int | None, str | None], item: str = "a", to: str = "a"
) -> pl.DataFrame:
    """One annotation of `item`, which is `to` now, with spans of (turn, ...)."""
    given = [
        {"item_id": turn, "start": start, "end": end, "label": None, "text": text} for turn, start, end, text in spans
    ]
    schema = {
        name: polars_schema(ANNOTATIONS)[name]
        for name in ("annotation_id", "item_id", "task", "annotator", "annotator_kind", "spans")
    }
    frame = pl.DataFrame([["x"], [to], ["cause"], ["p"], ["human"], [given]], schema=schema)
    return conform(frame, ANNOTATIONS).with_columns(pl.lit(item).alias("_of"))


def after(frame: pl.DataFrame) -> list[dict[str, Any]]:
    (spans,) = frame["spans"].to_list()
    return list(spans)


def test_a_span_moves_with_its_words() -> None:
    kept, lost = settle(annotations(("a", 3, 14, "lost my job")), items(RAW), items(BUILT))
    assert lost.is_empty()
    assert after(kept) == [{"item_id": "a", "start": 2, "end": 13, "label": None, "text": "lost my job"}]
    assert "_of" in kept.columns


def test_of_words_that_stand_there_twice_the_nearest_are_meant() -> None:
    kept, _ = settle(annotations(("a", 19, 22, "job")), items(RAW), items(BUILT))
    assert (after(kept)[0]["start"], BUILT["a"][18:21]) == (18, "job")


def test_a_span_without_a_quote_gets_that_of_the_text_it_was_read_from() -> None:
    kept, _ = settle(annotations(("a", 3, 14, None)), items(RAW), items(BUILT))
    assert after(kept)[0]["text"] == "lost my job"
    assert after(kept)[0]["start"] == 2


def test_a_span_of_a_merged_item_is_one_of_the_item_that_stayed() -> None:
    kept, _ = settle(annotations(("b", 3, 16, "got\tthe house"), item="b", to="c"), items(RAW), items(BUILT))
    assert after(kept) == [{"item_id": "c", "start": 3, "end": 16, "label": None, "text": "got the house"}]


def test_spans_in_other_turns_and_without_places_stay_what_they_are() -> None:
    given = annotations(("t", 0, 6, "Oh  no"), ("t", None, None, None), (None, None, None, None))
    kept, _ = settle(given, items(RAW, {"t": "Oh  no"}), items(BUILT, {"t": "Oh no"}))
    assert [(one["item_id"], one["start"], one["end"]) for one in after(kept)] == [
        ("t", 0, 5),
        ("t", None, None),
        (None, None, None),
    ]


def test_an_annotation_whose_words_are_gone_is_turned_away_whole() -> None:
    kept, lost = settle(annotations(("a", 0, 1, "I"), ("a", 3, 7, "lost")), items(RAW), items({"a": "I won."}))
    assert kept.is_empty()
    assert lost.height == 1
    untouched = annotations()
    assert settle(untouched, items(RAW), items(BUILT))[0].equals(untouched)
