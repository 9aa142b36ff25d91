"""Which columns of a file an entry of `labels` reads, and what their names say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpora.answers.words import Words
from corpora.labels import LABEL, NUMBER, TIME, LabelColumns
from corpora.patterns import Pattern, names_in
from corpora.scope import Scope, listed
from schemas.errors import RecipeError
from schemas.task import Task

# How an answer of each kind of task can stand in a file: a cell of words, numbers by label, one number, a text, ...
_TALL = ("choice", "multi", "ranking", "open", "pairwise")
_NUMBERS = ("choice", "multi", "ranking", "intensity", "attributes")


@dataclass(frozen=True)
class Slot:
    """The columns of one answer in a row: what their names bind, and (column, what it is about): the label's id, the
    time of a sample, or nothing where the column is the whole answer."""

    binds: dict[str, str]
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Plan:
    """How an entry is read from one kind of file: its slots, and the columns it takes."""

    entry: LabelColumns
    task: Task
    scope: Scope
    slots: tuple[Slot, ...]
    wanted: tuple[str, ...]

    @property
    def milliseconds(self) -> bool:
        """Whether the times of a trace are in milliseconds."""
        if self.entry.unit is not None:
            return self.entry.unit == "ms"
        return f"{{{TIME}}}ms" in (self.entry.columns or "")

    @property
    def words(self) -> Words:
        """What the strings of the file stand for."""
        return Words(self.entry, self.task)


def plan_entry(entry: LabelColumns, task: Task, scope: Scope, taken: Sequence[str] = ()) -> Plan:
    """The plan for files with the columns of `scope`, of which those `taken` are no labels.

    Raises:
        RecipeError: a column or a name does not exist, or no column fits the pattern, or the task cannot be answered
            in such columns.
    """
    where = f"corpora.{scope.corpus}.labels"
    _answerable(entry, task, where)
    slots = _slots(entry, task, scope, taken, where)
    bound = set(slots[0].binds)
    inner = set(names_in(entry.columns or "")) - {LABEL, TIME}
    untold = sorted(inner - set(names_in(entry.annotator)) - set(names_in(entry.label or "")))
    if untold:
        raise RecipeError(
            f"'{entry.columns}' has {{{untold[0]}}}, and nothing says whose answer each of these columns is.",
            where=where,
            fix=f'Add it to the annotator: annotator: "{entry.annotator}-{{{untold[0]}}}".',
        )
    wanted = [column for slot in slots for column, _ in slot.columns]
    given = {*bound, NUMBER}
    wanted += scope.needs(entry.annotator, "labels", given) if not entry.is_named else []
    wanted += scope.needs(entry.label, "labels", given) if entry.label and names_in(entry.label) else []
    for cells in (entry.rows, entry.except_, entry.skipped):
        for column in cells:
            wanted += scope.needs(column, "labels")
    wanted += scope.needs(entry.time, "labels") if entry.time else []
    wanted += scope.needs(entry.turns, "labels") if entry.turns else []
    wanted += scope.needs(entry.votes, "labels") if isinstance(entry.votes, str) else []
    return Plan(entry, task, scope, slots, tuple(dict.fromkeys(wanted)))


def _slots(entry: LabelColumns, task: Task, scope: Scope, taken: Sequence[str], where: str) -> tuple[Slot, ...]:
    if entry.columns is None:
        return (Slot({}, ()),)
    if not names_in(entry.columns):
        scope.must_have(entry.columns, "labels")
        return (Slot({}, ((entry.columns, ""),)),)
    pattern, words = Pattern(entry.columns), Words(entry, task)
    known = {LABEL: words.spellings} if task.kind != "open" else {}
    slots: dict[tuple[tuple[str, str], ...], list[tuple[str, str]]] = {}
    for column in scope.columns:
        found = None if column in taken else pattern.match(column, known)
        if found is None:
            continue
        about = _about(found, task, words)
        if about is not None:
            slots.setdefault(tuple(found.items()), []).append((column, about))
    if not slots:
        holds = f"none holds a label of '{task.name}'" if entry.is_wide else "its names are others"
        labels = f" The labels are: {listed(task.label_ids)}." if entry.is_wide else ""
        raise RecipeError(
            f"No column fits '{entry.columns}': {holds}.",
            where=f"{where} ({scope.file})",
            fix=f"The file has: {listed(scope.columns)}.{labels}",
        )
    return tuple(Slot(dict(binds), tuple(columns)) for binds, columns in slots.items())


def _about(found: dict[str, str], task: Task, words: Words) -> str | None:
    """What a column of these names is about, taken out of them: a label's id, a time, or "" for the whole answer; null
    where it is none of these."""
    if LABEL in found:
        return words.label(found.pop(LABEL))
    if task.kind != "trace" or TIME not in found:
        return ""
    time = found.pop(TIME)
    try:
        float(time)
    except ValueError:
        return None
    return time


def _answerable(entry: LabelColumns, task: Task, where: str) -> None:
    """Raises RecipeError where the task's answers cannot stand as the entry says."""
    numbers = entry.is_wide or (entry.columns is not None and entry.label is not None)
    if numbers and not task.label_ids:
        what = f"'{entry.columns}' is a pattern of labels" if entry.is_wide else "`label` names labels"
        raise RecipeError(f"{what}, and the task '{task.name}' has none.", where=where)
    if numbers and task.kind not in _NUMBERS:
        raise RecipeError(
            f"The task '{task.name}' ({task.kind}) is not answered by one number for each label.", where=where
        )
    if not numbers and task.kind in ("intensity", "attributes"):
        raise RecipeError(
            f"The task '{task.name}' ({task.kind}) wants one number for each label.",
            where=where,
            fix='Write {label} in `columns`, or name the label in another column: label: "{COLUMN}".',
        )
    if entry.turns is not None and task.kind != "span":
        raise RecipeError(f"Only spans stand in turns; the task '{task.name}' is of the kind {task.kind}.", where=where)
    if entry.separator is not None and task.kind not in (*_TALL, "span"):
        raise RecipeError(f"The task '{task.name}' ({task.kind}) has one answer in a cell, no list.", where=where)
    if (entry.votes is True or entry.soft) and task.kind not in ("choice", "multi"):
        what = "soft labels" if entry.soft else "counts"
        raise RecipeError(f"The task '{task.name}' ({task.kind}) has no {what}.", where=where)
    if (entry.votes is True or entry.soft) and not numbers:
        raise RecipeError("Counts and shares are numbers, one for each label.", where=where, fix="Write {label}.")
    if entry.votes is True and task.kind == "multi":
        raise RecipeError(
            f"People may give several labels of '{task.name}', so its counts do not say how many people there were.",
            where=where,
            fix="Name the column that says it, votes: COLUMN, or the number itself.",
        )
    if (entry.time is not None or TIME in names_in(entry.columns or "")) != (task.kind == "trace"):
        raise RecipeError(
            f"A trace, and nothing else, has times; the task '{task.name}' is of the kind {task.kind}.",
            where=where,
            fix="Write {t} in `columns`, or name the column of the time: time: COLUMN."
            if task.kind == "trace"
            else None,
        )
