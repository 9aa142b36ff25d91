"""What a recipe leaves out and its other parts decide."""

from __future__ import annotations

from collections.abc import Mapping

from corpora.entry import Source
from dsbuild.recipe.model import AggregateEntry, Method, Recipe
from schemas.task import Task
from schemas.taxonomy import load_taxonomy


def tasks_of(recipe: Recipe) -> dict[str, Task]:
    """The tasks of a recipe by name, in its order, each with its taxonomy.

    Raises:
        DsbuildError: a taxonomy does not exist or is no taxonomy.
    """
    return {
        name: Task(
            name=name,
            kind=entry.kind,
            taxonomy=load_taxonomy(entry.taxonomy) if entry.taxonomy is not None else None,
            perspective=perspective,
            instructions=entry.instructions,
        )
        for entry in recipe.tasks
        for name, perspective in zip(entry.names, entry.perspective, strict=True)
    }


def with_defaults(recipe: Recipe, sources: Mapping[str, Source]) -> Recipe:
    """A recipe without mistakes, with its title, one task for each perspective, and every aggregate's method."""
    tasks = tuple(
        entry.model_copy(update={"name": name, "perspective": (perspective,)})
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


def by_authors(name: str, task: str, sources: Mapping[str, Source]) -> bool:
    """Whether `name` (CORPUS or CORPUS:ANNOTATOR) gives the authors' own word on `task`, and nobody else's."""
    corpus, _, annotator = name.partition(":")
    source = sources.get(corpus)
    labels = [one for one in (source.labels if source else ()) if one.task == task and annotator in ("", one.annotator)]
    return bool(labels) and all(one.kind == "author" for one in labels)


def _method(entry: AggregateEntry, recipe: Recipe, sources: Mapping[str, Source]) -> Method:
    if len(entry.from_) == 1 and entry.from_[0] in {session.name for session in recipe.gold}:
        return "adjudicated"
    if all(by_authors(name, entry.task, sources) for name in entry.from_):
        return "stated"
    return "majority"
