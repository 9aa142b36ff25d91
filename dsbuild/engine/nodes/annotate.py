"""Machines that judge items."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import polars as pl

from dsbuild.engine.checkpoints import Checkpoints, Made, content_of
from dsbuild.engine.choosing import chosen, code_of, route
from dsbuild.engine.media import corpus_folder
from dsbuild.engine.node import Context, Stage
from dsbuild.engine.others import Others
from dsbuild.engine.progress import Watched
from dsbuild.engine.stopped import stopped
from dsbuild.engine.workspace import Output, Writer
from schemas.config import AnnotatorConfig, AnnotatorEnv, Spending
from schemas.errors import BudgetSpent, DsbuildError
from schemas.forms.check import check_annotations
from schemas.protocols import Annotator, AnnotatorOutput, BatchAnnotator, Numbered, no_dead_letters
from schemas.tables import ANNOTATIONS, REJECTS, conform, empty
from schemas.task import Task


def environment(
    ctx: Context,
    name: str,
    budget: Spending | None = None,
    inputs: Mapping[str, Output] | None = None,
    others: Others | None = None,
) -> AnnotatorEnv:
    """What the engine hands to an annotator; `inputs` hold the items, `others` are those whom it may read."""
    reading: dict[str, Any] = {}
    if inputs is not None and others is not None:
        reading = {"read": others.frame, "items": partial(inputs["items"].batches, "items")}
    return AnnotatorEnv(
        store=ctx.workspace.responses,
        cache=ctx.workspace.cache,
        logs=ctx.workspace.logs,
        directory=ctx.directory,
        progress=ctx.progress(name),
        budget=budget,
        retry_failed=ctx.retry_failed,
        folder=partial(corpus_folder, ctx),
        **reading,
    )


@dataclass(frozen=True)
class AnnotateNode:
    """One annotator over the items it is for."""

    entry: AnnotatorConfig
    budget: Spending | None = None
    inputs: tuple[str, ...] = ("items",)
    stage: Stage = "annotate"

    @property
    def name(self) -> str:
        return f"annotate:{self.entry.name}"

    @property
    def code(self) -> tuple[str, ...]:
        module = type(self.entry).__module__
        # An annotator of ours lives in a package of its own; a stranger's counts as the module it is in.
        own = ".".join(module.split(".")[:2]) if module.startswith("annotators.") else module
        others = ("dsbuild.engine.others", "dsbuild.engine.sources") if self.entry.reads else ()
        return (own, *self.entry.shares, "schemas", "dsbuild.engine.nodes.annotate", *others, *code_of(self.entry.on))

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
            # What was allowed to fail once need not be allowed under a stricter bound; answers are in the store.
            **({} if ctx.recipe.max_failed is None else {"max_failed": ctx.recipe.max_failed}),
        }

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        out.count({"asked": 0, "answered": 0, "dead_letters": 0, "reasons": {}, "rejected": 0})
        out.add("annotations", empty(ANNOTATIONS))
        asyncio.run(self._annotate(ctx, inputs, out))
        most = ctx.recipe.max_failed
        dead, asked = out.figures["dead_letters"], out.figures["asked"]
        if most is not None and dead > (most if isinstance(most, int) else most * asked):
            told = ", ".join(f"{many} {reason}" for reason, many in sorted(out.figures["reasons"].items()))
            raise DsbuildError(
                f"{self.entry.name} leaves {dead:,} of {asked:,} answers as dead letters ({told}); the recipe's "
                f"max_failed allows {most:g}.",
                fix="Run again with --retry-failed, or raise max_failed if going without these answers is right.",
            )

    def charge(self, output: Output) -> None:
        """Put what the answers of an earlier, finished run have cost on the budget."""
        self._pay_again(output.figures)

    def handed(self, ctx: Context, inputs: Mapping[str, Output], others: Others) -> Iterator[pl.DataFrame]:
        """The items this annotator is for (ITEMS), batch by batch; with `seen` where it is shown others' answers."""
        shown = self.entry.shown_answers
        routed = route(self.entry.on, self.tasks(ctx), ctx.recipe, inputs)
        for batch in chosen(inputs["items"], self.entry.on, routed):
            yield others.beside(batch, shown, list(ctx.tasks.values())) if shown else batch

    async def _annotate(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        """Annotate the batches that no earlier run has finished, and put all of them together in their order."""
        tasks = self.tasks(ctx)
        others = Others(self.entry.reads, ctx.recipe, inputs)
        handed = partial(self.handed, ctx, inputs, others)
        kept = Checkpoints(out.kept)
        contents: list[str] = []
        made: dict[int, Made] = {}
        items = left = 0
        for number, batch in enumerate(handed()):
            items += batch.height
            contents.append(content_of(batch))
            found = kept.find(number, contents[-1])
            if found is not None and not (ctx.retry_failed and found.figures["dead_letters"]):
                made[number] = found
                self._pay_again(found.figures)
            else:
                left += batch.height
        if not items:
            out.count({"more": {"warnings": ["No item fits what its `on` asks for, so it was asked about none."]}})
        rows = _Rows(self.entry, out)
        rows.add(made)
        todo = frozenset(range(len(contents))) - made.keys() - rows.added
        if todo:

            def batches() -> Iterator[Numbered]:
                return ((number, batch) for number, batch in enumerate(handed()) if number in todo)

            env = environment(ctx, self.name, self.budget, inputs, others)
            watched = Watched(env.progress)
            try:
                async with (
                    self.entry.open(replace(env, progress=watched), tasks) as annotator,
                    aclosing(_outputs(annotator, batches, tasks, left)) as outputs,
                ):
                    async for number, batch, output in outputs:
                        tables, figures = self._held(output, tasks, batch)
                        made[number] = kept.keep(number, contents[number], tables, figures)
                        rows.add(made)
            except BudgetSpent as spent:
                each = watched.total // left if watched.total else 1  # rows an item has
                raise stopped(spent, ctx, self.entry.name, each * items, each * (items - left), watched) from spent
        rows.end()

    def _held(
        self, output: AnnotatorOutput, tasks: list[Task], batch: pl.DataFrame
    ) -> tuple[dict[str, pl.DataFrame], dict[str, Any]]:
        """What of an annotator's output holds against the rules, as tables, and its figures."""
        good, rejects = _checked(output.annotations, tasks, batch)
        letters = output.dead_letters
        tables = {
            "annotations": good.sort("annotation_id"),
            "rejects": rejects.with_columns(pl.lit(self.name).alias("stage")),
            "dead_letters": letters,
            "provenance": output.provenance,
        }
        figures = {
            "asked": batch.height * max(1, len(tasks)) * self.entry.answers_each,
            "answered": _answers(good.filter(pl.col("sample") < self.entry.answers_each), tasks),
            "dead_letters": letters.height,
            "reasons": dict(letters["reason"].value_counts().sort("reason").iter_rows()),
            "rejected": rejects.height,
            "more": dict(output.figures),
        }
        return tables, figures

    def _pay_again(self, figures: Mapping[str, Any]) -> None:
        """What an earlier run has paid, for a batch or for all, counts on the budget like any stored answer."""
        if self.budget is not None:
            more = figures.get("more", {})
            self.budget.count(more.get("usd_at_most", more.get("usd", 0.0)))


class _Rows:
    """The batches of a node, put together in the order of their numbers, whatever order they come in."""

    def __init__(self, entry: AnnotatorConfig, out: Writer) -> None:
        self.added: set[int] = set()
        self._entry = entry
        self._out = out
        self._provenance: pl.DataFrame | None = None
        self._last = b""

    def add(self, made: dict[int, Made]) -> None:
        """Take what comes next out of `made`, as far as there is something.

        Raises:
            DsbuildError: too much has failed so far, or a file is gone.
        """
        while (one := made.pop(len(self.added), None)) is not None:
            self.added.add(len(self.added))
            for table in ("annotations", "rejects", "dead_letters"):
                if (file := one.file(table)) is not None:
                    self._out.adopt(table, file)
            self._out.count(one.figures)
            self._come_from(one)
            self._entry.judge(self._out.figures["more"], partial(_letters, one))

    def _come_from(self, made: Made) -> None:
        """Collect provenance; nearly always it is that of the batch before, byte for byte."""
        file = made.file("provenance")
        written = None if file is None else file.read_bytes()
        if written is None or written == self._last:
            return
        self._last = written
        new = made.frame("provenance")
        assert new is not None
        parts = [new] if self._provenance is None else [self._provenance, new]
        self._provenance = pl.concat(parts).unique(maintain_order=True)

    def end(self) -> None:
        """Write what the batches share, and the tables that none of them has filled."""
        for table, none in (("rejects", empty(REJECTS)), ("dead_letters", no_dead_letters())):
            if self.added:
                self._out.ensure(table, none)
        if self._provenance is not None:
            self._out.add("provenance", self._provenance)


def _letters(made: Made) -> pl.DataFrame:
    found = made.frame("dead_letters")
    return no_dead_letters() if found is None else found


async def _outputs(
    annotator: Annotator, batches: Callable[[], Iterator[Numbered]], tasks: list[Task], total: int
) -> AsyncGenerator[tuple[int, pl.DataFrame, AnnotatorOutput]]:
    """The annotator's outputs, each with its batch; one batch after the other from one who does not take several."""
    if isinstance(annotator, BatchAnnotator):
        async with aclosing(annotator.annotate_all(batches, tasks, total)) as outputs:
            async for one in outputs:
                yield one
        return
    for number, batch in batches():
        yield number, batch, await annotator.annotate(batch, tasks)


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
    """How many of these answer a task; an annotator that passes does not. Of one without a task, a translator, as many
    as there are items with something beside."""
    from audits.answers import answer_column

    if not tasks:
        return annotations["item_id"].n_unique()

    columns = {task.name: answer_column(task) for task in tasks}
    return sum(
        annotations.filter((pl.col("task") == name) & pl.col(column).is_not_null()).height
        for name, column in columns.items()
    )
