"""Machines that judge items."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from dsbuild.engine.node import Context, Stage
from dsbuild.engine.workspace import Output, Writer
from schemas.config import AnnotatorConfig, AnnotatorEnv, Spending
from schemas.errors import DsbuildError
from schemas.forms.check import check_annotations
from schemas.selection import Selection
from schemas.tables import ANNOTATIONS, conform, empty
from schemas.task import Task

BATCH = 10_000  # items handed to an annotator at once


def chosen(items: Output, on: Selection) -> Iterator[pl.DataFrame]:
    """The items of a selection, batch by batch. They are in the seeded order already, so a sample is the head."""
    left = on.sample
    for batch in items.batches("items"):
        for column, wanted in (("split", on.splits), ("corpus", on.corpora), ("language", on.languages)):
            if wanted is not None:
                batch = batch.filter(pl.col(column).is_in(list(wanted)))
        if left is not None:
            batch = batch.head(left)
            left -= batch.height
        if batch.height:
            yield from batch.iter_slices(BATCH)
        if left == 0:
            return


def environment(ctx: Context, name: str, budget: Spending | None = None) -> AnnotatorEnv:
    """What the engine hands to an annotator."""
    return AnnotatorEnv(
        store=ctx.workspace.responses,
        cache=ctx.workspace.cache,
        logs=ctx.workspace.logs,
        directory=ctx.directory,
        progress=ctx.progress(name),
        budget=budget,
        retry_failed=ctx.retry_failed,
    )


@dataclass(frozen=True)
class AnnotateNode:
    """One annotator over the items it is for."""

    entry: AnnotatorConfig
    budget: Spending | None = None
    stage: Stage = "annotate"
    inputs: tuple[str, ...] = ("items",)

    @property
    def name(self) -> str:
        return f"annotate:{self.entry.name}"

    @property
    def code(self) -> tuple[str, ...]:
        module = type(self.entry).__module__
        # An annotator of ours lives in a package of its own; a stranger's counts as the module it is in.
        own = ".".join(module.split(".")[:2]) if module.startswith("annotators.") else module
        return (own, "schemas", "dsbuild.engine.nodes.annotate")

    def tasks(self, ctx: Context) -> list[Task]:
        """The tasks this annotator answers."""
        wanted = self.entry.tasks
        return [task for name, task in ctx.tasks.items() if wanted is None or name in wanted]

    def config(self, ctx: Context) -> Any:
        from dsbuild.recipe import dump

        return {
            "entry": {k: v for k, v in dump(self.entry, ctx.directory).items() if k not in self.entry.not_in_key},
            "more": self.entry.fingerprint(self.tasks(ctx)),
            "tasks": [task.model_dump(mode="json") for task in self.tasks(ctx)],
        }

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        out.count({"asked": 0, "answered": 0, "dead_letters": 0, "reasons": {}, "rejected": 0})
        out.add("annotations", empty(ANNOTATIONS))
        asyncio.run(self._annotate(ctx, inputs["items"], out))

    async def _annotate(self, ctx: Context, items: Output, out: Writer) -> None:
        tasks = self.tasks(ctx)
        provenance: list[pl.DataFrame] = []
        async with self.entry.open(environment(ctx, self.name, self.budget), tasks) as annotator:
            for batch in chosen(items, self.entry.on):
                result = await annotator.annotate(batch, tasks)
                kept, rejects = _checked(result.annotations, tasks, batch)
                out.add("annotations", kept.sort("annotation_id"))
                out.add("rejects", rejects.with_columns(pl.lit(self.name).alias("stage")))
                out.add("dead_letters", result.dead_letters)
                provenance.append(result.provenance)
                out.count(
                    {
                        "asked": batch.height * len(tasks),
                        "answered": _answers(kept, tasks),
                        "dead_letters": result.dead_letters.height,
                        "reasons": dict(result.dead_letters["reason"].value_counts().sort("reason").iter_rows()),
                        "rejected": rejects.height,
                        "more": dict(result.figures),
                    }
                )
        if provenance:
            out.add("provenance", pl.concat(provenance).unique(maintain_order=True))


def _checked(annotations: pl.DataFrame, tasks: list[Task], items: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What any annotator says of `items` (ITEMS) is held against the table's rules and its task's, whoever wrote it."""
    annotations, broken = check_annotations(annotations)
    known = {task.name for task in tasks}
    parts = [task.validate_annotations(annotations.filter(pl.col("task") == task.name), items) for task in tasks]
    # By-products such as a chain of translation's translation answer no task of the recipe.
    others = annotations.filter(~pl.col("task").is_in(list(known)))
    if others.filter(pl.col("text").is_null()).height:
        raise DsbuildError("An annotator answered a task that the recipe does not have, and not with a text.")
    kept = pl.concat([others, *(ok for ok, _ in parts)])
    return conform(kept, ANNOTATIONS), pl.concat([broken, *(bad for _, bad in parts)])


def _answers(annotations: pl.DataFrame, tasks: list[Task]) -> int:
    """How many of these answer a task; an annotator that passes does not."""
    from audits.answers import answer_column

    columns = {task.name: answer_column(task) for task in tasks}
    return sum(
        annotations.filter((pl.col("task") == name) & pl.col(column).is_not_null()).height
        for name, column in columns.items()
    )
