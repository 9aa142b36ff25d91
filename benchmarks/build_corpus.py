"""How much a corpus costs on its way to clean items, against a plain polars pipeline over the same file.

    python benchmarks/build_corpus.py [ROWS]

Ours reads the CSV with exact line numbers for every reject, gives each row an item id and an annotation, normalises
and removes exact duplicates; the plain pipeline does NFC, white space and `unique`, and knows nothing of ids or broken
rows. Each runs in a process of its own; only the ratio of one run says anything, machines differ too much.
"""

from __future__ import annotations

import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LABELS = ("joy", "sadness", "anger", "fear", "surprise", "disgust", "neutral")


def generate(path: Path, rows: int) -> None:
    """A CSV of short texts in two scripts, 3% of them repeats with other blanks."""
    chance = random.Random(11)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(20_000)]
    words += ["".join(chance.choices("कखगघचजटडतदनपबमयरलवसह", k=chance.randint(2, 6))) + "ी" for _ in range(20_000)]
    before: list[str] = []
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["tweet_id", "text", "label", "user"])
        for row in range(rows):
            text = " ".join(chance.choices(words, k=chance.randint(4, 20)))
            if before and chance.random() < 0.03:
                text = chance.choice(before).replace(" ", "  ", 1)
            elif chance.random() < 0.05:
                before.append(text)
            out.writerow([row, text, chance.choice(LABELS), f"u{row % 977}"])


def ours(path: Path, near: bool) -> int:
    import polars as pl

    from builders import Deduplicate, Normalise
    from corpora import CorpusConfig, read_corpus, resolve
    from schemas.task import Task
    from schemas.taxonomy import load_taxonomy

    task = Task(name="emotion", kind="choice", taxonomy=load_taxonomy("ekman-neutral"), perspective="reader")
    labels = [{"task": "emotion", "columns": "label", "annotator": "people", "kind": "human"}]
    config = CorpusConfig.model_validate(
        {"name": "b", "path": str(path), "columns": {"id": "tweet_id", "text": "text"}, "labels": labels}
    )
    normalise, deduplicate = Normalise(), Deduplicate(near=0.9 if near else False)
    batches = [
        normalise.apply(batch.items).items for batch in read_corpus(resolve(config, Path.cwd()), {"emotion": task})
    ]
    decision = deduplicate.decide(pl.concat([deduplicate.summarise(batch) for batch in batches]))
    return sum(deduplicate.apply(batch, decision).items.height for batch in batches)


def plain(path: Path) -> int:
    import polars as pl

    text = pl.col("text").str.normalize("NFC").str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.scan_csv(path).with_columns(text).unique("text", maintain_order=True).collect().height


def measured(kind: str, path: Path) -> dict[str, float]:
    """Seconds, peak megabytes and rows left, from a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", kind, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[1],
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        kind, path = sys.argv[2], Path(sys.argv[3])
        start = time.perf_counter()
        left = plain(path) if kind == "plain" else ours(path, near=kind == "near")
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "megabytes": peak, "left": left}))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.csv"
        generate(path, rows)
        print(f"{rows} rows, {path.stat().st_size / 1e6:.0f} MB of CSV")
        results = {kind: measured(kind, path) for kind in ("plain", "exact", "near")}
    for kind, result in results.items():
        rate = rows / result["seconds"]
        ratio = result["seconds"] / results["plain"]["seconds"]
        print(
            f"{kind:>6}: {result['seconds']:6.2f} s  {rate:9.0f} rows/s  {ratio:5.1f} x plain"
            f"  peak {result['megabytes']:5.0f} MB  {result['left']:.0f} rows left"
        )


if __name__ == "__main__":
    main()
