"""Where the annotations of a corpus come from, as rows of PROVENANCE."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from corpora.entry import Source
from corpora.labels import LabelColumns
from schemas.ids import digest
from schemas.tables import PROVENANCE, conform


def provenance_row(source: Source, entry: LabelColumns) -> dict[str, str | None]:
    """One row of PROVENANCE: who answered, and from which columns of which corpus that was read."""
    params = {
        "corpus": source.name,
        "columns": entry.columns,
        "separator": entry.separator,
        "splits": entry.on.splits,
        "identity": entry.identity,
        "task": entry.task,
    }
    rest: dict[str, str | None] = {
        "annotator": f"{source.name}:{entry.annotator}",
        "kind": entry.kind,
        "model": entry.annotator if entry.kind in ("llm", "model") else None,
        "identity": None,
        "params": json.dumps({name: value for name, value in params.items() if value is not None}, sort_keys=True),
        "prompt": None,
        "prompt_hash": None,
        "strategy": None,
        "code": None,
    }
    return {"provenance": digest(rest)[:16], **rest}


def provenance(source: Source, entries: Sequence[LabelColumns] | None = None) -> pl.DataFrame:
    """The PROVENANCE of everything that `source` carries."""
    rows = [provenance_row(source, entry) for entry in (source.labels if entries is None else entries)]
    frame = pl.DataFrame(rows, schema={field.name: pl.String for field in PROVENANCE}).unique(maintain_order=True)
    return conform(frame, PROVENANCE)
