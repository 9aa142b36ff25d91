"""The corpora's own tasks, and the recipe's tasks that are filled from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from dsbuild.recipe.model import CorpusEntry, Recipe
from schemas.errors import DsbuildError
from schemas.task import Task


@dataclass(frozen=True)
class Filling:
    """One entry of a task's `from`: its name, CORPUS.TASK, the corpus, and the task whose answers are converted."""

    name: str
    corpus: str
    task: Task


def own_tasks(corpus: CorpusEntry) -> dict[str, Task]:
    """The corpus's own tasks by the name that its labels call them; elsewhere they are called CORPUS.TASK. Those at
    fault are not among them."""
    found: dict[str, Task] = {}
    for entry in corpus.tasks:
        try:
            tasks = entry.tasks()
        except (DsbuildError, ValidationError):
            continue
        found |= {task.name: task.model_copy(update={"name": f"{corpus.name}.{task.name}"}) for task in tasks}
    return found


def tasks_for(corpus: CorpusEntry, tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Every task that labels of a corpus may be of, its own before the recipe's `tasks`."""
    return {**tasks, **own_tasks(corpus)}


def parted(name: str, corpora: Iterable[str]) -> tuple[str, str] | None:
    """CORPUS and TASK of a name CORPUS.TASK; null where no corpus is called so. Of several the longest name counts."""
    fitting = [corpus for corpus in corpora if name.startswith(f"{corpus}.") and len(name) > len(corpus) + 1]
    if not fitting:
        return None
    corpus = max(fitting, key=len)
    return corpus, name.removeprefix(f"{corpus}.")


def source_task(recipe: Recipe, name: str) -> Filling | None:
    """The task that CORPUS.TASK names: the corpus's own, else the recipe's; null where there is none."""
    found = parted(name, [corpus.name for corpus in recipe.corpora])
    if found is None:
        return None
    corpus = next(entry for entry in recipe.corpora if entry.name == found[0])
    own = own_tasks(corpus)
    if found[1] in own:
        return Filling(name, corpus.name, own[found[1]])
    for entry in recipe.tasks:
        if found[1] in entry.names:
            try:
                tasks = entry.tasks()
            except (DsbuildError, ValidationError):
                return None
            return next(Filling(name, corpus.name, task) for task in tasks if task.name == found[1])
    return None


def fillings(recipe: Recipe, task: str) -> tuple[Filling, ...]:
    """What fills the recipe's `task`; of an entry with several perspectives, what is asked from this one's."""
    for entry in recipe.tasks:
        if task in entry.names:
            perspective = entry.perspective[entry.names.index(task)]
            found = [source_task(recipe, name) for name in dict.fromkeys(entry.from_)]
            return tuple(one for one in found if one is not None and one.task.perspective == perspective)
    return ()


def local_names(recipe: Recipe, corpus: str, task: str) -> set[str]:
    """What the labels of a corpus call the tasks whose answers become answers to the recipe's `task`."""
    own = {name for entry in recipe.corpora if entry.name == corpus for name in own_tasks(entry)}
    filled = {one.name.removeprefix(f"{corpus}.") for one in fillings(recipe, task) if one.corpus == corpus}
    return filled if task in own else {task, *filled}
