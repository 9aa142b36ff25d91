"""Two annotators, or two prompts, side by side: which is better against gold, by how much, and where they differ.

Pure functions on frames. Everything is paired: both are measured on the items that both answered (and gold has), and
the interval is of their difference. Intervals: BCa (`audits.intervals`) over bootstrap samples of clusters of items,
since items of one dialogue or speaker are not independent; items without groups are clusters of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from audits.agreement import agreement
from audits.answers import answer_column, asked_matrix, first_answers, held
from audits.arrays import Codes, Flags, Floats
from audits.figures import NONE, figure
from audits.intervals import LEVEL, RESAMPLES, acceleration, bca, resamples_of
from audits.methods import VOTED
from audits.part import part_of
from audits.scores.f1 import FIGURES, features, headlines
from builders.groups import Components, group_names
from dsbuild.significance import binomial_p
from schemas.errors import DsbuildError
from schemas.task import Task

NUMBERS: Final = ("scale", "intensity")
FLIPS: Final = 20  # how many kinds of flip are listed, the most frequent first
EXAMPLES: Final = 3  # and how many items of each


@dataclass(frozen=True)
class _Measured:
    """What a kind of task is measured by: `rows` (items, 2 K) add up over items, K of A then K of B; `figures` turns
    totals (B, K) into figures (B, F), whose names are `names`; `better` (items,) is 1 where A is nearer to gold, -1
    where B is, 0 where neither is; `right` (items, 2), whether A and B say what gold says."""

    rows: Floats
    figures: Callable[[Floats], Floats]
    names: tuple[str, ...]
    better: Codes
    right: Flags


def compare(
    a: pl.DataFrame,
    b: pl.DataFrame,
    task: Task,
    *,
    names: tuple[str, str],
    items: pl.DataFrame,
    gold: pl.DataFrame | None = None,
    by: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Any]:
    """What two annotators say of the same items.

    Args:
        a, b: ANNOTATIONS of one annotator each (first answers to `task` count).
        names: what to call them.
        items: ITEMS, for their groups and for `by`; answers to other items are left out.
        gold: LABELS or ANNOTATIONS with one answer an item; null: A is only held against B.
        by: a column of `items` (language, split, corpus, modality), each of whose values is measured by itself too.

    Returns:
        task, a, b, items (both answered), only_a, only_b (answered by one alone), clusters, agreement (as
        `audits.agreement.agreement`), same (share of items with equal answers), flips (a, b, count, items: up to 3
        ids; the 20 most frequent), and with gold: gold (items that gold answers too, figures: name -> {a, b,
        difference, low, high}, a_better, b_better, p) and by ({column, value, ...} the same for each value). A
        `difference` is A minus B. Figures: accuracy, macro_f1, micro_f1 (`audits.scores.f1`), for several labels also
        jaccard (mean over items, 1 where both are empty); for numbers mae and r (Pearson; 0 where one is constant).
        `a_better` counts the items where A alone is right (of numbers: nearer), `p` is McNemar's exact test (of
        numbers: the sign test) of whether that could be chance.

    Raises:
        DsbuildError: gold has several answers to an item, or a label is not the task's.
    """
    ids = items.select("item_id")
    sides = [_answers(frame, task).join(ids, on="item_id", how="semi") for frame in (a, b)]
    both = sides[0].join(sides[1], on="item_id", how="inner", suffix="_b").sort("item_id")
    found = items.join(both.select("item_id"), on="item_id", how="semi").sort("item_id")
    said = pl.concat([side.with_columns(annotator=pl.lit(name)) for side, name in zip(sides, names, strict=True)])
    told = [_told(both[answer_column(task)], task), _told(both[f"{answer_column(task)}_b"], task)]
    result: dict[str, Any] = {
        "task": task.name,
        "a": names[0],
        "b": names[1],
        "items": both.height,
        "only_a": sides[0].height - both.height,
        "only_b": sides[1].height - both.height,
        "clusters": len(np.unique(clusters(found))),
        "agreement": agreement(said, task, names, resamples=resamples, seed=seed, level=level),
        "same": figure(float((told[0] == told[1]).sum()) / both.height) if both.height else None,
        "flips": _flips(both["item_id"], told[0], told[1]),
        "gold": None,
        "by": [],
    }
    if gold is None:
        return result
    reference = _one_each(_answers(gold, task)).join(ids, on="item_id", how="semi")
    three = both.join(reference, on="item_id", how="inner", suffix="_gold").sort("item_id")
    measured = _measure(three, task)
    if measured is None:
        result["note"] = f"This version of dsbuild has no figures of a {task.kind} task against gold."
        return result
    found = found.join(three.select("item_id"), on="item_id", how="semi").sort("item_id")
    cluster = clusters(found)
    options = (resamples, seed, level)
    result["gold"] = _against(measured, cluster, np.ones(three.height, dtype=np.bool_), *options)
    if by is not None:
        for value in found[by].drop_nulls().unique().sort():
            chosen = (found[by] == value).fill_null(False).to_numpy()
            result["by"].append({"column": by, "value": value, **_against(measured, cluster, chosen, *options)})
    return result


def clusters(items: pl.DataFrame) -> Codes:
    """(I,) for each of `items` (ITEMS) the number of its cluster: items that share a group, directly or through others,
    are in one; an item without groups is alone."""
    names = group_names(items)
    listed = pl.DataFrame({"row": pl.int_range(items.height, eager=True), "group": names}).explode("group").drop_nulls()
    joined = Components(items.height)
    first = listed.group_by("group").agg(pl.col("row").min().alias("first"))
    for row, other in (
        listed.join(first, on="group").filter(pl.col("row") != pl.col("first")).select("row", "first").iter_rows()
    ):
        joined.join(row, other)
    return np.fromiter((joined.find(row) for row in range(items.height)), dtype=np.int64, count=items.height)


def _answers(frame: pl.DataFrame, task: Task) -> pl.DataFrame:
    """The rows that answer `task`, with the columns asked and votes."""
    column = answer_column(task)
    if "annotation_id" in frame.columns:
        return first_answers(frame, task)
    found = frame.filter((pl.col("task") == task.name) & pl.col(column).is_not_null())
    missing: dict[str, pl.DataType] = {"asked": pl.List(pl.String), "votes": pl.Int32()}
    return found.with_columns(
        pl.lit(None, dtype=kind).alias(name) for name, kind in missing.items() if name not in found.columns
    )


def _one_each(gold: pl.DataFrame) -> pl.DataFrame:
    if gold["item_id"].n_unique() < gold.height:
        twice = gold.filter(pl.col("item_id").is_duplicated())["item_id"].sort()[0]
        raise DsbuildError(
            "Gold has several answers to one item.",
            where=f"item {twice}",
            fix="Name one aggregate, session or annotator.",
        )
    return gold


def _measure(three: pl.DataFrame, task: Task) -> _Measured | None:
    """What `three` (answers of A, of B, and gold's, side by side) come to; None for kinds without figures."""
    if task.kind in VOTED:
        return _labels(three, task)
    return _numbers(three, task) if task.kind in NUMBERS else None


def _labels(three: pl.DataFrame, task: Task) -> _Measured:
    part = part_of(task)
    asked = np.ones((three.height, len(part.label_ids)), dtype=np.bool_)
    for suffix in ("", "_b", "_gold"):
        asked &= asked_matrix(three[f"asked{suffix}"], part)
    of_a, of_b, of_gold = (
        held(three[f"labels{suffix}"], three[f"votes{suffix}"], part) & asked for suffix in ("", "_b", "_gold")
    )
    several = part.kind == "multi"

    def rows(given: Flags) -> Floats:
        counted = features(given, of_gold)
        if not several:
            return counted
        union = (given | of_gold).sum(axis=1)
        shared = (given & of_gold).sum(axis=1)
        jaccard = np.where(union > 0, shared / np.maximum(union, 1), 1.0)
        return np.concatenate([counted, jaccard[:, None]], axis=1)

    def figures(totals: Floats) -> Floats:
        if not several:
            return headlines(totals)
        with np.errstate(divide="ignore", invalid="ignore"):
            jaccard = totals[:, -1] / totals[:, -2]
        return np.concatenate([headlines(totals[:, :-1]), jaccard[:, None]], axis=1)

    right = np.stack([(given == of_gold).all(axis=1) for given in (of_a, of_b)], axis=1)
    names = (*FIGURES, "jaccard") if several else FIGURES
    both = np.concatenate([rows(of_a), rows(of_b)], axis=1)
    return _Measured(both, figures, names, right[:, 0].astype(np.int64) - right[:, 1], right)


def _numbers(three: pl.DataFrame, task: Task) -> _Measured:
    """Sums over the numbers of each item: |x - g|, n, x, g, x^2, g^2, x g; an intensity has a number for each label."""
    of_a, of_b, of_gold = (_values(three, suffix, task) for suffix in ("", "_b", "_gold"))
    known = np.isfinite(of_a) & np.isfinite(of_b) & np.isfinite(of_gold)
    middle = float(of_gold[known].mean()) if known.any() else 0.0

    def sums(given: Floats) -> tuple[Floats, Floats]:
        x, g = np.where(known, given - middle, 0.0), np.where(known, of_gold - middle, 0.0)
        away = np.abs(x - g).sum(axis=1)
        columns = [away, known.sum(axis=1), x.sum(axis=1), g.sum(axis=1)]
        columns += [(x * x).sum(axis=1), (g * g).sum(axis=1), (x * g).sum(axis=1)]
        return np.stack(columns, axis=1).astype(np.float64), away

    (rows_a, away_a), (rows_b, away_b) = sums(of_a), sums(of_b)
    better = np.sign(np.round(away_b - away_a, 12)).astype(np.int64)
    right = np.stack([away_a == 0, away_b == 0], axis=1)
    return _Measured(np.concatenate([rows_a, rows_b], axis=1), _mae_and_r, ("mae", "r"), better, right)


def _mae_and_r(totals: Floats) -> Floats:
    away, n, x, g, xx, gg, xg = totals.T
    with np.errstate(divide="ignore", invalid="ignore"):
        mae = away / n
        spread = (n * xx - x**2) * (n * gg - g**2)
        r = np.where(spread > 1e-12, (n * xg - x * g) / np.sqrt(np.maximum(spread, 1e-300)), 0.0)
    return np.stack([mae, np.where(n > 0, r, np.nan)], axis=1)


def _values(three: pl.DataFrame, suffix: str, task: Task) -> Floats:
    """(items, 1) of a scale, (items, labels) of an intensity; NaN where there is none."""
    if task.kind == "scale":
        return three[f"value{suffix}"].cast(pl.Float64).fill_null(float("nan")).to_numpy()[:, None]
    result = np.full((three.height, len(task.label_ids)), np.nan)
    levels = three.select(pl.int_range(pl.len()).alias("_row"), pl.col(f"labels{suffix}").alias("labels"))
    levels = levels.explode("labels").drop_nulls("labels").unnest("labels").drop_nulls("score")
    place = levels["label"].cast(pl.Enum(task.label_ids)).to_physical().to_numpy()
    result[levels["_row"].to_numpy(), place] = levels["score"].to_numpy()
    return result


def _against(
    measured: _Measured, cluster: Codes, chosen: Flags, resamples: int, seed: int, level: float
) -> dict[str, Any]:
    """The figures over the `chosen` (items,) items."""
    rows = measured.rows[chosen]
    order = np.argsort(cluster[chosen], kind="stable")
    kinds, start = np.unique(cluster[chosen][order], return_index=True)
    sums = np.add.reduceat(rows[order], start, axis=0) if len(kinds) else np.zeros((0, rows.shape[1]))
    half = rows.shape[1] // 2

    def both(totals: Floats) -> tuple[Floats, Floats]:
        return measured.figures(totals[:, :half]), measured.figures(totals[:, half:])

    total = sums.sum(axis=0)
    value_a, value_b = (found[0] for found in both(total[None, :]))
    without_a, without_b = both(total - sums)
    replicates: list[Floats] = [np.empty((0, len(measured.names)))]
    if len(kinds) > 1:
        for weights in resamples_of(np.arange(len(kinds)), len(kinds), resamples, seed):
            drawn_a, drawn_b = both(weights @ sums)
            replicates.append(drawn_a - drawn_b)
    drawn, alone = np.concatenate(replicates), np.ones(len(kinds), dtype=np.int64)
    figures = {}
    for k, name in enumerate(measured.names):
        difference = float(value_a[k] - value_b[k])
        accelerated = acceleration(without_a[:, k] - without_b[:, k], alone)
        low, high = bca(difference, drawn[:, k], accelerated, level) or (None, None)
        figures[name] = {
            "a": figure(float(value_a[k])),
            "b": figure(float(value_b[k])),
            "difference": figure(difference),
            "low": figure(low),
            "high": figure(high),
        }
    better = measured.better[chosen]
    for_a, for_b = int((better > 0).sum()), int((better < 0).sum())
    right = measured.right[chosen]
    return {
        "items": int(chosen.sum()),
        "clusters": len(kinds),
        "figures": figures,
        "both_right": int(right.all(axis=1).sum()),
        "both_wrong": int((~right).all(axis=1).sum()),
        "a_better": for_a,
        "b_better": for_b,
        "p": figure(binomial_p(for_a, for_b)),
        "level": level,
        "resamples": resamples,
    }


def _told(answers: pl.Series, task: Task) -> pl.Series:
    """Each answer as a person would say it: labels with a plus between them, a number, words."""
    if not isinstance(answers.dtype, pl.List):
        return answers.cast(pl.String).fill_null(NONE)
    inner = answers.dtype.inner
    if not isinstance(inner, pl.Struct):
        return answers.cast(pl.List(pl.String)).list.join(" + ").fill_null(NONE)
    fields = {field.name for field in inner.fields}
    if task.kind == "intensity":
        entry = pl.element().struct.field("label") + "=" + pl.element().struct.field("score").cast(pl.String)
    else:
        field = "label" if "label" in fields and task.kind != "span" else "text" if "text" in fields else "value"
        entry = pl.element().struct.field(field).cast(pl.String).fill_null("?")
    words = answers.list.eval(entry)
    if task.kind in (*VOTED, "open"):
        words = words.list.sort()  # sets; a ranking and quotes have an order
    said = words.list.join(" + ")
    return said.set(said == "", NONE).fill_null(NONE)


def _flips(item: pl.Series, before: pl.Series, after: pl.Series) -> list[dict[str, Any]]:
    frame = pl.DataFrame({"item": item, "a": before, "b": after}).filter(pl.col("a") != pl.col("b"))
    counted = frame.group_by("a", "b").agg(pl.len().alias("count"), pl.col("item").sort().head(EXAMPLES).alias("items"))
    return counted.sort("count", "a", "b", descending=[True, False, False]).head(FLIPS).to_dicts()


def one_annotator(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """`frame` (ANNOTATIONS), which has to be one annotator's.

    Raises:
        DsbuildError: several people stand behind `name`.
    """
    who: Sequence[str] = frame["annotator"].unique().sort().to_list()
    if len(who) > 1:
        raise DsbuildError(
            f"'{name}' is {len(who)} annotators, and two at a time are compared.",
            fix=f"Name one of them: {', '.join(who[:5])}{', ...' if len(who) > 5 else ''}.",
        )
    return frame
