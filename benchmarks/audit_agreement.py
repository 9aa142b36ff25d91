"""Alpha with its bootstrap interval against the `krippendorff` package's point estimate, on 1e5 annotations.

Run: python benchmarks/audit_agreement.py [ANNOTATIONS]

Five annotators an item out of 200, 11 labels, string ids. Both sides start from the same frame of annotations, and the
two alphas are compared before anything is printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import krippendorff
import numpy as np
import polars as pl

from audits.agreement import agreement
from schemas.tables import ANNOTATIONS, conform
from schemas.task import Task

LABELS = [f"label{k:02}" for k in range(11)]
RATINGS = 5
RESAMPLES = 1000


def made(n: int, kind: str) -> pl.DataFrame:
    """`n` annotations, RATINGS an item, that agree moderately; sets of one or two labels for multi."""
    rng = np.random.default_rng(0)
    items = n // RATINGS
    item = np.repeat(np.arange(items), RATINGS)
    truth = np.repeat(rng.integers(0, len(LABELS), size=items), RATINGS)
    said = np.where(rng.random(len(item)) < 0.6, truth, rng.integers(0, len(LABELS), size=len(item)))
    second = rng.integers(0, len(LABELS), size=len(item))
    names = np.array(LABELS)
    frame = pl.DataFrame(
        {
            "item": item,
            "who": (item * 7 + np.tile(np.arange(RATINGS), items) * 31) % 200,
            "first": names[said],
            "second": names[second],
            "two": (kind == "multi") & (rng.random(len(item)) < 0.3) & (said != second),
        }
    )

    def label(name: str) -> pl.Expr:
        given, score = pl.col(name), pl.lit(None, dtype=pl.Float64)
        return pl.struct(given.alias("label"), score.alias("score"), given.alias("original"))

    one, both = pl.concat_list(label("first")), pl.concat_list(label("first"), label("second"))
    rows = frame.select(
        pl.format("annotation-{}", pl.int_range(pl.len())).alias("annotation_id"),
        pl.format("item-{}", "item").alias("item_id"),
        pl.lit("emotion").alias("task"),
        pl.format("annotator-{}", "who").alias("annotator"),
        pl.lit("human").alias("annotator_kind"),
        pl.when("two").then(both).otherwise(one).alias("labels"),
    )
    return conform(rows, ANNOTATIONS)


def package(frame: pl.DataFrame, task: Task) -> float:
    """The package's point estimate, from counts of answers by item."""
    labels = pl.col("labels").list.eval(pl.element().struct.field("label")).list.sort()
    sets = frame.select("item_id", labels.list.join("|").alias("set"))
    counts = sets.group_by("item_id", "set").len().pivot(on="set", index="item_id", values="len").fill_null(0)
    domain = [set(name.split("|")) for name in counts.columns[1:]]
    if task.kind == "choice":
        return float(krippendorff.alpha(value_counts=counts.drop("item_id").to_numpy(), level_of_measurement="nominal"))

    def masi(a: set[str], b: set[str]) -> float:
        shared = len(a & b)
        weight = 1.0 if a == b else 2 / 3 if a <= b or b <= a else 1 / 3 if shared else 0.0
        return 1 - shared / len(a | b) * weight

    apart = np.array([[masi(a, b) for b in domain] for a in domain])

    def metric(v1: Any, v2: Any, i1: Any, i2: Any, n_v: Any, dtype: Any = None) -> Any:
        return apart[i1, i2]

    return float(krippendorff.alpha(value_counts=counts.drop("item_id").to_numpy(), level_of_measurement=metric))


def timed(work: Callable[..., Any], *given: Any, **options: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    return work(*given, **options), time.perf_counter() - start


def main() -> None:
    n = int(float(sys.argv[1])) if len(sys.argv) > 1 else 100_000
    for kind in ("choice", "multi"):
        labels = [{"id": label, "tone_note": "a benchmark's"} for label in LABELS]
        taxonomy = {"name": "eleven", "title": "Eleven labels", "source": "this file", "labels": labels}
        task = Task.model_validate({"name": "emotion", "kind": kind, "perspective": "reader", "taxonomy": taxonomy})
        frame = made(n, kind)
        agreement(frame.head(1000), task, resamples=10)
        value, peer = timed(package, frame, task)
        _, point = timed(agreement, frame, task, resamples=0)
        ours, whole = timed(agreement, frame, task, resamples=RESAMPLES)
        assert abs(ours["value"] - value) < 1e-9
        print(
            f"{kind}: {n:,} annotations, alpha {ours['value']:.6f} ({ours['low']:.4f} to {ours['high']:.4f})\n"
            f"  krippendorff, point estimate          {peer:8.3f} s\n"
            f"  ours, overall and label by label      {point:8.3f} s  ({peer / point:.1f} times as fast)\n"
            f"  ours with {RESAMPLES:,} resamples of all    {whole:8.3f} s  ({peer / whole:.1f} times as fast)"
        )


if __name__ == "__main__":
    main()
