"""What recipes say of the response store: which of its answers they need, and what its models cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from annotators.llm.config import LLMConfig
from annotators.llm.responses.gc import Kept
from annotators.llm.shots.library import Library
from annotators.llm.spending.cost import Cost, cost_of
from dsbuild.engine.graph import graph_of
from dsbuild.engine.node import Context
from dsbuild.engine.nodes.annotate import AnnotateNode
from dsbuild.engine.others import Others
from dsbuild.engine.plan import outputs_of
from dsbuild.engine.run import execute
from dsbuild.engine.setup import context
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsbuild.engine.workspace import Output


def costs_of(recipes: Sequence[str | Path], **options: Any) -> dict[tuple[str, str], Cost]:
    """(annotator, model) of every LLM in the recipes: what it costs."""
    found: dict[tuple[str, str], Cost] = {}
    for recipe in recipes:
        for entry in context(recipe, **options).recipe.annotate:
            if isinstance(entry, LLMConfig):
                found[entry.name, entry.model] = cost_of(entry)
    return found


def kept_by(recipes: Sequence[str | Path], **options: Any) -> list[Kept]:
    """The LLM annotators of the recipes with the items they are for. Corpora are read and built for this.

    Raises:
        DsbuildError: an annotator is shown the answers of one that has not run, so nobody knows what it was asked.
    """
    found: list[Kept] = []
    for recipe in recipes:
        ctx = context(recipe, **options)
        graph = graph_of(ctx)
        ran = execute([node for node in graph if node.stage in ("corpora", "build")], ctx)
        known = {**outputs_of(graph, ctx), **ran.outputs}
        for node in graph:
            if isinstance(node, AnnotateNode) and isinstance(node.entry, LLMConfig):
                found.append(_kept(node, node.entry, ctx, known))
    return found


def _kept(node: AnnotateNode, entry: LLMConfig, ctx: Context, known: Mapping[str, Output]) -> Kept:
    missing = [name for name in node.inputs if name not in known]
    if missing:
        raise DsbuildError(
            f'What annotator "{entry.name}" was asked depends on {missing[0]}, which has not run on just this.',
            where=str(ctx.recipe_path),
            fix=f"Run the recipe first (dsbuild run {ctx.command()} --until annotate), or leave it out.",
        )
    others = Others(entry.reads, ctx.recipe, known)

    def batches() -> Iterator[pl.DataFrame]:
        return node.handed(ctx, known, others)

    library = Library(others.frame, partial(known["items"].batches, "items"), ctx.workspace.cache)
    return Kept(entry, node.tasks(ctx), batches, library)
