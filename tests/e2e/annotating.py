"""A corpus of rows that a server knows by number, a recipe with one LLM annotator, and what a run leaves behind."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tests.annotators.llm.faults.client import Entry
from tests.e2e.conftest import Project

TEXT = (
    "today my dog ran away and I could not stop thinking about the quiet house while the rain fell on the old roof and "
    "everyone at work laughed at something that nobody would explain to me again this morning"
)
WORDS = TEXT.split()
NAME = "stub"


def text_of(number: int) -> str:
    """The text of a row; by `row-<digits>` the server knows it again."""
    return f"row-{number:06d} " + " ".join(WORDS[(number * 7 + j * (1 + number % 5)) % len(WORDS)] for j in range(14))


def write_corpus(path: Path, texts: Mapping[str, str] | Sequence[str]) -> None:
    """A CSV file of texts under their ids, or under their numbers."""
    pairs: Iterable[tuple[str, str]] = (
        texts.items() if isinstance(texts, Mapping) else ((str(n), text) for n, text in enumerate(texts))
    )
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows(pairs)


def recipe(url: str, **annotator: Any) -> dict[str, Any]:
    """A recipe of one corpus (rows.csv), one task and one annotator, which is given the options named."""
    return {
        "dataset": "rows",
        "title": "Rows",
        "licence": "CC0-1.0",
        "tasks": [{"name": "emotion", "kind": "multi", "taxonomy": "ekman-neutral", "perspective": "intended"}],
        "corpora": [
            {"name": "rows", "path": "rows.csv", "columns": {"id": "id", "text": "text"}, "language": "en"},
        ],
        "annotate": [{"name": NAME, "kind": "llm", "model": "stub", "base_url": url} | annotator],
        "aggregate": [{"name": "silver", "task": "emotion", "from": [annotator.get("name", NAME)]}],
    }


def write_recipe(project: Project, content: Mapping[str, Any], name: str = "recipe.yaml") -> str:
    """The recipe as a file in the project's folder (JSON is YAML); its name."""
    (project.folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")
    return name


@dataclass(frozen=True)
class Made:
    """The annotator's output in a workspace."""

    folder: Path

    def table(self, name: str) -> pl.DataFrame:
        """One of its tables, all parts."""
        parts = sorted(self.folder.glob(f"{name}/part-*.parquet"))
        return pl.concat([pl.read_parquet(part, glob=False) for part in parts]) if parts else pl.DataFrame()

    @property
    def figures(self) -> dict[str, Any]:
        """Its figures."""
        figures: dict[str, Any] = json.loads((self.folder / "node.json").read_text(encoding="utf-8"))["figures"]
        return figures

    @property
    def parquet(self) -> dict[str, bytes]:
        """The bytes of every Parquet file, by its path."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*.parquet"))
        }


def made(project: Project, name: str = NAME, workspace: str = ".dsbuild") -> Made:
    """What the annotator's newest run made."""
    folders = [path.parent for path in (project.folder / workspace / "nodes" / f"annotate-{name}").glob("*/node.json")]
    assert folders, "the annotator has no output"
    return Made(max(folders, key=lambda path: path.stat().st_mtime_ns))


def labels(project: Project, name: str = NAME) -> dict[str, list[str]]:
    """The labels of every row, by the row's mark in its text."""
    items = pl.concat(
        [pl.read_parquet(part) for part in sorted((project.folder / ".dsbuild/nodes").glob("items/*/items/*.parquet"))]
    )
    found = (
        made(project, name)
        .table("annotations")
        .filter(pl.col("labels").is_not_null())
        .select("item_id", "labels")
        .join(items.select("item_id", "text"), on="item_id", how="left")
        .select(
            pl.col("text").str.extract(r"(row-\d+)").alias("row"),
            pl.col("labels").list.eval(pl.element().struct.field("label")).alias("label"),
        )
    )
    return dict(found.iter_rows())


def repeats(entries: Iterable[Entry], since: float = 0.0) -> Counter[str]:
    """How often more than once each request was sent."""
    counts = Counter(entry.hash for entry in entries if entry.asked >= since)
    return Counter({key: count - 1 for key, count in counts.items() if count > 1})
