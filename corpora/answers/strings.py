"""Answers in one column of words: labels, or labels in a ranking, or words of an open set."""

from __future__ import annotations

from typing import Any

import polars as pl

from corpora.answers.plan import Plan
from corpora.answers.said import OUTSIDE, Said, as_said
from corpora.readers.rows import LIST_SEPARATOR

_LABELS = pl.List(pl.Struct({"label": pl.String, "score": pl.Float64, "original": pl.String}))
_CELLS = pl.Schema({"cell": pl.String(), "labels": _LABELS, "reason": pl.String(), "detail": pl.String()})


def from_strings(plan: Plan, cells: pl.Series) -> Said:
    """The answers in `cells` (String): each distinct cell is looked up once. A blank cell is no answer; an empty JSON
    list is one."""
    words = plan.words
    counts = cells.rename("cell").value_counts(name="n").drop_nulls("cell")
    mapped: dict[str, int] = {}
    strings: dict[str, int] = {}
    read: list[dict[str, Any]] = []
    for text, n in counts.iter_rows():
        parts = members(text, plan.entry.separator)
        if parts is None:
            continue
        told = [one for one in parts if words.answers(one)]
        if parts and not told:
            continue
        labels = [words.label(one) for one in told]
        outside = [one for one, label in zip(told, labels, strict=True) if label is None]
        if outside:
            known = ", ".join(plan.task.label_ids)
            detail = f"{', '.join(map(repr, outside))} is none of: {known}"
            read.append({"cell": text, "labels": None, "reason": OUTSIDE, "detail": detail})
            continue
        for one, label in zip(told, labels, strict=True):
            strings[one] = strings.get(one, 0) + n
            if one != label and not words.is_open:
                mapped[f"{one} -> {label}"] = mapped.get(f"{one} -> {label}", 0) + n
        ranks = plan.task.kind == "ranking"
        given = [
            {"label": label, "score": float(place) if ranks else None, "original": one}
            for place, (one, label) in enumerate(zip(told, labels, strict=True), start=1)
        ]
        read.append({"cell": text, "labels": given, "reason": None, "detail": None})
    frame = cells.rename("cell").to_frame().with_row_index("row")
    found = frame.join(pl.DataFrame(read, schema=_CELLS), on="cell", how="inner", maintain_order="left")
    return Said(as_said(found.drop("cell")), strings, mapped)


def members(text: str, separator: str | None) -> list[str] | None:
    """The strings in a cell; null where it is blank, which is no answer."""
    if LIST_SEPARATOR in text:
        return [part for part in text.split(LIST_SEPARATOR) if part]
    if not text.strip():
        return None
    parts = text.split(separator) if separator is not None else [text]
    return [part.strip() for part in parts if part.strip()]
