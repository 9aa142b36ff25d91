"""A crosswalk as a person asks for it: two taxonomies by name, and perhaps a file or release whose labels to count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.crosswalk import Comparison, Crosswalk, Losses, against, crosswalk, looked_up, losses
from schemas.errors import DsbuildError
from schemas.taxonomy import Taxonomy, load_taxonomy

if TYPE_CHECKING:
    import polars as pl

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class Counted:
    """How often labels occur in a file or a release: by label id, and the strings that are no label."""

    source: str
    labels: Mapping[str, int]
    strangers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapped:
    """A crosswalk, what it loses on `counted` (null: every label equally often), and how it stands against a published
    grouping (null: not asked)."""

    walk: Crosswalk
    losses: Losses
    counted: Counted | None
    compared: list[Comparison] | None

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data, with stable keys."""
        of_label = self.losses.of_label
        found: dict[str, Any] = {
            "from": self.walk.source.name,
            "to": self.walk.target.name,
            "on": None if self.counted is None else self.counted.source,
            "labels": self.losses.labels,
            "converted": self.losses.converted,
            "bits": {"before": self.losses.before, "after": self.losses.after, "lost": self.losses.bits},
            "mappings": [
                {
                    "label": one.label,
                    "n": None if self.counted is None else self.counted.labels.get(one.label, 0),
                    "kind": one.kind,
                    "targets": list(one.targets),
                    "becomes": one.sure,
                    "loss": of_label.get(one.label),
                    "path": one.path,
                }
                for one in self.walk.mappings
            ],
            "not_labels": {} if self.counted is None else dict(self.counted.strangers),
        }
        if self.compared is not None:
            found["against"] = [
                {
                    "label": one.label,
                    "published": one.published,
                    "found": list(one.found),
                    "verdict": one.verdict,
                    "why": one.why,
                }
                for one in self.compared
            ]
        return found


def mapped(
    source: str,
    target: str,
    *,
    on: Path | None = None,
    column: str | None = None,
    separator: str | None = None,
    task: str | None = None,
    grouping: str | None = None,
    by_name: bool = False,
) -> Mapped:
    """The crosswalk from one taxonomy to another, each by its name or file.

    `on` is a file with a `column` of labels (several in a cell with `separator` between them), or the folder of a
    release with `task`; `grouping` a published one of the source's; `by_name` looks labels up in the tree by their own
    names alone, whatever their taxonomy says of their places.

    Raises:
        DsbuildError: a taxonomy, a column, a task or a grouping does not exist, or nothing in it is a label.
    """
    a = load_taxonomy(source)
    walk = crosswalk(looked_up(a) if by_name else a, load_taxonomy(target))
    counted = None if on is None else label_counts(on, a, column=column, separator=separator, task=task)
    return Mapped(
        walk,
        losses(walk, None if counted is None else {label: float(n) for label, n in counted.labels.items()}),
        counted,
        None if grouping is None else against(walk, grouping),
    )


def label_counts(
    path: Path, taxonomy: Taxonomy, *, column: str | None = None, separator: str | None = None, task: str | None = None
) -> Counted:
    """How often the labels of `taxonomy` occur in a file (CSV, TSV, JSON lines, Parquet) or in a release.

    Raises:
        DsbuildError: there is no such file, column or task, or nothing in it is a label.
    """
    strings = _of_release(path, task) if path.is_dir() else _of_file(path, column)
    if separator is not None:
        strings = strings.str.split(separator).explode()
    labels: dict[str, int] = {}
    strangers: dict[str, int] = {}
    counts = strings.drop_nulls().value_counts(name="n")
    for text, n in sorted(counts.iter_rows()):
        label = taxonomy.resolve(text)
        into, key = (strangers, text) if label is None else (labels, label)
        into[key] = into.get(key, 0) + n
    if not labels:
        seen = ", ".join(sorted(strangers, key=lambda one: -strangers[one])[:5]) or "nothing"
        raise DsbuildError(f"Nothing there is a label of {taxonomy.name}: it holds {seen}.", where=str(path))
    return Counted(str(path), labels, strangers)


def _of_file(path: Path, column: str | None) -> pl.Series:
    import polars as pl

    suffix = path.suffix.lower()
    try:
        if suffix in _SEPARATORS:
            # A quote in a TSV file is nearly always one of the text.
            quote = '"' if suffix == ".csv" else None
            frame = pl.read_csv(path, separator=_SEPARATORS[suffix], quote_char=quote, infer_schema=False)
        elif suffix in (".jsonl", ".ndjson"):
            frame = pl.read_ndjson(path)
        elif suffix == ".parquet":
            frame = pl.read_parquet(path)
        else:
            raise DsbuildError("This is no table.", where=str(path), fix="Give a .csv, .tsv, .jsonl or .parquet file.")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DsbuildError(f"The file cannot be read: {error}", where=str(path)) from error
    if column is None and frame.width == 1:
        column = frame.columns[0]
    if column is None or column not in frame.columns:
        missing = "Which column holds the labels?" if column is None else f"There is no column '{column}'."
        raise DsbuildError(missing, where=str(path), fix=f"--column one of: {', '.join(frame.columns)}.")
    values = frame[column]
    values = values.explode() if values.dtype == pl.List else values
    return values.cast(pl.String)


def _of_release(folder: Path, task: str | None) -> pl.Series:
    import polars as pl

    tables = {name: sorted((folder / name).glob("*.parquet")) for name in ("labels", "annotations")}
    if not tables["annotations"]:
        raise DsbuildError("This folder is no release: it has no annotations.", where=str(folder))
    found: list[str] = []
    for files in filter(None, tables.values()):
        frame = pl.scan_parquet(files).select("task", "labels")
        tasks = frame.select(pl.col("task").unique().sort()).collect()["task"].to_list()
        # Without a name it has to be the only task that has labels.
        wanted = tasks[0] if task is None and len(tasks) == 1 else task
        if wanted in tasks:
            chosen = frame.filter(pl.col("task") == wanted).select(pl.col("labels").explode().struct.field("label"))
            return chosen.collect()["label"]
        found += [one for one in tasks if one not in found]
    missing = "Which task's labels?" if task is None else f"There is no task '{task}'."
    raise DsbuildError(missing, where=str(folder), fix=f"--task one of: {', '.join(found)}.")
