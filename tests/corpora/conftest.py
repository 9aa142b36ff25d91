"""Small corpora written to disk, and a task to read their labels by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpora.entry import CorpusConfig, Source, resolve
from corpora.read import Batch, read_corpus
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EMOTION = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="reader")
LABELS = {"task": "emotion", "columns": "label", "annotator": "ann", "kind": "human"}


@dataclass(frozen=True)
class Read:
    """What reading a corpus gave, all batches together."""

    items: pl.DataFrame
    annotations: pl.DataFrame
    rejects: pl.DataFrame
    batches: list[Batch]
    people: pl.DataFrame

    def reasons(self) -> list[tuple[str, str, int]]:
        """(reason, file, line) of every reject."""
        return [(row["reason"], row["file"], row["line"]) for row in self.rejects.iter_rows(named=True)]

    def texts(self) -> list[str]:
        return self.items["text"].to_list()


def read_all(source: Source, batch_rows: int = 50_000, tasks: Sequence[Task] = (EMOTION,)) -> Read:
    batches = list(read_corpus(source, {task.name: task for task in tasks}, batch_rows))
    return Read(
        items=pl.concat([batch.items for batch in batches]),
        annotations=pl.concat([batch.annotations for batch in batches]),
        rejects=pl.concat([batch.rejects for batch in batches]),
        batches=batches,
        people=batches[-1].people,
    )


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Read]:
    """read(content, suffix=".csv", **entry): the corpus `c` of one file, or of {split: content}."""

    def write(name: str, content: str | bytes) -> str:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def run(
        content: str | bytes | dict[str, str | bytes],
        suffix: str = ".csv",
        batch_rows: int = 50_000,
        task: Task = EMOTION,
        tasks: Sequence[Task] = (),
        **entry: Any,
    ) -> Read:
        path: Any
        if isinstance(content, dict):
            path = {split: write(f"{split}{suffix}", text) for split, text in content.items()}
        else:
            path = write(f"c{suffix}", content)
        entry.setdefault("columns", {"text": "text"})
        config = CorpusConfig.model_validate({"name": "c", "path": path, "language": "en", **entry})
        return read_all(resolve(config, tmp_path), batch_rows, (task, *tasks))

    return run


@pytest.fixture
def read_entry(tmp_path: Path) -> Callable[..., Read]:
    """read_entry(tasks=[...], **entry): the corpus `c` of files that a test wrote to `tmp_path`."""

    def run(tasks: Sequence[Task] = (), **entry: Any) -> Read:
        config = CorpusConfig.model_validate({"name": "c", "language": "en", **entry})
        return read_all(resolve(config, tmp_path), tasks=(EMOTION, *tasks))

    return run
