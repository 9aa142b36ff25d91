"""Which items a node is for, wherever items are chosen: by what they are, and by what annotators say about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from dsbuild.engine.sources import by, makers_of
from dsbuild.engine.workspace import Output
from schemas.selection import Selection
from schemas.tables import ANNOTATIONS, empty
from schemas.where import names_in

if TYPE_CHECKING:
    from dsbuild.recipe import Recipe
    from schemas.task import Task

BATCH = 2048  # items handed on at once
_CHOSEN_BY = ("item_id", "split", "corpus", "language")


def chosen(items: Output, on: Selection, routed: pl.DataFrame | None = None) -> Iterator[pl.DataFrame]:
    """The items of a selection (ITEMS), batch by batch. They are in the seeded order already, so a sample is the head.

    `routed` is what `route` gives for a selection with a condition.
    """
    left = on.sample
    wanted = None if routed is None else routed.filter("holds").select("item_id")
    for batch in items.slices("items"):
        batch = _filtered(batch, on)
        if wanted is not None:
            batch = batch.join(wanted, on="item_id", how="semi", maintain_order="left")
        if left is not None:
            batch = batch.head(left)
            left -= batch.height
        if batch.height:
            yield from batch.iter_slices(BATCH)
        if left == 0:
            return


def _filtered(batch: pl.DataFrame, on: Selection) -> pl.DataFrame:
    for column, wanted in (("split", on.splits), ("corpus", on.corpora), ("language", on.languages)):
        if wanted is not None:
            batch = batch.filter(pl.col(column).is_in(list(wanted)))
    return batch


def asked_by(on: Selection, recipe: Recipe) -> tuple[str, ...]:
    """The nodes whose annotations decide which items a selection has."""
    return () if on.condition is None else makers_of(names_in(on.condition), recipe)


def code_of(on: Selection) -> tuple[str, ...]:
    """The modules that decide which items a selection has, beside that of the node which asks."""
    return ("dsbuild.engine.choosing",) if on.condition is None else ("dsbuild.engine.choosing", "audits")


def route(on: Selection, tasks: Sequence[Task], recipe: Recipe, outputs: Mapping[str, Output]) -> pl.DataFrame | None:
    """`item_id`, `holds` and `strength` (see `audits.routing`) of the items that `on` chooses by everything else, in
    the seeded order; null for a selection without a condition.

    `tasks` are those of the entry that chooses; an annotator is asked about those of them that it answers.

    Raises:
        DsbuildError: the condition asks how sure an annotator is that never says so.
    """
    if on.condition is None:
        return None
    from audits import routing

    parts = [outputs["items"].read(part, list(_CHOSEN_BY)) for part in outputs["items"].parts("items")]
    ids = [_filtered(part, on)["item_id"] for part in parts]
    answered = {entry.name: entry.tasks for entry in recipe.annotate}
    said = {}
    for name in names_in(on.condition):
        found = [empty(ANNOTATIONS)]
        for node in makers_of([name], recipe):
            made = outputs[node].frame("annotations")
            found += [made.filter(by(name, node))] if made.width else []
        own = answered.get(name)
        said[name] = routing.Said(pl.concat(found), [task for task in tasks if own is None or task.name in own])
    return routing.route(on.condition, said, pl.concat(ids) if ids else pl.Series("item_id", [], dtype=pl.String))
