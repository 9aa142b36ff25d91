"""Answers made of labels, converted for all rows at once.

The lists of labels are taken apart into one row for each entry, joined with the table of mappings, and put together
again. What an answer says about labels it lacks depends on which labels it has alone, so that is worked out once for
every set of labels that occurs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from schemas.crosswalk.convert import PART, no_place
from schemas.crosswalk.fits import rescaled, walk_of
from schemas.crosswalk.loss import Losses, becomes, losses
from schemas.crosswalk.mapping import Crosswalk
from schemas.tables import ANNOTATIONS, REJECTS, conform, empty, polars_schema

if TYPE_CHECKING:
    from schemas.task import Task

_TEXTS = pl.List(pl.String)
_AS_ENTRY = ("label", "score", "original", "mapping", "loss")


def present(floor: float | None) -> pl.Expr:
    """Whether an entry gives its label: one with a score does if that is above `floor` (null: always)."""
    return pl.lit(True) if floor is None else pl.col("score").is_null() | (pl.col("score") > floor)


def floor_of(task: Task) -> float | None:
    """The score that says a label was put and not given; null where every entry gives its label."""
    if task.kind == "intensity":
        return None if task.range is None else task.range[0]
    return None if task.kind == "ranking" else 0.0


def convert_labels(
    annotations: pl.DataFrame, source: Task, target: Task
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    """What `annotations` of `source` say in the labels of `target`, REJECTS, and figures; see `convert`.

    An answer is rejected whole where one of its labels becomes nothing certain (it may be several labels of the
    target), or none of its labels has a place. A label without any place is left out of an answer whose others have
    one: about the labels of the target it says nothing. Labels that become the same one are merged: of a choice's
    scores the sum stays, of others the highest score or the best rank.
    """
    walk = walk_of(source, target)
    floor = floor_of(source)
    rows = annotations.with_row_index("_row")
    entries = rows.select("_row", "labels").filter(pl.col("labels").list.len() > 0).explode("labels").unnest("labels")
    given = entries.filter(present(floor)).select("_row", "label", "score")
    scored = given["score"].is_not_null() if source.kind in ("choice", "multi") else given["score"].is_null()
    blends = target.kind != "choice" or bool(scored.any())
    lost = losses(walk, _weights(given, source), blends=blends)
    table = _table(walk, lost)
    # A blend becomes several labels, which a person's one choice cannot; shares and counts can be divided.
    splits = pl.lit(target.kind != "choice") | scored
    known = given.join(table, on="label", how="left", maintain_order="left").with_columns(_splits=splits)
    found = known.with_columns(
        pl.when(pl.col("kind") == "none")
        .then(pl.lit("gone"))
        .when(pl.col("sure") & ((pl.col("targets").list.len() == 1) | pl.col("_splits")))
        .then(pl.lit("good"))
        .otherwise(pl.lit("open"))
        .alias("_state")
    )
    state = found.group_by("_row").agg(
        (pl.col("_state") == "open").any().alias("_open"), (pl.col("_state") == "good").any().alias("_some")
    )
    bad = state.filter(pl.col("_open") | ~pl.col("_some")).select("_row")
    good = found.filter(pl.col("_state") == "good").join(bad, on="_row", how="anti", maintain_order="left")
    kept = rows.join(bad, on="_row", how="anti", maintain_order="left")
    asked = _asked(kept, found, walk)
    made = _merged(good, source, target)
    if target.kind == "intensity":
        made = _with_lowest(made, asked, target)
    listed = made.group_by("_row", maintain_order=True).agg(pl.struct(*_AS_ENTRY).alias("_made"))
    labels = pl.when(pl.col("labels").is_null()).then(None).otherwise(pl.col("_made").fill_null([]))
    converted = (
        kept.join(listed, on="_row", how="left", maintain_order="left")
        .join(asked, on="_row", how="left", maintain_order="left")
        .with_columns(
            labels.cast(polars_schema(ANNOTATIONS)["labels"]).alias("labels"), pl.col("_asked").alias("asked")
        )
        .select(annotations.columns)
    )
    rejects = _rejects(rows, found, bad, target)
    return converted, rejects, {**_figures(walk, lost, blends), "floor": floor}


def _weights(given: pl.DataFrame, source: Task) -> dict[str, float]:
    """How often each label is given: an entry counts as one, or as its score where that is a count or a share."""
    weight = pl.col("score").fill_null(1.0) if source.kind in ("choice", "multi") else pl.lit(1.0)
    return dict(given.group_by("label").agg(weight.sum()).sort("label").iter_rows())


def _table(walk: Crosswalk, lost: Losses) -> pl.DataFrame:
    """label, kind, targets (list), sure, path and loss (bits) of every mapping."""
    return pl.DataFrame(
        [
            (one.label, one.kind, list(one.targets), one.sure, one.path, lost.of_label.get(one.label))
            for one in walk.mappings
        ],
        schema={
            "label": pl.String,
            "kind": pl.String,
            "targets": _TEXTS,
            "sure": pl.Boolean,
            "path": pl.String,
            "loss": pl.Float64,
        },
        orient="row",
    )


def _merged(good: pl.DataFrame, source: Task, target: Task) -> pl.DataFrame:
    """One row for each target of a row: `_row` and the fields of an entry, rows in order."""
    share = pl.col("score") / pl.col("targets").list.len() if target.kind == "choice" else pl.col("score")
    each = good.with_columns(share.alias("score")).explode("targets")
    score = pl.col("score")
    best = {"choice": score.sum(), "ranking": score.min()}.get(target.kind, score.max())
    # The sum of nothing but nulls is 0 and not null.
    best = pl.when(score.is_null().all()).then(None).otherwise(best)
    merged = each.group_by("_row", "targets", maintain_order=True).agg(
        best.alias("score"),
        pl.col("label").str.join(", ").alias("original"),
        pl.col("kind").sort_by(pl.col("loss"), descending=True).first().alias("mapping"),
        pl.col("loss").sum().round(6).alias("loss"),
    )
    merged = merged.rename({"targets": "label"}).select("_row", *_AS_ENTRY)
    if target.kind == "ranking":
        merged = merged.with_columns(pl.col("score").rank("min").over("_row").cast(pl.Float64).alias("score"))
        return merged.sort("_row", "score", maintain_order=True)
    if target.kind == "intensity":
        return merged.with_columns(rescaled(pl.col("score"), source, target).alias("score"))
    return merged.sort("_row", maintain_order=True)


def _with_lowest(made: pl.DataFrame, asked: pl.DataFrame, target: Task) -> pl.DataFrame:
    """`made` with the lowest level for every label that was asked and not given, in the taxonomy's order."""
    assert target.range is not None
    assert target.taxonomy is not None
    order = pl.DataFrame({"label": target.taxonomy.ids}).with_row_index("_place")
    everything = pl.lit(target.taxonomy.ids, dtype=_TEXTS)
    due = asked.filter(pl.col("_answered")).select("_row", pl.col("_asked").fill_null(everything).alias("label"))
    rest = due.explode("label").join(made, on=["_row", "label"], how="anti")
    lowest = rest.with_columns(pl.lit(target.range[0]).alias("score"))
    every = pl.concat([made, lowest], how="diagonal_relaxed").join(order, on="label", how="left")
    return every.sort("_row", "_place").drop("_place")


def _asked(kept: pl.DataFrame, found: pl.DataFrame, walk: Crosswalk) -> pl.DataFrame:
    """`_row`, `_asked` (the labels of the target that each row says something about; null: all), `_answered`."""
    said = found.group_by("_row", maintain_order=True).agg(
        pl.col("label").unique().sort().alias("_labels"),
        pl.col("targets").explode().drop_nulls().unique().sort().alias("_given"),
    )
    rows = kept.select("_row", "asked", pl.col("labels").is_not_null().alias("_answered"))
    rows = rows.join(said, on="_row", how="left", maintain_order="left").with_columns(
        pl.col("_labels").fill_null([]), pl.col("_given").fill_null([])
    )
    sets = rows.select("asked", "_labels", "_given").unique(maintain_order=True)
    covers: dict[tuple[str, ...] | None, Any] = {}
    worked: list[list[str] | None] = []
    for asked, labels, given in sets.iter_rows():
        key = None if asked is None else tuple(asked)
        cover = covers.get(key)
        if cover is None:
            cover = covers[key] = walk.coverage(None if key is None else [one for one in key if one in walk.by_label])
        open_ = {target for label in labels for target in cover.unless.get(label, ())}
        told = (set(cover.known) - open_) | set(given)
        worked.append(None if told >= set(walk.target.ids) else [one for one in walk.target.ids if one in told])
    sets = sets.with_columns(pl.Series("_asked", worked, dtype=_TEXTS))
    on = ["asked", "_labels", "_given"]
    return rows.join(sets, on=on, how="left", nulls_equal=True, maintain_order="left").select(
        "_row", "_asked", "_answered"
    )


def _rejects(rows: pl.DataFrame, found: pl.DataFrame, bad: pl.DataFrame, target: Task) -> pl.DataFrame:
    """REJECTS of the rows that are `bad`, whole, and of the labels that the others leave out."""
    wanted = found.filter(pl.col("_state") != "good")
    if wanted.is_empty():
        return empty(REJECTS)
    about = pl.format("{} ({}): {}", "label", "kind", "path")
    whole = wanted.join(bad, on="_row", how="semi", maintain_order="left")
    whole = whole.group_by("_row", maintain_order=True).agg(about.str.join("; ").alias("_what"))
    parts = wanted.join(bad, on="_row", how="anti", maintain_order="left").select("_row", about.alias("_what"))
    reason = no_place(target)
    both = pl.concat(
        [whole.with_columns(pl.lit(reason).alias("reason")), parts.with_columns(pl.lit(reason + PART).alias("reason"))]
    )
    told = both.join(rows, on="_row", how="left", maintain_order="left")
    return conform(
        told.select(
            pl.lit("convert").alias("stage"),
            "reason",
            "item_id",
            pl.format("{}; {} ({})", "_what", "annotator", "annotation_id").alias("detail"),
            pl.struct(rows.drop("_row").columns).struct.json_encode().alias("raw"),
        ),
        REJECTS,
    )


def _figures(walk: Crosswalk, lost: Losses, blends: bool) -> dict[str, Any]:
    labels = [
        {
            "label": one.label,
            "kind": one.kind,
            "targets": list(one.targets),
            "path": one.path,
            "becomes": becomes(one, blends=blends),
            "loss": lost.of_label.get(one.label),
        }
        for one in walk.mappings
    ]
    return {"bits": lost.bits, "before": lost.before, "after": lost.after, "labels": labels}
