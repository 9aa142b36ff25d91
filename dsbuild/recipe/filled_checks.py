"""Tasks of corpora and what is filled from them: what the recipe says wrongly about them."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from dsbuild.recipe.filled import own_tasks, parted, source_task
from dsbuild.recipe.model import TaskEntry
from dsbuild.recipe.names import Fault, Loc, Names
from dsbuild.recipe.problems import quoted, suggestion
from dsbuild.recipe.task_faults import task_faults
from schemas.crosswalk.fits import why_not
from schemas.errors import DsbuildError
from schemas.task import Task


def own_tasks_at_fault(names: Names) -> Iterator[Fault]:
    """Faults of the tasks that corpora declare for their own files."""
    for loc, corpus in names.entries("corpora"):
        taken: set[str] = set()
        for place, entry in enumerate(corpus.tasks):
            here: Loc = (*loc, "tasks", place)
            if entry.from_:
                yield (*here, "from"), "a corpus's own task is read from its files; a task of the recipe is filled"
            for name in entry.names:
                if name in taken:
                    yield (*here, "name"), f"the name {quoted(name)} is taken by another task of this corpus"
                taken.add(name)
            try:
                entry.tasks()
            except DsbuildError as error:
                yield (*here, "taxonomy"), str(error)
            except ValidationError as error:
                yield from task_faults(here, entry, error)
        answered = {one.task for one in names.carried(corpus.name) or ()}
        for place, entry in enumerate(corpus.tasks):
            idle = [name for name in entry.names if name not in answered]
            if idle and names.carried(corpus.name) is not None:
                near = suggestion(idle[0], answered, kind="they answer")
                yield (*loc, "tasks", place, "name"), f"no labels of this corpus answer {quoted(idle[0])}; {near}"


def filled(names: Names) -> Iterator[Fault]:
    """Faults of `from` in tasks: what it names, and whether the one can become the other."""
    for loc, entry in names.entries("tasks"):
        try:
            targets = entry.tasks()
        except (DsbuildError, ValidationError):
            continue  # told where the task itself is checked
        for place, name in enumerate(entry.from_):
            why = _why(names, entry, targets, name)
            if why is not None:
                yield (*loc, "from", place), why
    for loc, step in names.entries("build"):
        stratify = getattr(step.step, "stratify", None)
        if step.name == "split" and isinstance(stratify, str) and _only_filled(names, stratify):
            what = f"{quoted(stratify)} is filled from other tasks after the build, so nothing can be stratified by it"
            yield (*loc, "split", "stratify"), what


def _why(names: Names, entry: TaskEntry, targets: tuple[Task, ...], name: str) -> str | None:
    """Why `name` (CORPUS.TASK) does not fill any of `targets`; null where it does, or where that cannot be told."""
    if "corpora" in names.draft.unknown:
        return None
    found = parted(name, names.of("corpora"))
    if found is None:
        near = suggestion(name.partition(".")[0], names.of("corpora"), kind="there are")
        return f"wanted CORPUS.TASK, the task of a corpus, and there is no corpus for {quoted(name)}; {near}"
    corpus, local = found
    labels = names.carried(corpus)
    if labels is None or names.find("corpora", corpus) is None:
        return None
    if entry.from_.count(name) > 1:
        return "stands here twice"
    answered = sorted({one.task for one in labels})
    if local not in answered:
        near = suggestion(local, answered, kind="they answer")
        return f"the labels of the corpus {quoted(corpus)} answer no task {quoted(local)}; {near}"
    own = own_tasks(names.find("corpora", corpus))
    if local not in own and local in entry.names:
        what = f"add tasks: [{{name: {local}, ...}}] to the corpus {quoted(corpus)}, with the labels as it has them"
        return f"this is the task itself; {what}"
    source = source_task(names.draft.recipe, name)
    if source is None:
        if local in names.of("tasks"):
            return None
        return (
            f"neither the corpus {quoted(corpus)} nor the recipe declares {quoted(local)}; add it to the corpus's tasks"
        )
    fitting = [target for target in targets if target.perspective == source.task.perspective]
    if not fitting and len(targets) > 1:
        asked = ", ".join(target.perspective for target in targets)
        return f"{name} asks from the perspective {source.task.perspective}, and this one from: {asked}"
    return why_not(source.task, (fitting or list(targets))[0])


def _only_filled(names: Names, task: str) -> bool:
    """Whether the recipe's `task` has answers of corpora by conversion and none that their files carry."""
    if not any(task in entry.names and entry.from_ for _, entry in names.entries("tasks")):
        return False
    for _, corpus in names.entries("corpora"):
        own = own_tasks(corpus)
        if any(one.task == task and task not in own for one in names.carried(corpus.name) or ()):
            return False
    return True
