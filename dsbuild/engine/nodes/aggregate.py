"""Aggregates: named rules that make labels of annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from dsbuild.engine.choosing import asked_by, chosen, code_of, route
from dsbuild.engine.node import Context, Stage
from dsbuild.engine.sources import annotations_of, nodes_of
from dsbuild.engine.workspace import Output, Writer

if TYPE_CHECKING:
    from dsbuild.recipe import AggregateEntry, Recipe


@dataclass(frozen=True)
class AggregateNode:
    """One aggregate over the items it is for."""

    entry: AggregateEntry
    recipe: Recipe
    stage: Stage = "aggregate"

    @property
    def name(self) -> str:
        return f"aggregate:{self.entry.name}"

    @property
    def code(self) -> tuple[str, ...]:
        rule = ("audits", "schemas", "dsbuild.engine.nodes.aggregate", "dsbuild.engine.sources")
        return tuple(dict.fromkeys((*rule, *code_of(self.entry.on))))

    @property
    def inputs(self) -> tuple[str, ...]:
        makers = nodes_of(self.entry.from_, self.entry.task, self.recipe)
        return tuple(dict.fromkeys(("items", *makers, *asked_by(self.entry.on, self.recipe))))

    def config(self, ctx: Context) -> Any:
        return {
            "entry": self.entry.model_dump(mode="json", by_alias=True),
            "task": ctx.tasks[self.entry.task].model_dump(mode="json"),
        }

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        from audits.aggregate import aggregate

        task = ctx.tasks[self.entry.task]
        annotations = annotations_of(self.entry.from_, task.name, self.recipe, inputs)
        routed = route(self.entry.on, [task], self.recipe, inputs)
        items = [batch["item_id"] for batch in chosen(inputs["items"], self.entry.on, routed)]
        ids = pl.concat(items) if items else pl.Series("item_id", [], dtype=pl.String)
        annotations = annotations.filter(pl.col("item_id").is_in(ids.implode()))
        assert self.entry.method is not None  # the recipe's loader fills it in
        labels, figures = aggregate(
            annotations,
            task,
            name=self.entry.name,
            method={"rule": self.entry.method, **self.entry.options},
            compare=self.entry.compare,
        )
        out.add("labels", labels.sort("item_id"))
        out.count({"summary": {**figures, "from": list(self.entry.from_)}})
