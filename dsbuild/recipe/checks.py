"""What only the whole recipe shows: names that refer to nothing, methods that do not fit, secrets in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from annotators.llm.config import LLMConfig
from audits.methods import why_not
from corpora.entry import Source
from dsbuild.recipe.defaults import by_authors
from dsbuild.recipe.draft import Draft
from dsbuild.recipe.fields import keys_of
from dsbuild.recipe.filled import local_names
from dsbuild.recipe.filled_checks import filled, own_tasks_at_fault
from dsbuild.recipe.gates import gates
from dsbuild.recipe.messages import say
from dsbuild.recipe.model import AggregateEntry
from dsbuild.recipe.names import WORDS, Fault, Key, Loc, Names, names_of, sources_of
from dsbuild.recipe.problems import Mistake, key_path, quoted, suggestion
from dsbuild.recipe.reading import condition_faults, read_by_annotators
from dsbuild.recipe.task_faults import task_faults
from dsbuild.recipe.yaml_tree import Tree, locate
from schemas.errors import DsbuildError
from schemas.label_studio_config import task_config
from schemas.selection import Selection
from schemas.task import Task

# What shares one space of names: an aggregate's `from` may mean any of them.
_SHARED = ("corpora", "annotate", "gold", "aggregate")
_USER_IN_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*@")


def check(draft: Draft, tree: Tree, directory: Path) -> tuple[dict[str, Source], list[Mistake]]:
    """The corpora of a recipe as its cards complete them, and every mistake that no entry shows alone.

    What stands in an invalid part is not checked.
    """
    sources, faults = sources_of(draft, directory)
    names = Names(draft, sources)
    for rule in (
        _unique_names,
        _tasks,
        own_tasks_at_fault,
        filled,
        _steps,
        _annotators,
        read_by_annotators,
        _sessions,
        _aggregates,
        gates,
        _wide_table,
    ):
        faults.extend(rule(names))
    faults.extend(_secrets(tree, ()))
    return sources, [_mistake(loc, what, tree) for loc, what in faults]


def _mistake(loc: Loc, what: str, tree: Tree) -> Mistake:
    at, found = locate(tree, loc, key=isinstance(loc[-1], Key))
    return Mistake(at, key_path(found), what)


def _unique_names(names: Names) -> Iterator[Fault]:
    for sections in (("tasks",), _SHARED):
        taken: dict[str, str] = {}
        for section in sections:
            for loc, entry in names.entries(section):
                for name in entry.names if section == "tasks" else names_of(entry):
                    first = taken.setdefault(name, f"{WORDS[section]} {key_path(loc)}")
                    if first != f"{WORDS[section]} {key_path(loc)}":
                        yield (*loc, "name"), f"the name {quoted(name)} is taken by the {first}"


def _tasks(names: Names) -> Iterator[Fault]:
    from dsbuild.release.wide import ITEM_COLUMNS

    columns = dict.fromkeys(ITEM_COLUMNS, "the item")
    for loc, entry in names.entries("tasks"):
        if len(set(entry.perspective)) != len(entry.perspective):
            yield (*loc, "perspective"), "a perspective stands here twice"
            continue
        try:
            tasks = entry.tasks()
        except DsbuildError as error:
            yield (*loc, "taxonomy"), str(error)
        except ValidationError as error:
            yield from task_faults(loc, entry, error)
        else:
            for task in tasks:
                yield from _wide_columns(loc, task, columns)


def _wide_columns(loc: Loc, task: Task, columns: dict[str, str]) -> Iterator[Fault]:
    """A column of the wide table that has two owners; `columns` says whose each is."""
    from dsbuild.release.wide import column_names

    for column in column_names(task):
        owner = columns.setdefault(column, f"the task {quoted(task.name)}")
        if owner != f"the task {quoted(task.name)}":
            what = f"the column {quoted(column)} of the config data would belong to {owner} as well; rename the task"
            yield (*loc, "name"), what
            return


def _steps(names: Names) -> Iterator[Fault]:
    for loc, entry in names.entries("build"):
        stratify = getattr(entry.step, "stratify", None)
        why = names.missing(stratify, "tasks") if entry.name == "split" and isinstance(stratify, str) else None
        if why is not None:
            yield (*loc, "split", "stratify"), why


def _annotators(names: Names) -> Iterator[Fault]:
    for loc, annotator in names.entries("annotate"):
        yield from names.references((*loc, "tasks"), annotator.tasks, "tasks")
        yield from _selection(names, (*loc, "on"), annotator.on, annotator.tasks)
        for place, task in _answered(names, loc, annotator.tasks):
            why = annotator.cannot(task)
            if why is not None:
                yield place, why if annotator.tasks else f"{why}; name what it shall answer in tasks"
        if isinstance(annotator, LLMConfig) and (fault := annotator.shots_fault(_scored(names))) is not None:
            yield (*loc, "shots", "splits"), fault


def _scored(names: Names) -> set[str]:
    """The splits that people judge, as far as their sessions say which, and those of aggregates that gates hold others
    against."""
    judged = {split for _, session in names.entries("gold") for split in session.on.splits or ()}
    against = {getattr(gate, "against", None) for _, gate in names.entries("gates")}
    held = {split for _, one in names.entries("aggregate") if one.name in against for split in one.on.splits or ()}
    return judged | held


def _answered(names: Names, loc: Loc, wanted: Sequence[str] | None) -> Iterator[tuple[Loc, Task]]:
    """The tasks that an entry with this `tasks` key answers, each with the place to speak of it."""
    for name, task in names.tasks.items():
        if wanted is None:
            yield loc, task
        elif name in wanted:
            yield (*loc, "tasks", list(wanted).index(name)), task


def _sessions(names: Names) -> Iterator[Fault]:
    for loc, session in names.entries("gold"):
        yield from names.references((*loc, "tasks"), session.tasks, "tasks")
        yield from _selection(names, (*loc, "on"), session.on, session.tasks)
        if session.suggest is not None:
            for name in session.suggest.from_:
                why = names.missing(name, "annotate")
                if why is not None:
                    yield (*loc, "suggest", "from"), why
        for place, task in _answered(names, loc, session.tasks):
            try:
                # A trace is drawn over a recording; whether the items have one is seen when they are put before people.
                task_config(task, modality="audio" if task.kind == "trace" else "text")
            except DsbuildError as error:
                yield place, f"{error.what} {error.fix or ''}".strip()


def _selection(names: Names, loc: Loc, on: Selection, tasks: Sequence[str] | None, *people: str) -> Iterator[Fault]:
    """Faults of an `on`; its condition is about `tasks`, and may name what stands in the sections `people` too."""
    yield from names.references((*loc, "corpora"), on.corpora, "corpora")
    if on.condition is not None:
        yield from condition_faults(names, (*loc, "where"), on.condition, tasks, *people)
    splits = names.splits()
    if on.splits is None or splits is None:
        return
    if not splits:
        yield (*loc, "splits"), "no item is in a split: the build has no step that sets them, such as `- split: source`"
        return
    for place, split in enumerate(on.splits):
        if split not in splits:
            near = suggestion(split, splits, kind="there are")
            yield (*loc, "splits", place), f"no item can be in a split {quoted(split)}; {near}"


def _aggregates(names: Names) -> Iterator[Fault]:
    for loc, entry in names.entries("aggregate"):
        yield from _selection(names, (*loc, "on"), entry.on, (entry.task,), "gold")
        why = names.missing(entry.task, "tasks")
        if why is not None:
            yield (*loc, "task"), why
        for place, source in enumerate(entry.from_):
            what = _source(names, entry.task, source)
            if what is not None:
                # `from: gpt` stands for a list of one.
                yield (*loc, "from", place), what
        yield from _method(names, loc, entry)
        yield from _options(loc, entry)


def _source(names: Names, task: str, source: str) -> str | None:
    """Why an aggregate of `task` cannot be made from `source`, null where it can."""
    if source in names.of("aggregate") and names.missing(source, "annotate", "gold", "corpora"):
        return "an aggregate is made of annotations, it cannot be made of another aggregate"
    labels = names.carried(source)
    meant = local_names(names.draft.recipe, source, task)
    if labels is not None and not meant & {one.task for one in labels} and task in names.of("tasks"):
        tasks = ", ".join(sorted({one.task for one in labels})) or "no task"
        return f"the files of corpus {quoted(source)} carry no annotations of {quoted(task)}, but of: {tasks}"
    for section in ("annotate", "gold"):
        found = names.find(section, source)
        answers = None if found is None else found.tasks
        # A task that does not exist is told where it stands, not once more here.
        if answers is not None and task not in answers and {task, *answers} <= set(names.of("tasks")):
            return f"the {WORDS[section]} {quoted(source)} does not answer {quoted(task)}"
    return names.missing_source(source, task, "annotate", "gold", "corpora")


def _method(names: Names, loc: Loc, entry: AggregateEntry) -> Iterator[Fault]:
    task = names.tasks.get(entry.task)
    if task is not None:
        if "method" in entry.model_fields_set and (why := why_not(task.kind, entry.method)):
            yield (*loc, "method"), why
        for place, method in enumerate(entry.compare):
            if why := why_not(task.kind, method):
                yield (*loc, "compare", place), why
    if "method" in entry.model_fields_set and entry.method in entry.compare:
        yield (*loc, "compare"), f"{quoted(entry.method)} is the method itself; compare names others"
    if "method" not in entry.model_fields_set:
        return
    machines = [source for source in entry.from_ if source in names.of("annotate")]
    if entry.method == "adjudicated" and machines:
        yield (*loc, "method"), f"people's answers are adjudicated, and {quoted(machines[0])} is an annotator"
    if entry.method == "stated":
        for source in entry.from_:
            labels = names.carried(source.partition(":")[0])
            machine = source in machines or source in names.of("gold")
            if machine or (
                labels is not None and not by_authors(source, entry.task, names.sources, names.draft.recipe)
            ):
                yield (*loc, "method"), f"only authors state their emotion, and {quoted(source)} is not an author"


def _options(loc: Loc, entry: AggregateEntry) -> Iterator[Fault]:
    if not entry.options:
        return
    from audits.aggregate import as_method

    rule = type(as_method(entry.method))
    options = [key for key in keys_of(rule) if key != "rule"]
    try:
        rule.model_validate(entry.options)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            inside: Loc = fault["loc"]
            if fault["type"] == "extra_forbidden":
                inside = (*inside[:-1], Key(inside[-1]))
            where = (*loc, "options", *inside)
            yield where, say(dict(fault), where, options, list(entry.options))


def _wide_table(names: Names) -> Iterator[Fault]:
    for task, aggregates in names.draft.recipe.data.items():
        why = names.missing(task, "tasks")
        if why is not None:
            yield ("data", Key(task)), why
            continue
        for place, name in enumerate(aggregates):
            entry: Any = names.find("aggregate", name)
            why = names.missing(name, "aggregate")
            if why is None and entry is not None and entry.task != task and entry.task in names.of("tasks"):
                why = f"the aggregate {quoted(name)} is of the task {quoted(entry.task)}"
            if why is not None:
                yield ("data", task, place), why


def _secrets(tree: Tree, loc: Loc) -> Iterator[Fault]:
    """A URL with a user or a password would end up in manifests and logs."""
    if isinstance(tree.data, dict):
        for key, value in tree.data.items():
            yield from _secrets(value, (*loc, key))
    elif isinstance(tree.data, list):
        for place, value in enumerate(tree.data):
            yield from _secrets(value, (*loc, place))
    elif isinstance(tree.data, str) and _USER_IN_URL.match(tree.data):
        yield loc, "a URL must not hold a user or a password; secrets come from the environment"
