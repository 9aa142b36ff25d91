"""Texts that stand there twice with different labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from audits.conflicts import conflicts
from schemas.tables import ITEMS, conform

AnnotationsOf = Callable[..., pl.DataFrame]


def items_of(**texts: str) -> pl.DataFrame:
    frame = pl.DataFrame({"item_id": list(texts), "text": list(texts.values())})
    return conform(frame.with_columns(pl.lit("c").alias("corpus"), pl.lit("text").alias("modality")), ITEMS)


def test_one_text_with_two_answers_is_in_conflict(annotations_of: AnnotationsOf) -> None:
    items = items_of(a="same text", b="same  text", c="agreed", d="agreed", e="alone", f="half", g="half")
    rows = [
        {"item": "a", "by": "x", "labels": ["joy"]},
        {"item": "b", "by": "x", "labels": ["sad", "fear"]},
        {"item": "c", "by": "x", "labels": ["joy", "sad"]},
        {"item": "d", "by": "y", "labels": ["sad", "joy"]},
        {"item": "e", "by": "x", "labels": ["joy"]},
        {"item": "f", "by": "x", "labels": ["joy"]},
        {"item": "g", "by": "x", "labels": None, "skipped": True},
    ]
    found = conflicts(items, annotations_of(rows), task="emotion")
    assert (found["texts"], found["items"]) == (1, 2)
    assert found["examples"] == [
        {
            "text": "same text",
            "items": [
                {"item_id": "a", "split": None, "answers": [["joy"]]},
                {"item_id": "b", "split": None, "answers": [["fear", "sad"]]},
            ],
        }
    ]
    assert conflicts(items, annotations_of(rows), task="another")["texts"] == 0


def test_people_who_disagree_about_one_item_are_no_conflict(annotations_of: AnnotationsOf) -> None:
    items = items_of(a="text", b="text")
    rows = [
        {"item": item, "by": by, "labels": [label]}
        for item, answers in (("a", ["joy", "sad"]), ("b", ["sad", "fear"]))
        for by, label in zip("xy", answers, strict=True)
    ]
    assert conflicts(items, annotations_of(rows), task="emotion")["texts"] == 0


def test_mahaemotions_as_pulled_has_74_texts_in_conflict(
    shared_data: Path, annotations_from: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    rows = pl.concat(
        [
            pl.read_csv(shared_data / "mahaemotions" / f"{split}.csv", infer_schema=False).select(
                pl.format("{}-{}", pl.lit(split), pl.int_range(pl.len())).alias("item_id"),
                pl.lit(split).alias("annotator"),
                pl.col("Tweet").alias("text"),
                # Two of the label strings also occur in lower case.
                pl.col("Label").str.strip_chars().str.to_lowercase().alias("emotion"),
            )
            for split in ("train", "validation", "test")
        ]
    )
    items = rows.select("item_id", "text", pl.lit("m").alias("corpus"), pl.lit("text").alias("modality"))
    assert conflicts(conform(items, ITEMS), annotations_from(rows), task="emotion")["texts"] == 74
