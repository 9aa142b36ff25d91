"""What an annotator's model knows by heart of the corpora that it is asked about."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from dsbuild.engine.node import Context, Stage
from dsbuild.engine.nodes.annotate import environment
from dsbuild.engine.workspace import Output, Writer
from schemas.tables import ANNOTATIONS, empty

if TYPE_CHECKING:
    from annotators.llm.config import LLMConfig
    from schemas.config import Spending
    from schemas.task import Task

PEOPLE = ("human", "author")


@dataclass(frozen=True)
class ProbeNode:
    """The memory probe of one LLM: figures for the report, no annotation."""

    entry: LLMConfig
    inputs: tuple[str, ...]
    budget: Spending | None = None
    stage: Stage = "annotate"
    code: tuple[str, ...] = ("annotators.llm.probe", "annotators.llm.request", "schemas", "dsbuild.engine.nodes.probe")

    @property
    def name(self) -> str:
        return f"probe:{self.entry.name}"

    def tasks(self, ctx: Context) -> list[Task]:
        """The tasks that the annotator answers."""
        wanted = self.entry.tasks
        return [task for name, task in ctx.tasks.items() if wanted is None or name in wanted]

    def config(self, ctx: Context) -> Any:
        from annotators.llm.probe.asking import template
        from annotators.llm.questions import Questions

        assert self.entry.probe is not None  # or there would be no node
        groups = Questions.groups(self.entry, self.tasks(ctx))
        return {
            "probe": self.entry.probe.model_dump(mode="json"),
            "asked": [[group.identity, group.family.fields] for group in groups],
            "prompts": [template(name) for name in ("continue", "rewrite", "label")],
            "tasks": [task.model_dump(mode="json") for task in self.tasks(ctx)],
            "seed": ctx.seed,
        }

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        from annotators.llm.probe.asking import probe

        tasks = self.tasks(ctx)
        env = environment(ctx, self.name, self.budget)
        gold = {task.name: labels for task in tasks if (labels := _came_with(inputs, self.inputs, task)).height}
        found = asyncio.run(probe(self.entry, env, tasks, inputs["items"].batches("items"), gold, ctx.seed))
        out.count({"memory": {one.probe: one.as_json() for one in found}})

    def plan(self, ctx: Context, known: Mapping[str, Output]) -> dict[str, Any]:
        """What it would ask and cost, see `annotators.llm.probe.planned.plan`; `known` has what its inputs made."""
        from annotators.llm.probe.planned import plan

        tasks = self.tasks(ctx)
        labelled = {task.name: set(_came_with(known, self.inputs, task)["item_id"]) for task in tasks}
        return plan(self.entry, tasks, known["items"].batches("items"), labelled, ctx.workspace.responses)


def _came_with(inputs: Mapping[str, Output], nodes: tuple[str, ...], task: Task) -> pl.DataFrame:
    """The labels (LABELS) of people and authors that the corpora came with."""
    from audits.aggregate import aggregate
    from audits.methods import METHODS

    found = [empty(ANNOTATIONS)]
    for node in nodes:
        made = inputs[node].frame("annotations") if node != "items" else pl.DataFrame()
        if made.width:
            found.append(made.filter((pl.col("task") == task.name) & pl.col("annotator_kind").is_in(PEOPLE)))
    people = pl.concat(found)
    return aggregate(people, task, name="gold", method=METHODS[task.kind][0])[0] if people.height else people
