"""Where the annotations of a corpus come from, as rows of PROVENANCE."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from corpora.entry import Source
from corpora.labels import LabelColumns
from corpora.pseudonyms import fingerprint, people_key
from schemas.ids import digest
from schemas.tables import PROVENANCE, conform


def provenance_row(source: Source, entry: LabelColumns) -> dict[str, str | None]:
    """One row of PROVENANCE: who answered, and from which columns of which corpus that was read."""
    key = people_key() if entry.names_people and source.reading.names == "hash" else None
    params = {
        "corpus": source.name,
        "columns": entry.columns,
        "label": entry.label,
        "file": entry.file,
        "separator": entry.separator,
        "splits": entry.on.splits,
        "identity": entry.identity or entry.named_as,
        "task": entry.task,
        "values": entry.values or None,
        "votes": entry.votes or None,
        "soft": entry.soft or None,
        "time": entry.time,
        "rows": entry.rows or None,
        "except": entry.except_ or None,
        "skipped": entry.skipped or None,
        "people_key": fingerprint(key) if key is not None else None,
    }
    rest: dict[str, str | None] = {
        "annotator": f"{source.name}:{entry.annotator}",
        "kind": entry.kind,
        "model": entry.annotator if entry.kind in ("llm", "model") else None,
        "identity": None,
        "params": json.dumps(
            {name: value for name, value in params.items() if value is not None}, sort_keys=True, ensure_ascii=False
        ),
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
