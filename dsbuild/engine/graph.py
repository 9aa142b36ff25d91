"""A recipe turned into nodes, in an order in which what is read comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from annotators.llm.config import LLMConfig
from dsbuild.engine.choosing import asked_by
from dsbuild.engine.node import Context, Node
from dsbuild.engine.nodes.aggregate import AggregateNode
from dsbuild.engine.nodes.annotate import AnnotateNode
from dsbuild.engine.nodes.audit import AuditNode
from dsbuild.engine.nodes.build import CarriedNode, ItemsNode, StepNode
from dsbuild.engine.nodes.convert import ConvertNode
from dsbuild.engine.nodes.corpus import CorpusNode
from dsbuild.engine.nodes.gold import GoldNode
from dsbuild.engine.nodes.probe import ProbeNode
from dsbuild.engine.nodes.release import ReleaseNode
from dsbuild.engine.sources import makers_of
from dsbuild.recipe.reading import in_order

if TYPE_CHECKING:
    from dsbuild.recipe import Recipe
    from schemas.config import AnnotatorConfig, Spending
    from schemas.protocols import Step


def read_by(entry: AnnotatorConfig, recipe: Recipe) -> tuple[str, ...]:
    """The nodes that an annotator's node reads: the items, those of whom it reads, and those that decide its items."""
    return tuple(dict.fromkeys(("items", *makers_of(entry.reads, recipe), *asked_by(entry.on, recipe))))


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
    annotators = [AnnotateNode(entry, budget, read_by(entry, recipe)) for entry in in_order(recipe.annotate)]
    carried = ("carried", *(f"convert:{entry.name}" for entry in recipe.tasks if entry.from_))
    probes = [
        ProbeNode(entry, ("items", *carried), budget)
        for entry in recipe.annotate
        if isinstance(entry, LLMConfig) and entry.probe is not None
    ]
    sessions = [GoldNode(entry, ("items", *asked_by(entry.on, recipe))) for entry in recipe.gold]
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
        *probes,
        *sessions,
        *aggregates,
        AuditNode(names, step_names, makers, rules, tuple(node.name for node in probes)),
        ReleaseNode(tuple(corpora), makers, rules, (*everything, "audit")),
    ]
