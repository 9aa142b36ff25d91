"""A corpus read into items, the annotations it came with, and its people, batch by batch.

Where a row is an item, files are read a batch at a time. Where rows share an item, or an item is a turn of a dialogue,
the files of items are held: the text of their cells and 16 bytes for each cell. Files of labels are held as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from corpora import extra
from corpora.answers import Answers, Plan, read_answers
from corpora.entry import ITEMS as OF_ITEMS
from corpora.entry import Source
from corpora.items import NO_TIME, NO_TURN, alike, make_items, with_parts
from corpora.known import Known, numbers
from corpora.people import People
from corpora.provenance import provenance, provenance_row
from corpora.pseudonyms import Pseudonyms, pseudonyms
from corpora.rejected import Rejected
from corpora.scope import NO_FIT, ROW_NUMBER
from corpora.seen import Seen
from corpora.tables import Table, frames, item_tables, names_people, nothing, other_tables
from schemas.errors import DsbuildError
from schemas.ids import annotation_id, item_id, item_id_from_content
from schemas.tables import ANNOTATIONS, ITEMS, PEOPLE, empty
from schemas.task import Task

BATCH_ROWS = 50_000

EMPTY_TEXT = "empty text"
NO_ID = "no id"
NO_ITEM = "no such item"
DUPLICATE_ID = "duplicate id"

# A place is a file's number and a line in one integer, so that Seen can keep it.
_LINE_BITS = 40


@dataclass(frozen=True)
class Batch:
    """What came of a batch of rows: `items` (ITEMS), `annotations` (ANNOTATIONS), `rejects` (REJECTS), and `figures`:
    counts that add up over batches (`mapped` and `label_strings` hold counts by name). The last one has the `people`
    (PEOPLE) of the whole corpus."""

    items: pl.DataFrame
    annotations: pl.DataFrame
    rejects: pl.DataFrame
    figures: Mapping[str, Any]
    people: pl.DataFrame = field(default_factory=lambda: empty(PEOPLE))


def read_corpus(source: Source, tasks: Mapping[str, Task], batch_rows: int = BATCH_ROWS) -> Iterator[Batch]:
    """Read every file of `source`, which has been pulled, in order, at most `batch_rows` rows at a time.

    `tasks` are the recipe's, by name. Memory: one batch, and 16 bytes for each item; see above for what is held.

    Raises:
        RecipeError: a column or a task that the entry names does not exist.
        DsbuildError: a file is broken as a whole, nothing could be read, there are more rejects than allowed, or the
            corpus names people and the environment has no key to hash their names with.
    """
    rows = items = rejected = 0
    first_reject: str | None = None
    for batch in _Reading(source, tasks, batch_rows).batches():
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


class _Reading:
    """One reading of a corpus: what is remembered from batch to batch."""

    def __init__(self, source: Source, tasks: Mapping[str, Task], batch_rows: int) -> None:
        self._source = source
        self._batch_rows = batch_rows
        own = [entry for entry in source.labels if entry.file is None]
        # Without an id nothing says that two rows are of one item.
        self._shared = source.columns.id is not None and any(entry.shares_rows for entry in own)
        self._held = self._shared or source.columns.turn is not None
        self._tables = item_tables(source, tasks, self._held)
        self._others = other_tables(source, tasks)
        self._names: Pseudonyms = pseudonyms(source.name, source.reading.names, names_people(source))
        self._people = People(source, self._names)
        self._seen = Seen()
        self._known = Known()
        self._numbers = {file.name: number for number, file in enumerate(source.files_for(OF_ITEMS))}
        self._markers = {id(entry): str(provenance_row(source, entry)["provenance"]) for entry in source.labels}

    def batches(self) -> Iterator[Batch]:
        """The batches; one is held back, so that the last can have the people."""
        before: Batch | None = None
        for batch in self._parts():
            if before is not None:
                yield before
            before = batch
        if before is None:
            return
        people, torn = self._people.table()
        rejects = Rejected(self._source.name, None, self._names)
        for one in torn:
            rejects.add(**one)
        yield replace(before, people=people, rejects=pl.concat([before.rejects, rejects.frame()]))

    def _parts(self) -> Iterator[Batch]:
        labels = [self._held_table(table) for table in self._others]
        more = (
            extra.of_files(pl.concat([rows.select("_id_", "_file_", "_extra_") for _, rows, _ in labels]))
            if labels
            else None
        )
        for table in self._tables:
            if self._held:
                rejects = Rejected(self._source.name, table, self._names)
                yield self._batch(table, _together(self._source, table, self._batch_rows, rejects), rejects, more)
                continue
            for file, frame, unread in frames(self._source, table, self._batch_rows):
                rejects = Rejected(self._source.name, table, self._names)
                for reject in unread:
                    rejects.unread(file.name, reject)
                yield self._batch(table, frame, rejects, more)
        for table, rows, rejects in labels:
            if table.plans or len(rejects):
                yield self._of_labels(table, rows, rejects)

    def _held_table(self, table: Table) -> tuple[Table, pl.DataFrame, Rejected]:
        """A table of labels or people, whole, each row with the `_id_` of its item; people are seen on the way."""
        rejects = Rejected(self._source.name, table, self._names)
        rows = _together(self._source, table, self._batch_rows, rejects)
        rows = self._fitting(table, rows, rejects)
        for entry in table.people:
            self._people.see(entry, table.scope, rows)
        if table.key is None:
            return table, rows.with_columns(pl.lit(None, dtype=pl.String).alias("_id_")), rejects
        rows = rows.with_columns(table.scope.expr(table.key).alias("_key_"))
        rows = rejects.drop(rows, pl.col("_key_").is_null(), NO_ID)
        return table, rows.with_columns(_ids(self._source.name, rows["_key_"]).alias("_id_")), rejects

    def _fitting(self, table: Table, rows: pl.DataFrame, rejects: Rejected) -> pl.DataFrame:
        """`rows` of which every cell that names are taken out of fits its pattern, or is blank."""
        for column in table.bound:
            name = table.scope.names_of(column)[0]
            blank = pl.col(column).is_null() | (pl.col(column).str.strip_chars() == "")
            detail = pl.format("{}: '{}'", pl.lit(column), column)
            rows = rejects.drop(rows, pl.col("{" + name + "}").is_null() & ~blank, NO_FIT, detail)
        return rows

    def _batch(self, table: Table, rows: pl.DataFrame, rejects: Rejected, more: pl.DataFrame | None) -> Batch:
        source = self._source
        total = rows.height + len(rejects)
        read = self._fitting(table, rows, rejects)
        read = self._identified(table, self._parted(table, read, rejects), rejects)
        firsts = read
        if self._shared:
            firsts = read.filter(pl.col("_first_")).drop("_extra_")
            firsts = firsts.join(extra.of_rows(read), on="_id_", how="left", maintain_order="left")
        firsts = extra.joined(firsts, more) if more is not None else firsts
        items, hashes = make_items(source, firsts)
        if self._others:
            self._known.add(items["item_id"], hashes)
        hashed = pl.DataFrame({"_id_": items["item_id"], "_hash_": hashes, "_source_split_": items["source_split"]})
        read = read.join(hashed, on="_id_", how="left", maintain_order="left")
        read = read.with_columns((pl.int_range(pl.len()).over("_id_") + 1).cast(pl.String).alias(ROW_NUMBER))
        answers = [(plan, self._answers(plan, self._in_splits(plan, read))) for plan in table.plans]
        self._see(table, read, items)
        split = [file.split for file in table.files]
        by_split = (
            {split[0] or "": total}
            if source.columns.split is None and len(set(split)) == 1
            else _counts(items["source_split"])
        )
        return _made(items, answers, rejects, {"rows": total, "rows_by_split": by_split})

    def _parted(self, table: Table, read: pl.DataFrame, rejects: Rejected) -> pl.DataFrame:
        """`read` with the parts of its items, without the rows that lack one."""
        source = self._source
        read = with_parts(read, source, table.scope, self._names)
        if source.columns.text is not None:
            read = rejects.drop(read, pl.col("_text_").str.strip_chars() == "", EMPTY_TEXT)
        if source.columns.turn is not None:
            out_of_place = pl.col("_dialogue_").is_not_null() & pl.col("_turn_").is_null()
            read = rejects.drop(read, out_of_place, NO_TURN)
        for column in read.columns:
            if column.startswith("_media:") and not column.endswith(":path"):
                _, role, key = column.split(":")
                given = table.scope.expr(getattr(source.reading.media[role], key))
                read = rejects.drop(read, pl.col(column).is_null() & given.is_not_null(), NO_TIME)
        if source.columns.id is None:
            return read.with_columns(pl.lit(None, dtype=pl.String).alias("_key_"))
        read = read.with_columns(table.scope.expr(source.columns.id).alias("_key_"))
        return rejects.drop(read, pl.col("_key_").is_null(), NO_ID)

    def _identified(self, table: Table, read: pl.DataFrame, rejects: Rejected) -> pl.DataFrame:
        """`read` with the ids of its items (`_id_`), without rows that are no further part of an item known by then.

        Where rows share items, `_first_` says which is the first of each."""
        name = self._source.name
        texts = read["_text_"].to_list() if self._source.columns.id is None else []
        if self._source.columns.id is None:
            ids = pl.Series([item_id_from_content(name, text, 0) for text in texts], dtype=pl.String)
        else:
            ids = _ids(name, read["_key_"])
        read = read.with_columns(ids.alias("_id_"))
        if self._shared:
            first = pl.int_range(pl.len()).over("_id_") == 0
            same = [pl.col(part).eq_missing(pl.col(part).first().over("_id_")) for part in alike(self._source)]
            read = read.with_columns(
                first.alias("_first_"), pl.format("{}:{}", "_file_", "_line_").first().over("_id_").alias("_there_")
            )
            detail = pl.format("{} stands at {} already, and is something else there", "_key_", "_there_")
            return rejects.drop(read, ~pl.all_horizontal(pl.lit(True), *same), DUPLICATE_ID, detail)
        files = read["_file_"].replace_strict(self._numbers, return_dtype=pl.Int64).to_numpy()
        places = read["_line_"].to_numpy().astype(np.int64) + (files << _LINE_BITS)
        before, first_place = self._seen.occurrences(numbers(ids), places)
        repeated = np.flatnonzero(before)
        if not len(repeated):
            return read
        if self._source.columns.id is None:
            again = ids.to_list()
            for row in repeated:
                again[row] = item_id_from_content(name, texts[row], int(before[row]))
            return read.with_columns(pl.Series("_id_", again, dtype=pl.String))
        by_number = {number: file for file, number in self._numbers.items()}
        for row in repeated:
            at_file, at_line = int(first_place[row]) >> _LINE_BITS, int(first_place[row]) & ((1 << _LINE_BITS) - 1)
            cells = read.row(int(row), named=True)
            rejects.add(
                DUPLICATE_ID,
                item_id=cells["_id_"],
                file=cells["_file_"],
                line=cells["_line_"],
                detail=f"{cells['_key_']} stands at {by_number[at_file]}:{at_line} already",
                raw=rejects.raw(cells),
            )
        return read.filter(pl.Series(before == 0))

    def _in_splits(self, plan: Plan, read: pl.DataFrame) -> pl.DataFrame:
        splits = plan.entry.on.splits
        if splits is None:
            return read
        return read.filter(pl.col("_source_split_").is_in(list(splits)).fill_null(False))

    def _answers(self, plan: Plan, rows: pl.DataFrame) -> Answers:
        answers = read_answers(plan, rows, self._names, self._markers[id(plan.entry)])
        self._people.seen(answers.annotations, plan.entry, plan.entry.named_as)
        return answers

    def _see(self, table: Table, read: pl.DataFrame, items: pl.DataFrame) -> None:
        """What the rows of items say about people."""
        for entry in table.people:
            self._people.see(entry, table.scope, read)
        if self._source.columns.speaker is not None:
            self._people.spoke(items["speaker"], "speaker")
        for kind in ("author", "subject"):
            if kind in self._source.reading.groups:
                self._people.spoke(read[f"_group:{kind}"], kind)

    def _of_labels(self, table: Table, rows: pl.DataFrame, rejects: Rejected) -> Batch:
        """What the files of labels say about items that are known by now."""
        total = rows.height + len(rejects)
        rows = rows.with_columns(
            self._known.find(rows["_id_"]).alias("_hash_"), pl.lit(None, dtype=pl.String).alias("_text_")
        )
        rows = rejects.drop(rows, pl.col("_hash_").is_null(), NO_ITEM, pl.col("_key_"))
        rows = rows.with_columns((pl.int_range(pl.len()).over("_id_") + 1).cast(pl.String).alias(ROW_NUMBER))
        answers = [(plan, self._answers(plan, rows)) for plan in table.plans]
        return _made(empty(ITEMS), answers, rejects, {"rows": total, "rows_by_split": {}})


def _together(source: Source, table: Table, size: int, rejects: Rejected) -> pl.DataFrame:
    """All rows of a table."""
    found = [nothing(table)]
    for file, frame, unread in frames(source, table, size):
        found.append(frame)
        for reject in unread:
            rejects.unread(file.name, reject)
    return pl.concat(found, how="diagonal")


def _ids(corpus: str, keys: pl.Series) -> pl.Series:
    """The ids of the items that the corpus calls `keys`."""
    told = keys.unique()
    known = pl.DataFrame(
        {"key": told, "id": pl.Series([item_id(corpus, key) for key in told.to_list()], dtype=pl.String)}
    )
    return keys.rename("key").to_frame().join(known, on="key", how="left", maintain_order="left")["id"]


def _made(
    items: pl.DataFrame, answers: Sequence[tuple[Plan, Answers]], rejects: Rejected, figures: Mapping[str, Any]
) -> Batch:
    for _, given in answers:
        rejects.refused(given.refused)
    annotations = _numbered(pl.concat([empty(ANNOTATIONS), *(given.annotations for _, given in answers)]))
    more = {
        "items": items.height,
        "annotations": annotations.height,
        "unanswered": sum(given.unanswered for _, given in answers),
        "mapped": _added(given.mapped for _, given in answers),
        "label_strings": _added(given.strings for _, given in answers),
    }
    left_out = sum(given.left_out for plan, given in answers if plan.entry.except_)
    if left_out:
        more["left_out"] = left_out
    return Batch(items, annotations, rejects.frame(), {**figures, **more})


def _numbered(annotations: pl.DataFrame) -> pl.DataFrame:
    """`annotations` of several entries; where two of them have one annotator answer the same, each is a sample."""
    if not annotations["annotation_id"].is_duplicated().any():
        return annotations
    one = ["item_id", "task", "annotator"]
    again = annotations.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).over(one).alias("sample"))
    ids = [annotation_id(*row) for row in again.select(*one, "sample").iter_rows()]
    return again.with_columns(pl.Series("annotation_id", ids, dtype=pl.String))


def _counts(column: pl.Series) -> dict[str, int]:
    return {name or "": count for name, count in column.value_counts(sort=True, name="n").iter_rows()}


def _added(many: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in many:
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return {name: count for name, count in sorted(total.items()) if count}


__all__ = ["BATCH_ROWS", "Batch", "provenance", "read_corpus"]
