"""The Parquet files of a release.

Items are taken in the order of their ids, so many at a time, each with its annotations and labels; so memory holds
that many items' rows, however large the tables are, and every file comes out sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl
import pyarrow as pa

from dsbuild.release.content_hash import TableHash
from dsbuild.release.contents import Contents, Table, scan
from dsbuild.release.parquet import ParquetFile
from dsbuild.release.shape import DEFAULT_CONFIG, Config, SplitFile
from dsbuild.release.splits import DEFAULT, split_index
from dsbuild.release.wide import wide, wide_schema
from schemas.errors import DsbuildError
from schemas.forms.check import require
from schemas.forms.definitions import DECLARED
from schemas.forms.features import with_features
from schemas.tables import ANNOTATIONS, ITEMS, LABELS, PEOPLE, PROVENANCE, REJECTS, conform, empty
from schemas.task import Task

ITEMS_AT_ONCE = 200_000

# By table, the columns that its rows are sorted by; together they stand for one row.
KEYS: dict[str, tuple[str, ...]] = {
    DEFAULT_CONFIG: ("item_id",),
    "items": ("item_id",),
    "annotations": ("item_id", "task", "annotator", "sample", "annotation_id"),
    "labels": ("item_id", "task", "perspective", "aggregate"),
    "people": ("person",),
    "provenance": ("provenance",),
    "rejects": tuple(REJECTS.names),
}
WHOLE = ("provenance", "people")  # tables without splits, each in one file of its own name
REJECTS_PATH = "audit/rejects.parquet"


class TableFile:
    """One file of a config: its Parquet, the hash of its rows, its first row."""

    def __init__(self, root: Path, path: str, schema: pa.Schema, key: Sequence[str]) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._schema = schema
        self._hash = TableHash(schema)
        self._file = ParquetFile(root / path, schema, key)
        self.first: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows, in the order of the key."""
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(self._schema)
        if self.first is None and frame.height:
            self.first = frame.row(0, named=True)
        self._hash.update(table)
        self._file.write(table)

    def split_file(self, split: str) -> SplitFile:
        """What was written, once it is closed."""
        return SplitFile(split, self._path, self._file.rows, self._hash.hexdigest())


def write_tables(contents: Contents, root: Path, items_at_once: int = ITEMS_AT_ONCE) -> tuple[tuple[Config, ...], str]:
    """Write every table of `contents` below `root`; its configs (`data` first), and the hash of the rejects.

    Raises:
        DsbuildError: there are no items, two rows have one key, an annotation or label is of an unknown item, or a
            row breaks the schema.
    """
    items, annotations, labels = (scan(t) for t in (contents.items, contents.annotations, contents.labels))
    # Items are taken by their ids, so those without one would never come up.
    require(items.filter(pl.col("item_id").is_null()).collect(), DECLARED["items"])
    index, splits = split_index(items)
    if not index.height:
        raise DsbuildError("There is nothing to release: no item is left.", fix="Look at the rejects of each step.")
    for name, frame in (("annotations", annotations), ("labels", labels)):
        _known_items(name, frame, index)
    tasks = _answered_tasks(contents, labels)
    order = [str(aggregate["name"]) for aggregate in contents.metrics["aggregates"]]
    _known_aggregates(contents.data_order, order)
    data_schema, classes = wide_schema(tasks)
    schemas = {
        DEFAULT_CONFIG: with_features(data_schema, classes),
        "items": with_features(ITEMS),
        "annotations": with_features(ANNOTATIONS),
        "labels": with_features(LABELS),
    }
    files: dict[str, list[SplitFile]] = {name: [] for name in schemas}
    first: dict[str, dict[str, Any] | None] = {}
    for split in splits:
        with ExitStack() as stack:
            writers = {
                name: stack.enter_context(TableFile(root, f"{name}/{split}.parquet", schema, KEYS[name]))
                for name, schema in schemas.items()
            }
            for ids in _slices(index, split, items_at_once):
                some_items = _rows("items", items, ids)
                some_labels = _rows("labels", labels, ids)
                writers["items"].write(some_items)
                writers["labels"].write(some_labels)
                writers["annotations"].write(_rows("annotations", annotations, ids))
                writers[DEFAULT_CONFIG].write(wide(some_items, some_labels, tasks, order, contents.data_order))
        for name, writer in writers.items():
            files[name].append(writer.split_file(split))
            first[name] = first.get(name) or writer.first
    configs = [
        Config(name, schema, classes if name == DEFAULT_CONFIG else {}, _with_rows(files[name], root), first[name])
        for name, schema in schemas.items()
    ]
    configs.append(_whole("provenance", contents.provenance, PROVENANCE, root))
    if contents.people is not None:
        configs.append(_whole("people", contents.people, PEOPLE, root))
    return tuple(configs), _write_rejects(contents, root)


def _with_rows(files: list[SplitFile], root: Path) -> tuple[SplitFile, ...]:
    """The files that have rows; the others are removed, since `datasets` refuses a split of no rows.

    A table without any row keeps one file, from which its columns can be read.
    """
    kept = [file for file in files if file.rows] or files[:1]
    for file in files:
        if file not in kept:
            (root / file.path).unlink()
    return tuple(kept)


def _slices(index: pl.DataFrame, split: str, items_at_once: int) -> Iterator[pl.DataFrame]:
    """The ids of the split's items, sorted, so many at a time: frames of {item_id}."""
    return index.filter(pl.col("split") == split).select("item_id").iter_slices(items_at_once)


def _rows(name: str, frame: pl.LazyFrame, ids: pl.DataFrame) -> pl.DataFrame:
    """The rows of the items `ids`, sorted by the table's key."""
    lowest, highest = pl.lit(ids["item_id"][0]), pl.lit(ids["item_id"][-1])
    found = (
        frame.filter(pl.col("item_id").is_between(lowest, highest)).join(ids.lazy(), on="item_id", how="semi").collect()
    )
    return _sorted(name, require(found, DECLARED[name]))


def _sorted(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` in the order of its key, which must stand for one row each."""
    key = KEYS[name]
    frame = frame.sort(key)
    if name == "annotations":
        twice = frame.filter(pl.col("annotation_id").is_duplicated())
    else:
        # Sorted, equal keys stand one after the other; the first row has nothing before it (null is not a key).
        same = (pl.col(column).eq_missing(pl.col(column).shift()) for column in key)
        twice = frame.filter(pl.all_horizontal(same))
    if twice.height:
        row = ", ".join(f"{column} {value!r}" for column, value in twice.select(key).row(0, named=True).items())
        raise DsbuildError(f"Two rows of the table {name} stand for the same thing.", where=row)
    return frame


def _whole(name: str, table: Table, schema: pa.Schema, root: Path) -> Config:
    """Write a table that has no splits; rows that are equal throughout are one."""
    frame = _sorted(name, require(scan(table).collect(), DECLARED[name]).unique())
    described = with_features(schema)
    with TableFile(root, f"{name}/{name}.parquet", described, KEYS[name]) as writer:
        writer.write(frame)
    return Config(name, described, files=(writer.split_file(DEFAULT),), first_row=writer.first)


def _write_rejects(contents: Contents, root: Path) -> str:
    frame = empty(REJECTS) if contents.rejects is None else conform(scan(contents.rejects).collect(), REJECTS)
    with TableFile(root, REJECTS_PATH, with_features(REJECTS), KEYS["rejects"]) as writer:
        writer.write(frame.sort(KEYS["rejects"]))
    return writer.split_file(DEFAULT).content


def _known_items(name: str, frame: pl.LazyFrame, index: pl.DataFrame) -> None:
    unknown = frame.select("item_id").join(index.lazy(), on="item_id", how="anti").collect()
    if unknown.height:
        raise DsbuildError(
            f"{unknown.height:,} rows of the table {name} are of items that the release does not have.",
            where=f"item {unknown['item_id'].sort()[0]}",
        )


def _answered_tasks(contents: Contents, labels: pl.LazyFrame) -> list[Task]:
    """The tasks that an aggregate of the recipe answers: the others have no labels to release."""
    answered = {aggregate["task"] for aggregate in contents.metrics["aggregates"]}
    answered |= set(labels.select("task").unique().collect()["task"])
    return [task for task in contents.tasks if task.name in answered]


def _known_aggregates(data_order: Mapping[str, Sequence[str]], order: Sequence[str]) -> None:
    for task, names in data_order.items():
        for name in names:
            if name not in order:
                raise DsbuildError(
                    f"`data` takes the labels of {task} from {name!r}, which is no aggregate.",
                    fix=f"Aggregates: {', '.join(order) or 'none'}.",
                )
