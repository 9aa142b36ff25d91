"""Rows a second of reading ratings that a file carries: 200,000 rows of 28 columns of 0 and 1, three raters a comment.

python benchmarks/carried_labels.py [ROWS]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from corpora import CorpusConfig, read_corpus, resolve
from schemas.task import Task
from schemas.taxonomy import load_taxonomy


def write(path: Path, rows: int) -> None:
    """A file in the form of GoEmotions' rater-level files."""
    draw = np.random.default_rng(7)
    names = load_taxonomy("goemotions").ids
    number = np.arange(rows) // 3
    words = np.array(["so", "this", "happened", "again", "and", "nobody", "said", "why"])
    texts = [f"{' '.join(words[draw.integers(0, 8, 12)])} {n}" for n in range(rows // 3 + 1)]
    frame = pl.DataFrame(
        {
            "text": [texts[n] for n in number],
            "id": [f"e{n:06d}" for n in number],
            "author": [f"user{n % 999}" for n in number],
            "rater_id": np.arange(rows) % 82,
            "example_very_unclear": np.where(draw.random(rows) < 0.01, "True", "False"),
            **{name: (draw.random(rows) < 0.04).astype(int) for name in names},
        }
    )
    frame.write_csv(path)


def main() -> None:
    """Print one line for each way of reading the file."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    task = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("goemotions"), perspective="reader")
    label = {"task": "emotion", "columns": "{label}", "annotator": "{rater_id}", "kind": "human"}
    entries = {
        "rows that share an item": {"columns": {"id": "id", "text": "text"}, "labels": [label]},
        "a row an item": {"columns": {"text": "text"}, "labels": [label]},
        "no labels": {"columns": {"text": "text"}},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.csv"
        write(path, rows)
        for name, entry in entries.items():
            config = CorpusConfig.model_validate({"name": "c", "path": str(path), "names": "keep", **entry})
            start, used = time.perf_counter(), time.process_time()
            batches = list(read_corpus(resolve(config, Path.cwd()), {"emotion": task}))
            took, used = time.perf_counter() - start, time.process_time() - used
            told = sum(batch.annotations.height for batch in batches)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            speed = f"{rows / took:,.0f} rows/s ({rows / used:,.0f} a second of CPU)"
            print(f"{name}: {speed}, {told:,} annotations, peak {memory:,.0f} MB")


if __name__ == "__main__":
    main()
