"""Validating a million annotations of a task: seconds on one core, and the memory it takes beside the table.

Run: python benchmarks/validate.py [ANNOTATIONS]

Each kind is measured in a process of its own, so that its peak is its own. One row in a thousand breaks a rule, so that
the way of the rejects is measured too. The memory is what the process grows by while it validates, at its highest.
"""

from __future__ import annotations

import os

os.environ["POLARS_MAX_THREADS"] = "1"  # before polars is loaded

import multiprocessing
import resource
import sys
import threading
import time
from pathlib import Path

import numpy as np
import polars as pl

from schemas.tables import ANNOTATIONS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EKMAN = load_taxonomy("ekman-neutral")
GOEMOTIONS = load_taxonomy("goemotions")
TASKS = {
    "choice": Task(name="emotion", kind="choice", taxonomy=GOEMOTIONS, perspective="reader"),
    "multi": Task(name="emotion", kind="multi", taxonomy=GOEMOTIONS, perspective="reader"),
    "intensity": Task(name="emotion", kind="intensity", taxonomy=EKMAN, perspective="reader", range=(0, 3), step=1),
    "scale": Task(name="emotion", kind="scale", perspective="reader", range=(1, 7), step=1),
}
BROKEN = 1000
MIB = 2**20


def made(task: Task, n: int) -> pl.DataFrame:
    """`n` annotations of `task` (ANNOTATIONS); one in BROKEN has a label or a number that the task has not."""
    rng = np.random.default_rng(0)
    rows = {
        "annotation_id": pl.format("annotation-{}", pl.int_range(n)),
        "item_id": pl.format("item-{}", pl.int_range(n) // 5),
        "task": pl.lit(task.name),
        "perspective": pl.lit(task.perspective),
        "annotator": pl.format("annotator-{}", pl.int_range(n) % 200),
        "annotator_kind": pl.lit("human"),
        "skipped": pl.lit(False),
    }
    bad = np.arange(n) % BROKEN == BROKEN - 1
    if task.kind == "scale":
        return conform(pl.select(**rows, value=pl.Series(np.where(bad, 9.0, rng.integers(1, 8, n)))), ANNOTATIONS)
    ids = task.label_ids
    size = {"choice": np.ones(n, dtype=int), "intensity": np.full(n, len(ids)), "multi": rng.integers(0, 4, n)}[
        task.kind
    ]
    size = np.maximum(size, bad)
    owner = np.repeat(np.arange(n), size)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
    label = (rng.integers(0, len(ids), n)[owner] + place * 5) % len(ids)
    wrong = bad[owner] & (place == 0)
    names = pl.Series(np.array([*ids, "bliss"])[np.where(wrong & (task.kind != "intensity"), len(ids), label)])
    levels = np.where(wrong, 9.0, rng.integers(0, 4, len(owner)))
    score = pl.Series(levels) if task.kind == "intensity" else pl.lit(None, dtype=pl.Float64)
    entries = pl.select(owner=pl.Series(owner), labels=pl.struct(label=names, score=score, original=names))
    lists = entries.group_by("owner", maintain_order=True).agg("labels")
    frame = pl.select(owner=pl.int_range(n), **rows).join(lists, on="owner", how="left", maintain_order="left")
    empty = pl.lit([], dtype=lists.schema["labels"])
    return conform(frame.with_columns(pl.col("labels").fill_null(empty)).drop("owner"), ANNOTATIONS)


def now() -> float:
    """The memory of this process, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / MIB


def measured(kind: str, n: int) -> dict[str, float]:
    """Seconds of the processor and of the clock (the best of three), MiB at the highest above the table, and rejects of
    `n` annotations."""
    task = TASKS[kind]
    frame = made(task, n).rechunk()
    task.validate_annotations(frame.head(1000))  # loads what is loaded once
    before, high, done = now(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal high
        while not done.wait(0.002):
            high = max(high, now())

    watcher = threading.Thread(target=watch)
    watcher.start()
    kept, rejects = task.validate_annotations(frame)
    done.set()
    watcher.join()
    if (kept.height, rejects.height) != (n - n // BROKEN, n // BROKEN):
        raise RuntimeError(f"{kind}: {rejects.height} rejects, where {n // BROKEN} were made")
    busy, passed = [], []
    for _ in range(3):
        start = time.process_time(), time.perf_counter()
        task.validate_annotations(frame)
        busy.append(time.process_time() - start[0])
        passed.append(time.perf_counter() - start[1])
    return {"seconds": min(busy), "clock": min(passed), "mib": max(high - before, 0.0), "rejects": rejects.height}


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"{n:,} annotations, one thread")
    for kind in TASKS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measured, (kind, n))
        took = f"{found['seconds']:6.2f} s   {found['clock']:6.2f} s by the clock"
        print(f"{kind:10} {took}   {found['mib']:6.0f} MiB   {found['rejects']:,} rejects")


if __name__ == "__main__":
    main()
