"""What goes into a release, as the engine hands it over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from schemas.task import Task

AUTO = "auto"
SAMPLE = "sample"

Table = pl.DataFrame | pl.LazyFrame | Path


@dataclass(frozen=True)
class Contents:
    """A whole dataset, ready to be written.

    Attributes:
        dataset: the folder's name; letters, digits, dot, dash, underscore.
        licence: an SPDX identifier, a name the Hub knows, or a licence's own name.
        languages: BCP 47.
        tasks: the recipe's tasks; those that an aggregate answers become columns of `data`.
        items, annotations, labels, provenance, people, rejects: tables of that name in schemas.tables, rows in any
            order, as a frame or as the path of Parquet files. No annotation or label may be of an item that is not
            among the items.
        metrics: the audits' figures, format dsbuild.metrics/1. Its `aggregates` give the recipe's order.
        report_html: the audits' report.
        recipe_text: the recipe's YAML, as it was resolved.
        corpora: for each its `name`, `licence`, `citation` and `files` ({name, sha256}); and, where there is more to
            say, `title`, `url`, `description` and `synthetic` (true where the texts were written for the purpose).
        models: for each model that was asked, what identifies it.
        data_order: for a task, the only aggregates that `data` takes, best first.
        code: the version of the code that made it.
        version: "auto", a version of one's own ("2.0.0"), or "sample": a trial that has no version and replaces
            the sample before it.
        repo: where it will be on the Hub, NAMESPACE/NAME, for the card.
        description: a paragraph of the author's for the card.
    """

    dataset: str
    title: str
    licence: str
    languages: Sequence[str]
    tasks: Sequence[Task]
    items: Table
    annotations: Table
    labels: Table
    provenance: Table
    metrics: Mapping[str, Any]
    report_html: str
    recipe_text: str
    corpora: Sequence[Mapping[str, Any]]
    code: str
    models: Sequence[Mapping[str, Any]] = ()
    data_order: Mapping[str, Sequence[str]] = field(default_factory=dict)
    people: Table | None = None
    rejects: Table | None = None
    version: str = AUTO
    repo: str | None = None
    description: str | None = None


def scan(table: Table) -> pl.LazyFrame:
    """`table` as a lazy frame."""
    if isinstance(table, Path):
        return pl.scan_parquet(table)
    return table.lazy()
