"""A recipe turned into nodes, in an order in which what is read comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dsbuild.engine.node import Context, Node
from dsbuild.engine.nodes.aggregate import AggregateNode
from dsbuild.engine.nodes.annotate import AnnotateNode
from dsbuild.engine.nodes.audit import AuditNode
from dsbuild.engine.nodes.build import CarriedNode, ItemsNode, StepNode
from dsbuild.engine.nodes.convert import ConvertNode
from dsbuild.engine.nodes.corpus import CorpusNode
from dsbuild.engine.nodes.gold import GoldNode
from dsbuild.engine.nodes.release import ReleaseNode

if TYPE_CHECKING:
    from schemas.config import Spending
    from schemas.protocols import Step


def graph_of(ctx: Context, budget: Spending | None = None) -> list[Node]:
    """The nodes of the recipe."""
    from dsbuild.recipe import dump

    recipe = ctx.recipe
    corpora = [CorpusNode(entry, ctx) for entry in recipe.corpora]
    names = tuple(node.name for node in corpora)
    before = names
    steps: list[StepNode] = []
    for number, entry in enumerate(recipe.build, start=1):
        name = f"build:{number}:{entry.name}"
        options = dump(entry, ctx.directory)[entry.name]
        # The recipe knows a step as its options; that it is a step is what its entry point promises.
        steps.append(StepNode(name, cast("Step", entry.step), entry.name, before, options, names))
        before = (name,)
    step_names = tuple(node.name for node in steps)
    annotators = [AnnotateNode(entry, budget) for entry in recipe.annotate]
    sessions = [GoldNode(entry) for entry in recipe.gold]
    aggregates = [AggregateNode(entry, recipe) for entry in recipe.aggregate]
    conversions = [ConvertNode(entry.name) for entry in recipe.tasks if entry.from_]
    makers = (
        "carried",
        *(node.name for node in conversions),
        *(node.name for node in annotators),
        *(node.name for node in sessions),
    )
    rules = tuple(node.name for node in aggregates)
    everything = (*names, *step_names, "items", *makers, *rules)
    return [
        *corpora,
        *steps,
        ItemsNode(before),
        CarriedNode(names, step_names),
        *conversions,
        *annotators,
        *sessions,
        *aggregates,
        AuditNode(names, step_names, makers, rules),
        ReleaseNode(tuple(corpora), makers, rules, (*everything, "audit")),
    ]
