"""How fast a release is written, beside what `datasets` needs for the same rows in the same run.

    python benchmarks/release_write.py [ITEMS]

Two ratios. `data` alone: one wide table, our writer (zstd, hash of the content, fsync) against `Dataset.to_parquet`.
All tables: a whole release (sorting, splitting, the wide table, card, Croissant, manifest, verification hashes) against
`Dataset.to_parquet` of the four tables as they are, unsorted and in one file each. Best of three.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from dsbuild.release import Contents, write_release
from dsbuild.release.content_hash import TableHash
from dsbuild.release.contents import Table, scan
from dsbuild.release.parquet import write_parquet
from schemas.ids import annotation_id, item_id
from schemas.tables import ANNOTATIONS, ITEMS, LABELS, PROVENANCE, conform, polars_schema
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

TEXT = "the train was late again and nobody said a word आज खूप छान वाटतंय मला भीती वाटते I miss our old house so much"
WORDS = TEXT.split()
LABELS_OF_ONE = pl.List(pl.Struct({"label": pl.String, "p": pl.Float64}))


def dataset(n: int) -> Contents:
    """`n` items with two annotations each and one label."""
    rng = random.Random(7)
    taxonomy = load_taxonomy("ekman-neutral")
    ids = [item_id("bench", str(i)) for i in range(n)]
    given = [[rng.choice(taxonomy.ids)] for _ in ids]
    items = pl.DataFrame(
        {
            "item_id": ids,
            "corpus": "bench",
            "modality": "text",
            "language": "mr",
            "text": [" ".join(rng.choices(WORDS, k=14)) for _ in ids],
            "split": [rng.choice(["train"] * 8 + ["validation", "test"]) for _ in ids],
            "extra": "{}",
        }
    )
    annotations = pl.concat(
        pl.DataFrame(
            {
                "annotation_id": [annotation_id(one, "emotion", name) for one in ids],
                "item_id": ids,
                "item_hash": ids,
                "task": "emotion",
                "perspective": "reader",
                "annotator": name,
                "annotator_kind": "llm",
                "sample": 0,
                "round": "first",
                "labels": [[{"label": labels[0], "score": 0.9, "original": labels[0]}] for labels in given],
                "provenance": "0" * 16,
            },
            schema_overrides={"labels": polars_schema(ANNOTATIONS)["labels"]},
        )
        for name in ("gpt", "llama")
    )
    labels = pl.DataFrame(
        {
            "item_id": ids,
            "task": "emotion",
            "perspective": "reader",
            "aggregate": "silver",
            "tier": "silver",
            "labels": [[{"label": one[0], "p": 1.0}] for one in given],
            "method": "majority",
            "annotators": 2,
        },
        schema_overrides={"labels": LABELS_OF_ONE},
    )
    nothing: dict[str, Any] = {"annotators": [], "agreement": [], "scores": [], "funnel": [], "gates": []}
    return Contents(
        dataset="bench",
        title="Benchmark",
        licence="CC0-1.0",
        languages=["mr"],
        tasks=[Task(name="emotion", kind="multi", taxonomy=taxonomy, perspective="reader")],
        items=conform(items, ITEMS),
        annotations=conform(annotations, ANNOTATIONS),
        labels=conform(labels, LABELS),
        provenance=conform(pl.DataFrame({"provenance": ["0" * 16], "annotator": ["gpt"], "kind": ["llm"]}), PROVENANCE),
        metrics={
            **nothing,
            "items": {"total": n, "by_split": {}, "by_language": {}, "by_corpus": {}},
            "aggregates": [],
            "distribution": [],
            "leakage": {kind: {"pairs": 0} for kind in ("exact", "near", "group")},
            "conflicts": {"texts": 0},
        },
        report_html="",
        recipe_text="",
        corpora=[],
        code="bench",
    )


def best(*runs: Callable[[], Any], times: int = 3) -> list[float]:
    """Seconds of the fastest of `times` runs of each, taken in turn so that a busy machine hits all alike."""
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(times):
        for run, found in zip(runs, seconds, strict=True):
            start = time.perf_counter()
            run()
            found.append(time.perf_counter() - start)
    return [min(found) for found in seconds]


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    contents = dataset(n)
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        runs = iter(range(1000))
        write_release(contents, root / f"out{next(runs)}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        release = root / "out0/bench/1.0.0"
        wide = pa.concat_tables(pq.read_table(path) for path in sorted((release / "data").iterdir()))

        def ours() -> None:
            found = TableHash(wide.schema)
            found.update(wide)
            write_parquet([wide], root / "ours.parquet", wide.schema, ["item_id"])

        theirs = datasets.Dataset(wide)
        frames = {"items": contents.items, "annotations": contents.annotations, "labels": contents.labels}
        tables = [datasets.Dataset(_arrow(frame)) for frame in frames.values()] + [theirs]
        by_us, by_them = best(ours, lambda: theirs.to_parquet(root / "theirs.parquet"))
        whole, all_by_them = best(
            lambda: write_release(contents, root / f"out{next(runs)}"),
            lambda: [table.to_parquet(root / f"theirs{i}.parquet") for i, table in enumerate(tables)],
        )
        figures = {
            "items": n,
            "rows": {
                path.name: sum(pq.read_metadata(f).num_rows for f in path.glob("*.parquet"))
                for path in release.iterdir()
                if path.is_dir()
            },
            "data": {
                "ours_s": round(by_us, 3),
                "datasets_s": round(by_them, 3),
                "ratio": round(by_us / by_them, 2),
                "ours_bytes": (root / "ours.parquet").stat().st_size,
                "datasets_bytes": (root / "theirs.parquet").stat().st_size,
            },
            "release": {
                "ours_s": round(whole, 3),
                "datasets_s": round(all_by_them, 3),
                "ratio": round(whole / all_by_them, 2),
                "items_per_s": round(n / whole),
                "peak_rss_mb": peak,
            },
        }
        print(json.dumps(figures, indent=2))


def _arrow(table: Table) -> pa.Table:
    return scan(table).collect().to_arrow(compat_level=pl.CompatLevel.oldest())


if __name__ == "__main__":
    main()
