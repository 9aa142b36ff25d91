"""Annotations from the columns that carry them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from corpora.labels import LabelColumns
from corpora.readers.rows import LIST_SEPARATOR
from schemas.ids import annotation_id
from schemas.tables import ANNOTATIONS, conform, empty
from schemas.task import Task

OUTSIDE = "label outside the taxonomy"
NEITHER = "value is neither 0 nor 1"
TWICE = "the same label twice"

_YES = ["1", "1.0", "true", "True", "TRUE"]
_NO = ["0", "0.0", "false", "False", "FALSE"]
_LABEL = pl.Struct({"label": pl.String, "score": pl.Float64, "original": pl.String})
_REJECT = {"item_id": pl.String, "reason": pl.String, "detail": pl.String}


@dataclass(frozen=True)
class Answers:
    """Annotations (ANNOTATIONS), those refused {item_id, reason, detail}, how often each string that is not the
    label's id was taken for it ("respect -> Respect"), how often each label string stood, and rows without answer."""

    annotations: pl.DataFrame = field(default_factory=lambda: empty(ANNOTATIONS))
    refused: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_REJECT))
    mapped: Mapping[str, int] = field(default_factory=dict)
    strings: Mapping[str, int] = field(default_factory=dict)
    unanswered: int = 0


def wide_columns(entry: LabelColumns, task: Task, columns: Sequence[str]) -> dict[str, str]:
    """{column: label id} for the columns that the pattern of `entry` fits; `{label}` is a label or an alias only."""
    assert task.taxonomy is not None
    found = {column: entry.label_in(column) for column in columns}
    resolved = {column: task.taxonomy.resolve(text) for column, text in found.items() if text is not None}
    return {column: label for column, label in resolved.items() if label is not None}


def read_answers(
    entry: LabelColumns, task: Task, corpus: str, provenance: str, items: pl.DataFrame, cells: pl.DataFrame
) -> Answers:
    """What `entry` says about `items` (item_id, item_hash), whose cells stand in the same rows of `cells`."""
    if task.kind == "text":
        text = cells[entry.columns]
        given = pl.DataFrame({"text": text.set(text.str.strip_chars() == "", None)})
        answers = Answers()
    elif entry.is_wide:
        given, answers = _wide(entry, task, cells)
    else:
        given, answers = _tall(entry, task, cells[entry.columns])
    given = given.with_columns(items["item_id"], items["item_hash"])
    refused = answers.refused
    if "reason" in given.columns:
        refused = given.filter(pl.col("reason").is_not_null()).select("item_id", "reason", "detail")
        given = given.filter(pl.col("reason").is_null()).drop("reason", "detail")
    answered = given.drop_nulls("text" if task.kind == "text" else "labels")
    name = f"{corpus}:{entry.annotator}"
    ids = [annotation_id(item, task.name, name) for item in answered["item_id"].to_list()]
    annotations = answered.with_columns(
        pl.Series("annotation_id", ids, dtype=pl.String),
        task=pl.lit(task.name),
        perspective=pl.lit(task.perspective),
        annotator=pl.lit(name),
        annotator_kind=pl.lit(entry.kind),
        sample=pl.lit(0, dtype=pl.Int32),
        round=pl.lit("first"),
        shown=pl.lit(entry.shown, dtype=pl.String),
        skipped=pl.lit(False),
        provenance=pl.lit(provenance),
    )
    kept, broken = task.validate_annotations(conform(annotations, ANNOTATIONS))
    refused = pl.concat([refused, broken.select("item_id", "reason", pl.col("detail"))])
    return Answers(kept, refused, answers.mapped, answers.strings, given.height - answered.height)


def _tall(entry: LabelColumns, task: Task, column: pl.Series) -> tuple[pl.DataFrame, Answers]:
    """The answers in one column of label strings: each distinct cell is looked up once."""
    assert task.taxonomy is not None
    counts = column.rename("cell").value_counts(name="n").drop_nulls("cell")
    mapped: dict[str, int] = {}
    strings: dict[str, int] = {}
    rows = []
    for text, n in counts.iter_rows():
        originals = _members(text, entry.separator)
        if originals is None:
            continue
        labels = [task.taxonomy.resolve(one) for one in originals]
        outside = [one for one, label in zip(originals, labels, strict=True) if label is None]
        if outside:
            known = ", ".join(task.label_ids)
            detail = f"{', '.join(map(repr, outside))} is none of: {known}"
            rows.append({"cell": text, "labels": None, "reason": OUTSIDE, "detail": detail})
            continue
        for one, label in zip(originals, labels, strict=True):
            strings[one] = strings.get(one, 0) + n
            if one != label:
                mapped[f"{one} -> {label}"] = mapped.get(f"{one} -> {label}", 0) + n
        given = [{"label": label, "score": None, "original": one} for one, label in zip(originals, labels, strict=True)]
        rows.append({"cell": text, "labels": given, "reason": None, "detail": None})
    schema = pl.Schema({"cell": pl.String(), "labels": pl.List(_LABEL), "reason": pl.String(), "detail": pl.String()})
    known_cells = pl.DataFrame(rows, schema=schema)
    given_frame = column.rename("cell").to_frame().join(known_cells, on="cell", how="left", maintain_order="left")
    return given_frame.drop("cell"), Answers(mapped=_sorted(mapped), strings=_sorted(strings))


def _members(text: str, separator: str | None) -> list[str] | None:
    """The label strings in a cell; None where the cell is blank, which is no answer. An empty JSON list is one."""
    if LIST_SEPARATOR in text:
        parts = text.split(LIST_SEPARATOR)
        return [part for part in parts if part]
    if not text.strip():
        return None
    parts = text.split(separator) if separator is not None else [text]
    return [part.strip() for part in parts if part.strip()]


def _wide(entry: LabelColumns, task: Task, cells: pl.DataFrame) -> tuple[pl.DataFrame, Answers]:
    """The answers in one column of 0 and 1 for each label. A blank cell is a label that was not asked."""
    columns = wide_columns(entry, task, cells.columns)
    trimmed = cells.select(pl.col(column).str.strip_chars() for column in columns)
    said = trimmed.select(
        pl.when(pl.col(column).is_in(_YES))
        .then(1)
        .when(pl.col(column).is_in(_NO))
        .then(0)
        .when(pl.col(column).is_null() | (pl.col(column) == ""))
        .then(None)
        .otherwise(-1)
        .alias(column)
        for column in columns
    )
    chosen = pl.concat_list(
        pl.when(pl.col(column) == 1).then(
            pl.struct(
                pl.lit(label).alias("label"),
                pl.lit(None, dtype=pl.Float64).alias("score"),
                pl.lit(column).alias("original"),
            )
        )
        for column, label in columns.items()
    ).list.drop_nulls()
    asked = pl.concat_list(
        pl.when(pl.col(column).is_not_null()).then(pl.lit(label)) for column, label in columns.items()
    ).list.drop_nulls()
    wrong = pl.any_horizontal(pl.col(column) == -1 for column in columns).fill_null(False)
    nothing = pl.all_horizontal(pl.col(column).is_null() for column in columns)
    all_labels = len(task.label_ids)
    given = said.select(
        pl.when(~nothing).then(chosen).alias("labels"),
        pl.when(~nothing & (asked.list.unique().list.len() < all_labels))
        .then(asked.list.unique(maintain_order=True))
        .alias("asked"),
        pl.when(wrong).then(pl.lit(NEITHER)).alias("reason"),
        pl.when(wrong).then(trimmed.select(pl.struct(pl.all()).struct.json_encode()).to_series()).alias("detail"),
    )
    ones = {column: int((said[column] == 1).sum()) for column in columns}
    mapped = {f"{column} -> {label}": ones[column] for column, label in columns.items() if column != label}
    return given, Answers(mapped=_sorted(mapped), strings=_sorted(ones))


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}
