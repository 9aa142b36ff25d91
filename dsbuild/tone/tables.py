"""TONE's data files as rows: tab-separated, UTF-8, a header, sorted, blank for null."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from schemas.errors import DsbuildError

Row = tuple[str, ...]

COLUMNS: dict[str, Row] = {
    "definitions.tsv": ("term", "tier", "primary", "definition", "source"),
    "vocabulary.tsv": (
        *("word", "term", "tier", "source", "claimed_by", "cosine", "verification"),
        *("pos", "sense"),
    ),
    "contested.tsv": ("word", "term", "source", "cosine", "stands"),
    "verdicts.tsv": ("key", "hash", "verification", "right", "wrong", "other", "moved_to"),
    "alternatives.tsv": ("word", "term", "tier", "source", "note"),
    "statements.tsv": (
        *("subject_term", "subject_tier", "predicate", "object_term", "object_tier"),
        *("group", "source", "basis", "figures", "verification"),
    ),
    "norms.tsv": ("term", "tier", "dimension", "value", "sd", "n", "source", "basis"),
    "norms-emobank.tsv": ("term", "tier", "dimension", "value", "sd", "n", "source", "basis"),
}


def render(name: str, rows: Iterable[Sequence[object]]) -> str:
    """The content of the file `name`, its rows sorted."""
    out = io.StringIO()
    # Nothing is quoted and no value holds a tab, so that any reader splits a line at its tabs.
    writer = csv.writer(out, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    writer.writerow(COLUMNS[name])
    writer.writerows(sorted(tuple("" if value is None else str(value) for value in row) for row in rows))
    return out.getvalue()


def read(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of the file `name` in `folder`.

    Raises:
        DsbuildError: it is not there, or has other columns.
    """
    path = folder / name
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DsbuildError("A data file of TONE is missing.", where=str(path)) from None
    if not lines or tuple(lines[0].split("\t")) != COLUMNS[name]:
        raise DsbuildError(f"The columns should be {', '.join(COLUMNS[name])}.", where=str(path))
    return [dict(zip(COLUMNS[name], line.split("\t"), strict=True)) for line in lines[1:]]
