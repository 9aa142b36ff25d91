"""Whose annotations a name stands for: an annotator, a session, a corpus, or one annotator inside a corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from dsbuild.engine.workspace import Output
from schemas.errors import RecipeError
from schemas.tables import ANNOTATIONS, empty

if TYPE_CHECKING:
    from dsbuild.recipe import Recipe


def node_of(name: str, recipe: Recipe) -> str:
    """The node that makes the annotations `name` stands for.

    Raises:
        RecipeError: the recipe has nothing of this name.
    """
    if any(entry.name == name for entry in recipe.annotate):
        return f"annotate:{name}"
    if any(entry.name == name for entry in recipe.gold):
        return f"gold:{name}"
    corpora = [entry.name for entry in recipe.corpora]
    if name in corpora or name.partition(":")[0] in corpora:
        return "carried"
    raise RecipeError(f"Nobody in the recipe is called '{name}'.")


def makers_of(names: Sequence[str], recipe: Recipe) -> tuple[str, ...]:
    """The nodes that make the annotations of any task by all `names`, each once."""
    filled = tuple(f"convert:{entry.name}" for entry in recipe.tasks if entry.from_)
    found = [(node_of(name, recipe), name) for name in names]
    return tuple(dict.fromkeys(one for node, _ in found for one in ((node, *filled) if node == "carried" else (node,))))


def by(name: str, node: str) -> pl.Expr:
    """Whether a row of what `node` made is an annotation of whom `name` stands for."""
    if node != "carried" and not node.startswith("convert:"):
        return pl.lit(True)
    return pl.col("annotator") == name if ":" in name else pl.col("annotator").str.starts_with(f"{name}:")


def nodes_of(names: Sequence[str], task: str, recipe: Recipe) -> tuple[str, ...]:
    """The nodes that make the annotations of `task` by all `names`, each once."""
    return tuple(dict.fromkeys(node for name in names for node in _makers(name, task, recipe)))


def _makers(name: str, task: str, recipe: Recipe) -> tuple[str, ...]:
    """The node of `name`; for a corpus also the one that converts what it came with into answers to `task`."""
    node = node_of(name, recipe)
    filled = any(entry.name == task and entry.from_ for entry in recipe.tasks)
    return (node, f"convert:{task}") if node == "carried" and filled else (node,)


def annotations_of(names: Sequence[str], task: str, recipe: Recipe, outputs: Mapping[str, Output]) -> pl.DataFrame:
    """The annotations (ANNOTATIONS) of `task` by all whom `names` stand for."""
    found: list[pl.DataFrame] = []
    for name in names:
        for node in _makers(name, task, recipe):
            frame = outputs[node].frame("annotations")
            if not frame.width:
                continue
            of_task = frame.filter(pl.col("task") == task)
            found.append(of_task.filter(by(name, node)))
    return pl.concat(found).unique("annotation_id", maintain_order=True) if found else empty(ANNOTATIONS)
