"""What a recipe leaves out and its other parts decide."""

from __future__ import annotations

from collections.abc import Mapping

from audits.methods import METHODS, MethodName
from corpora.entry import Source
from dsbuild.recipe.expand import expanded
from dsbuild.recipe.filled import fillings, local_names
from dsbuild.recipe.model import AggregateEntry, Recipe
from schemas.task import Task


def tasks_of(recipe: Recipe) -> dict[str, Task]:
    """The tasks of a recipe by name, in its order, each with its taxonomy.

    Raises:
        DsbuildError: a taxonomy does not exist or is no taxonomy.
    """
    return {task.name: task for entry in recipe.tasks for task in entry.tasks()}


def with_defaults(recipe: Recipe, sources: Mapping[str, Source]) -> Recipe:
    """A recipe without mistakes, with its title, one task for each perspective, every annotator an entry of its own,
    and every aggregate's method."""
    recipe = expanded(recipe)
    tasks = tuple(
        entry.model_copy(
            update={
                "name": name,
                "perspective": (perspective,),
                "from_": tuple(one.name for one in fillings(recipe, name)),
            }
        )
        for entry in recipe.tasks
        for name, perspective in zip(entry.names, entry.perspective, strict=True)
    )
    aggregates = tuple(
        entry.model_copy(update={"method": _method(entry, recipe, sources)})
        if "method" not in entry.model_fields_set
        else entry
        for entry in recipe.aggregate
    )
    changed = {"title": recipe.title or recipe.dataset, "tasks": tasks, "aggregate": aggregates}
    return recipe.model_copy(update=changed)


def by_authors(name: str, task: str, sources: Mapping[str, Source], recipe: Recipe) -> bool:
    """Whether `name` (CORPUS or CORPUS:ANNOTATOR) gives the authors' own word on `task`, and nobody else's."""
    corpus, _, annotator = name.partition(":")
    source = sources.get(corpus)
    found = source.labels if source else ()
    meant = local_names(recipe, corpus, task)
    labels = [one for one in found if one.task in meant and (not annotator or one.answers_as(annotator))]
    return bool(labels) and all(one.kind == "author" for one in labels)


def _method(entry: AggregateEntry, recipe: Recipe, sources: Mapping[str, Source]) -> MethodName:
    if len(entry.from_) == 1 and entry.from_[0] in {session.name for session in recipe.gold}:
        return "adjudicated"
    if all(by_authors(name, entry.task, sources, recipe) for name in entry.from_):
        return "stated"
    kinds = {name: task.kind for task in recipe.tasks for name in task.names}
    return METHODS[kinds[entry.task]][0]
