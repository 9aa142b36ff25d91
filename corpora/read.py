"""A corpus read into items and the annotations it came with, batch by batch."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from corpora.answers import Answers, read_answers, wide_columns
from corpora.entry import Source, SourceFile
from corpora.labels import LabelColumns
from corpora.provenance import provenance, provenance_row
from corpora.readers import Layout, Rows, reader_for
from corpora.readers.rows import RowReject
from corpora.seen import Seen
from schemas.errors import DsbuildError, RecipeError
from schemas.ids import item_hash, item_id, item_id_from_content
from schemas.tables import ANNOTATIONS, ITEMS, REJECTS, conform, empty
from schemas.task import Task

BATCH_ROWS = 50_000

EMPTY_TEXT = "empty text"
NO_ID = "no id"
DUPLICATE_ID = "duplicate id"

# A place is a file's number and a line in one integer, so that Seen can keep it.
_LINE_BITS = 40


@dataclass(frozen=True)
class Batch:
    """What came of a batch of rows: `items` (ITEMS), `annotations` (ANNOTATIONS), `rejects` (REJECTS), and `figures`:
    counts that add up over batches (`mapped` and `label_strings` hold counts by name)."""

    items: pl.DataFrame
    annotations: pl.DataFrame
    rejects: pl.DataFrame
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class _Plan:
    """How one file is read: which columns are taken, by whom, and which are only kept."""

    labels: tuple[tuple[LabelColumns, Task], ...]
    wanted: tuple[str, ...]
    kept: tuple[str, ...]


def read_corpus(source: Source, tasks: Mapping[str, Task], batch_rows: int = BATCH_ROWS) -> Iterator[Batch]:
    """Read every file of `source`, which has been pulled, in order, at most `batch_rows` rows at a time.

    `tasks` are the recipe's, by name. Memory: one batch, and 16 bytes for each item.

    Raises:
        RecipeError: a column or a task that the entry names does not exist.
        DsbuildError: a file is broken as a whole, nothing could be read, or there are more rejects than allowed.
    """
    known = Seen()
    rows = items = rejected = 0
    first_reject: str | None = None
    plans = [_plan(source, file, tasks) for file in source.files]
    for number, (file, plan) in enumerate(zip(source.files, plans, strict=True)):
        for raw in _reader(source, file).rows(plan.wanted, plan.kept, batch_rows):
            batch = _batch(source, number, plan, raw, known)
            rows += int(batch.figures["rows"])
            items += batch.items.height
            rejected += batch.rejects.height
            if first_reject is None and batch.rejects.height:
                row = batch.rejects.row(0, named=True)
                first_reject = f"{row['file']}:{row['line']}: {row['reason']}"
            if source.max_rejects is not None and rejected > source.max_rejects:
                raise DsbuildError(
                    f"Corpus '{source.name}' has more than the {source.max_rejects} rejects its recipe allows.",
                    where=first_reject,
                    fix=f"Mend the file, or raise corpora.{source.name}.max_rejects.",
                )
            yield batch
    if not items:
        what = f"none of its {rows} rows could be read" if rows else "its files have no rows"
        raise DsbuildError(
            f"Corpus '{source.name}' is empty: {what}.",
            where=first_reject or ", ".join(file.name for file in source.files),
            fix="Check `path` and `columns`.",
        )


def _reader(source: Source, file: SourceFile) -> Any:
    if file.path is None:
        raise DsbuildError(f"{file.name} of corpus '{source.name}' has not been pulled.", fix="Pull it first.")
    return reader_for(file.path, Layout(file.name, source.delimiter, source.quoted))


def _plan(source: Source, file: SourceFile, tasks: Mapping[str, Task]) -> _Plan:
    columns: list[str] = _reader(source, file).columns()
    roles = source.columns.named()
    for role, column in roles.items():
        _must_have(source, file, column, columns, f"columns.{role}")
    labels = []
    wanted = dict.fromkeys(roles.values())
    for entry in source.labels:
        if source.columns.split is None and entry.on.splits is not None and file.split not in entry.on.splits:
            continue
        task = tasks.get(entry.task)
        if task is None:
            close = difflib.get_close_matches(entry.task, tasks, n=1)
            hint = f'Did you mean "{close[0]}"? ' if close else ""
            raise RecipeError(
                f"Corpus '{source.name}' carries labels of the task '{entry.task}', which the recipe does not have.",
                where=f"corpora.{source.name}.labels",
                fix=f"{hint}Add that task, or write `labels: none` to leave them alone.",
            )
        if entry.is_wide:
            if task.taxonomy is None:
                raise RecipeError(
                    f"'{entry.columns}' is a pattern of labels, and the task '{task.name}' has none.",
                    where=f"corpora.{source.name}.labels",
                )
            found = [name for name in wide_columns(entry, task, columns) if name not in roles.values()]
            if not found:
                raise RecipeError(
                    f"No column fits '{entry.columns}': none holds a label of '{task.name}'.",
                    where=f"corpora.{source.name}.labels ({file.name})",
                    fix=f"The file has: {_listed(columns)}. The labels are: {_listed(task.label_ids)}.",
                )
            wanted.update(dict.fromkeys(found))
        else:
            _must_have(source, file, entry.columns, columns, "labels")
            wanted[entry.columns] = None
        labels.append((entry, task))
    return _Plan(tuple(labels), tuple(wanted), tuple(name for name in columns if name not in wanted))


def _must_have(source: Source, file: SourceFile, column: str, columns: Sequence[str], key: str) -> None:
    if column in columns:
        return
    close = difflib.get_close_matches(column, columns, n=1) or [c for c in columns if c.lower() == column.lower()]
    hint = f'Did you mean "{close[0]}"? ' if close else ""
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|,"):
        hint = "Its header is one single field; if something else separates the fields, say so with `delimiter`. "
    raise RecipeError(
        f"{file.name} has no column '{column}'.",
        where=f"corpora.{source.name}.{key}",
        fix=f"{hint}It has: {_listed(columns)}.",
    )


def _listed(names: Sequence[str], most: int = 40) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _batch(source: Source, number: int, plan: _Plan, raw: Rows, known: Seen) -> Batch:
    file, columns = source.files[number], source.columns
    stage = f"corpus:{source.name}"
    rejects = [_row_reject(stage, file.name, reject) for reject in raw.rejects]
    read = raw.frame.with_columns(raw.extra.alias("_extra"), raw.lines.alias("_line"))
    total = read.height + len(raw.rejects)

    def drop(frame: pl.DataFrame, broken: pl.Expr, reason: str) -> pl.DataFrame:
        judged = frame.with_columns(broken.fill_null(True).alias("_broken"))
        if judged["_broken"].any():
            lost = judged.filter(pl.col("_broken"))
            rejects.extend(
                {"reason": reason, "file": file.name, "line": row["_line"], "raw": _raw(row, plan)}
                for row in lost.iter_rows(named=True)
            )
        return judged.filter(~pl.col("_broken")).drop("_broken")

    read = drop(read, pl.col(columns.text).str.strip_chars() == "", EMPTY_TEXT)
    if columns.id is not None:
        read = drop(read, pl.col(columns.id).str.strip_chars() == "", NO_ID)
    texts = read[columns.text].to_list()
    keys = read[columns.id].to_list() if columns.id is not None else None
    places = read["_line"].to_numpy().astype(np.int64) + (number << _LINE_BITS)
    if keys is not None:
        ids = [item_id(source.name, key) for key in keys]
    else:
        ids = [item_id_from_content(source.name, text, 0) for text in texts]
    hashes = np.fromiter((int(one, 16) for one in ids), dtype=np.uint64, count=len(ids))
    before, first = known.occurrences(hashes, places)
    if keys is None:
        for row in np.flatnonzero(before):
            ids[row] = item_id_from_content(source.name, texts[row], int(before[row]))
    read = read.with_columns(pl.Series("_id", ids, dtype=pl.String))
    if keys is not None:
        for row in np.flatnonzero(before):
            at_file, at_line = int(first[row]) >> _LINE_BITS, int(first[row]) & ((1 << _LINE_BITS) - 1)
            cells = read.row(int(row), named=True)
            rejects.append(
                {
                    "reason": DUPLICATE_ID,
                    "item_id": ids[row],
                    "file": file.name,
                    "line": cells["_line"],
                    "detail": f"{keys[row]} stands at {source.files[at_file].name}:{at_line} already",
                    "raw": _raw(cells, plan),
                }
            )
        read = read.filter(pl.Series(before == 0))
    read = read.with_columns(pl.Series("_hash", [item_hash(t) for t in read[columns.text].to_list()], dtype=pl.String))
    items = _items(source, file, read)
    answers = _answers(source, plan, read, items["source_split"])
    lines = read.select(item_id="_id", line="_line")
    for given in answers:
        refused = given.refused.join(lines, on="item_id", how="left", maintain_order="left")
        rejects.extend({**row, "file": file.name} for row in refused.iter_rows(named=True))
    figures = {
        "rows": total,
        "items": items.height,
        "annotations": sum(given.annotations.height for given in answers),
        "unanswered": sum(given.unanswered for given in answers),
        "rows_by_split": {file.split or "": total} if columns.split is None else _counts(items["source_split"]),
        "mapped": _added(given.mapped for given in answers),
        "label_strings": _added(given.strings for given in answers),
    }
    return Batch(
        items=items,
        annotations=pl.concat([empty(ANNOTATIONS), *(given.annotations for given in answers)]),
        rejects=conform(
            pl.DataFrame(
                [{"stage": stage, **reject} for reject in rejects],
                schema={field.name: pl.Int64 if field.name == "line" else pl.String for field in REJECTS},
            ),
            REJECTS,
        ),
        figures=figures,
    )


def _items(source: Source, file: SourceFile, read: pl.DataFrame) -> pl.DataFrame:
    columns = source.columns
    language: pl.Expr = pl.lit(source.language, dtype=pl.String)
    if columns.language is not None:
        given = pl.col(columns.language).str.strip_chars()
        language = pl.when(given != "").then(given).otherwise(language)
    split: pl.Expr = pl.lit(file.split, dtype=pl.String)
    if columns.split is not None:
        split = pl.col(columns.split).str.strip_chars().replace("", None)
    key = pl.col(columns.id) if columns.id is not None else pl.lit(None, dtype=pl.String)
    frame = read.select(
        item_id=pl.col("_id"),
        corpus=pl.lit(source.name),
        modality=pl.lit(source.modality),
        language=language,
        text=pl.col(columns.text),
        source_split=split,
        source=pl.struct(key.alias("key"), pl.lit(file.name).alias("file"), pl.col("_line").alias("row")),
        extra=pl.col("_extra"),
    )
    return conform(frame, ITEMS)


def _answers(source: Source, plan: _Plan, read: pl.DataFrame, splits: pl.Series) -> list[Answers]:
    answers = []
    for entry, task in plan.labels:
        here = read
        if source.columns.split is not None and entry.on.splits is not None:
            here = read.filter(splits.is_in(list(entry.on.splits)).fill_null(False))
        items = here.select(item_id="_id", item_hash="_hash")
        marker = str(provenance_row(source, entry)["provenance"])
        answers.append(read_answers(entry, task, source.name, marker, items, here.select(plan.wanted)))
    return answers


def _row_reject(stage: str, name: str, reject: RowReject) -> dict[str, Any]:
    detail = reject.detail or None
    return {"reason": reject.reason, "file": name, "line": reject.line, "detail": detail, "raw": reject.raw}


def _raw(row: Mapping[str, Any], plan: _Plan) -> str:
    rest = json.loads(row["_extra"]) if row["_extra"] else {}
    return json.dumps({**{name: row[name] for name in plan.wanted}, **rest}, ensure_ascii=False)


def _counts(column: pl.Series) -> dict[str, int]:
    return {name or "": count for name, count in column.value_counts(sort=True, name="n").iter_rows()}


def _added(many: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in many:
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return dict(sorted(total.items()))


__all__ = ["BATCH_ROWS", "Batch", "provenance", "read_corpus"]
