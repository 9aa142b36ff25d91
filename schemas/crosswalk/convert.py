"""Answers to one task made into answers to another: labels by crosswalk, numbers by a linear change of scale.

What is converted stays what it was as well: every converted annotation names the one it was made of as its `parent`,
and every label its `original`, the `mapping`'s kind and the `loss` in bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from schemas.crosswalk.fits import LABELS, rescaled, why_not
from schemas.ids import annotation_id
from schemas.tables import ANNOTATIONS, REJECTS, conform, empty

if TYPE_CHECKING:
    from schemas.task import Task


@dataclass(frozen=True)
class Converted:
    """What came of annotations: `annotations` (ANNOTATIONS of the new task), `rejects` (REJECTS) and `figures`.

    Every annotation is either among the `annotations` or, whole, among the rejects; a reject whose reason ends in PART
    is one label of an annotation of which the rest was converted. The figures are `in`, `converted`, `rejected`,
    `left_out` (labels, see PART), `reasons` ({reason: rejects}); of labels `bits`, `before`, `after` (as
    `schemas.crosswalk.Losses`, on these very annotations) and `labels`, for each label of the source `label`, `n` (how
    many answers have it), `converted`, `kind`, `targets`, `path` and `loss`; of numbers the two ranges `scale`.
    """

    annotations: pl.DataFrame
    rejects: pl.DataFrame
    figures: dict[str, Any]


def no_place(target: Task) -> str:
    """The reason of what has no place among the labels of `target`."""
    assert target.taxonomy is not None
    return f"no place in {target.taxonomy.name}"


PART = ", for one of several labels"


def convert(annotations: pl.DataFrame, source: Task, target: Task, *, stage: str) -> Converted:
    """`annotations` (ANNOTATIONS, all of `source`) as answers to `target`.

    `stage` is what the rejects are told to come from. Skipped annotations stay skipped, and `provenance` stays what it
    was. Memory: the annotations and a few columns of their labels.

    Raises:
        ValueError: the one cannot become the other (`why_not`).
    """
    why = why_not(source, target)
    if why is not None:
        raise ValueError(why)
    if target.kind in LABELS:
        from schemas.crosswalk.labels import convert_labels

        made, rejects, figures = convert_labels(annotations, source, target)
    else:
        made, rejects, figures = _convert_numbers(annotations, source, target)
    made = _renamed(made, target)
    kept, broken = target.validate_annotations(made)
    rejects = pl.concat([rejects, broken]).with_columns(pl.lit(stage).alias("stage"))
    if "labels" in figures:
        figures["labels"] = _counted(figures["labels"], annotations, kept, figures.pop("floor"))
    part = rejects["reason"].str.ends_with(PART)
    return Converted(
        kept,
        rejects,
        {
            "in": annotations.height,
            "converted": kept.height,
            "rejected": annotations.height - kept.height,
            "left_out": int(part.sum()),
            "reasons": dict(rejects["reason"].value_counts().sort("reason").iter_rows()),
            **figures,
        },
    )


def _convert_numbers(
    annotations: pl.DataFrame, source: Task, target: Task
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    if target.kind == "scale":
        made = annotations.with_columns(rescaled(pl.col("value"), source, target).alias("value"))
    elif target.kind == "trace":
        element = pl.element()
        point = pl.struct(
            element.struct.field("t").alias("t"),
            rescaled(element.struct.field("value"), source, target).alias("value"),
        )
        made = annotations.with_columns(pl.col("trace").list.eval(point).alias("trace"))
    else:
        return annotations, empty(REJECTS), {}
    return made, empty(REJECTS), {"scale": {"from": list(source.range or ()), "to": list(target.range or ())}}


def _renamed(made: pl.DataFrame, target: Task) -> pl.DataFrame:
    """Converted annotations as annotations of `target` in their own right."""
    one = ["item_id", "annotator", "sample", "round"]
    named = made.select("item_id", "annotator", pl.col("sample").fill_null(0), pl.col("round").fill_null("first"))
    if named.is_duplicated().any():
        # Two tasks of one corpus may both fill this one; then an annotator has several answers.
        number = pl.int_range(pl.len(), dtype=pl.Int32).over("item_id", "annotator", "round")
        named = named.with_columns(number.alias("sample"))
    ids = [
        annotation_id(item, target.name, who, sample, round_)
        for item, who, sample, round_ in named.select(one).iter_rows()
    ]
    return conform(
        made.with_columns(
            pl.col("annotation_id").alias("parent"),
            pl.Series("annotation_id", ids, dtype=pl.String),
            pl.lit(target.name).alias("task"),
            pl.lit(target.perspective).alias("perspective"),
        ),
        ANNOTATIONS,
    )


def _counted(
    labels: list[dict[str, Any]], annotations: pl.DataFrame, kept: pl.DataFrame, floor: float | None
) -> list[dict[str, Any]]:
    """`labels` with how many annotations have each, and how many of these were converted."""
    from schemas.crosswalk.labels import present

    was = annotations.select("annotation_id", "labels").filter(pl.col("labels").list.len() > 0)
    given = was.explode("labels").unnest("labels").filter(present(floor)).select("annotation_id", "label")
    there = pl.col("annotation_id").is_in(kept["parent"].implode())
    counts = given.group_by("label").agg(pl.len().alias("n"), there.sum().alias("converted"))
    by_label = {label: (n, converted) for label, n, converted in counts.iter_rows()}
    found = []
    for one in labels:
        n, converted = by_label.get(one["label"], (0, 0))
        found.append({**one, "n": n, "converted": converted if one["becomes"] else 0})
    return found
