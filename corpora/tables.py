"""The files of a corpus as frames: which of their columns are read, and what stands beside them in each row."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from corpora.answers import Plan, plan_entry
from corpora.columns import PeopleColumns, Reading
from corpora.entry import ITEMS, Source, SourceFile
from corpora.items import Parts
from corpora.labels import NUMBER, LabelColumns
from corpora.patterns import names_in
from corpora.readers import Layout, reader_for
from corpora.readers.rows import Reader, RowReject
from corpora.scope import Scope
from schemas.errors import DsbuildError, RecipeError
from schemas.task import Task


@dataclass(frozen=True)
class Table:
    """One or several files that are read in one way: `wanted` are the columns that become columns of frames, all
    others are kept as JSON; `persons` are those of them that name people; `key` is the text of the items' ids."""

    use: str
    files: tuple[SourceFile, ...]
    layout: Layout
    scope: Scope
    key: str | None
    plans: tuple[Plan, ...] = ()
    people: tuple[PeopleColumns, ...] = ()
    wanted: tuple[str, ...] = ()
    persons: frozenset[str] = frozenset()

    @property
    def bound(self) -> list[str]:
        """The columns out of which names are taken."""
        return [column for column in self.scope.bind if column in self.wanted]


def item_tables(source: Source, tasks: Mapping[str, Task], together: bool) -> list[Table]:
    """A table for each file of items; `together`: one for all of them, with the columns of any.

    Raises:
        RecipeError: a column, a name or a task that the entry names does not exist.
        DsbuildError: a file is broken as a whole.
    """
    reading = source.reading
    files = source.files_for(ITEMS)
    entries = [entry for entry in source.labels if entry.file is None]
    people = [entry for entry in reading.people if entry.file is None]
    made = []
    for some in [files] if together else [[file] for file in files]:
        table = _opened(source, ITEMS, some, reading, reading.bind, source.columns.id)
        parts = Parts(source)
        taken = [column for place, text in parts.texts().items() for column in table.scope.needs(text, place)]
        persons = [column for place, text in parts.persons().items() for column in table.scope.needs(text, place)]
        here = [entry for entry in entries if _applies(source, entry, some)]
        made.append(_planned(source, tasks, table, here, people, taken, persons))
    return made


def other_tables(source: Source, tasks: Mapping[str, Task]) -> list[Table]:
    """A table for each way in which files of labels or of people are read. Raises as `item_tables`."""
    ways: dict[str, list[LabelColumns]] = {}
    for entry in source.labels:
        if entry.file is not None:
            way = [entry.file, entry.id, entry.header, entry.records, entry.bind]
            ways.setdefault(json.dumps(way), []).append(entry)
    made = []
    for entries in ways.values():
        first = entries[0]
        key = first.id or source.columns.id
        assert first.file is not None
        assert key is not None
        table = _opened(source, first.file, source.files_for(first.file), first, first.bind, key)
        made.append(_planned(source, tasks, table, entries, [], table.scope.needs(key, "labels.id"), []))
    for one in source.reading.people:
        if one.file is not None:
            table = _opened(source, one.file, source.files_for(one.file), one, {}, None)
            made.append(_planned(source, tasks, table, [], [one], [], []))
    return made


def _opened(
    source: Source,
    use: str,
    files: Sequence[SourceFile],
    said: Reading | LabelColumns | PeopleColumns,
    bind: Mapping[str, str],
    key: str | None,
) -> Table:
    """The table of `files`, laid out as `said`, of which nothing is wanted yet."""
    layout = Layout("", source.delimiter, source.quoted, said.header, said.records)
    columns: dict[str, None] = {}
    for file in files:
        columns.update(dict.fromkeys(_reader(source, file, layout).columns()))
    paths = {name: value for file in files for name, value in file.binds.items()}
    scope = Scope(source.name, ", ".join(file.name for file in files[:3]), tuple(columns), bind, paths)
    for column, text in bind.items():
        scope.must_have(column, "bind")
        taken = sorted(set(names_in(text)) & set(paths))
        if taken:
            raise RecipeError(
                f"{{{taken[0]}}} is bound by the path and by the cells of '{column}'.",
                where=f"corpora.{source.name}.bind",
            )
    return Table(use, tuple(files), layout, scope, key)


def _planned(
    source: Source,
    tasks: Mapping[str, Task],
    table: Table,
    entries: Sequence[LabelColumns],
    people: Sequence[PeopleColumns],
    taken: Sequence[str],
    persons: Sequence[str],
) -> Table:
    """`table` with what `entries` and `people` want of it besides the columns `taken`; `persons` name people."""
    scope = table.scope
    plans = tuple(plan_entry(entry, _task(source, tasks, entry), scope, taken) for entry in entries)
    if table.use != ITEMS and any(plan.task.kind == "span" for plan in plans):
        raise RecipeError(
            "Spans are found in the text of their item, so they have to stand in its row.",
            where=f"corpora.{source.name}.labels",
        )
    if source.columns.turn is None and any(plan.entry.turns is not None for plan in plans):
        raise RecipeError(
            "Nothing says which turn of its dialogue a row is, so `turns` finds none.",
            where=f"corpora.{source.name}.columns",
            fix="Name the columns: columns: {dialogue: COLUMN, turn: COLUMN, ...}.",
        )
    wanted, clear = [*taken], [*persons]
    for plan in plans:
        wanted += plan.wanted
        if plan.entry.names_people:
            clear += scope.needs(plan.entry.annotator, "labels", {*plan.slots[0].binds, NUMBER})
    for entry in people:
        wanted += scope.needs(entry.id, "people.id")
        clear += scope.needs(entry.id, "people.id")
        for text in (entry.gender, entry.age, entry.languages, *(c for cs in entry.traits.values() for c in cs)):
            wanted += scope.needs(text, "people")
    unique = tuple(dict.fromkeys(wanted))
    # Names of this form are what stands beside the columns of a file.
    ours = [name for name in unique if len(name) > 2 and name[0] == name[-1] == "_"]
    if ours:
        raise RecipeError(
            f"A column that is called '{ours[0]}', with a line at both ends, is not read.",
            where=f"corpora.{source.name}",
            fix="Rename it in the file.",
        )
    return replace(table, plans=plans, people=tuple(people), wanted=unique, persons=frozenset(clear))


def _applies(source: Source, entry: LabelColumns, files: Sequence[SourceFile]) -> bool:
    """Whether an entry can be about rows of `files`."""
    if entry.on.splits is None or source.columns.split is not None:
        return True
    return any(file.split in entry.on.splits for file in files)


def _task(source: Source, tasks: Mapping[str, Task], entry: LabelColumns) -> Task:
    task = tasks.get(entry.task)
    if task is None:
        close = difflib.get_close_matches(entry.task, tasks, n=1)
        hint = f'Did you mean "{close[0]}"? ' if close else ""
        raise RecipeError(
            f"Corpus '{source.name}' carries labels of the task '{entry.task}', which the recipe does not have.",
            where=f"corpora.{source.name}.labels",
            fix=f"{hint}Add that task, or write `labels: none` to leave them alone.",
        )
    return task


def _reader(source: Source, file: SourceFile, layout: Layout) -> Reader:
    if file.path is None:
        raise DsbuildError(f"{file.name} of corpus '{source.name}' has not been pulled.", fix="Pull it first.")
    return reader_for(file.path, replace(layout, name=file.name))


def frames(source: Source, table: Table, size: int) -> Iterator[tuple[SourceFile, pl.DataFrame, list[RowReject]]]:
    """Batches of at most `size` rows: the wanted columns (String), the bound names, `_extra_` (the other columns as
    JSON), `_file_` (name), `_file_split_` and `_line_`; and what could not be read."""
    for file in table.files:
        reader = _reader(source, file, table.layout)
        there = reader.columns()
        wanted = [name for name in table.wanted if name in there]
        kept = [name for name in there if name not in wanted]
        scope = replace(table.scope, path=file.binds)
        for raw in reader.rows(wanted, kept, size):
            # A frame without columns has no rows either.
            frame = raw.lines.alias("_line_").to_frame().hstack(raw.frame.get_columns())
            absent = [pl.lit(None, dtype=pl.String).alias(name) for name in table.wanted if name not in there]
            yield (
                file,
                frame.with_columns(*absent).with_columns(
                    raw.extra.alias("_extra_"),
                    pl.lit(file.name).alias("_file_"),
                    pl.lit(file.split, dtype=pl.String).alias("_file_split_"),
                    **scope.binding(wanted),
                ),
                raw.rejects,
            )


def nothing(table: Table) -> pl.DataFrame:
    """A batch of `frames` without rows."""
    bound = table.scope.binding(table.wanted)
    texts = [*table.wanted, *bound, "_extra_", "_file_", "_file_split_"]
    return pl.DataFrame(schema={"_line_": pl.Int64, **dict.fromkeys(texts, pl.String)})


def names_people(source: Source) -> str | None:
    """Where the entry of a corpus first names people, null where it does not."""
    for place in Parts(source).persons():
        return place
    if source.reading.people:
        return "people"
    return "labels" if any(entry.names_people for entry in source.labels) else None
