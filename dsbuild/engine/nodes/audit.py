"""The audit: every figure about the dataset, the gates, and the report that shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from dsbuild.engine.node import Context, Stage
from dsbuild.engine.sources import annotations_of, node_of
from dsbuild.engine.workspace import Output, Writer
from schemas.tables import LABELS, empty
from schemas.task import Task

if TYPE_CHECKING:
    from dsbuild.recipe import AggregateEntry

MACHINES = ("llm", "model", "lexicon")
NEAR = 0.9  # similarity from which two texts count as near duplicates where the recipe says nothing
FORMAT = "dsbuild.metrics/1"


@dataclass(frozen=True)
class AuditNode:
    """All figures of the metrics file, and the report."""

    corpora: tuple[str, ...]
    steps: tuple[str, ...]
    makers: tuple[str, ...]
    aggregates: tuple[str, ...]
    probes: tuple[str, ...] = ()
    name: str = "audit"
    stage: Stage = "audit"
    code: tuple[str, ...] = (
        "audits",
        "builders",
        "schemas",
        "dsbuild.engine.nodes.audit",
        "dsbuild.engine.sources",
    )

    @property
    def inputs(self) -> tuple[str, ...]:
        return (*self.corpora, *self.steps, "items", *self.makers, *self.probes, *self.aggregates)

    def config(self, ctx: Context) -> Any:
        recipe = ctx.recipe
        return {
            "dataset": recipe.dataset,
            "title": recipe.title,
            "seed": ctx.seed,
            "tasks": [task.model_dump(mode="json") for task in ctx.tasks.values()],
            "gates": [gate.model_dump(mode="json", by_alias=True) for gate in recipe.gates],
            "deduplicate": deduplication_threshold(ctx),
        }

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        from audits.gates import check
        from audits.report import render

        items = inputs["items"].frame("items")
        labels = _labels(inputs, self.aggregates)
        metrics: dict[str, Any] = {
            "format": FORMAT,
            "dataset": ctx.recipe.dataset,
            "title": ctx.recipe.title,
            "sample": ctx.sample,
            "items": _items(items),
            "funnel": [_funnel(name, inputs[name]) for name in (*self.corpora, *self.steps)],
            "annotators": self._annotators(ctx, inputs),
            "memory": [
                {"annotator": name.removeprefix("probe:"), **one}
                for name in self.probes
                for one in inputs[name].figures["memory"].values()
            ],
            "agreement": self._agreement(ctx, inputs),
            "scores": self._scores(ctx, inputs, items, labels),
            "aggregates": [_aggregate(entry, ctx, inputs) for entry in ctx.recipe.aggregate],
            "distribution": _distribution(items, labels, ctx.tasks),
            "leakage": _leakage(ctx, items),
            "conflicts": self._conflicts(ctx, inputs),
            "conversions": [
                one
                for name in self.makers
                if name.startswith("convert:")
                for one in inputs[name].figures["conversions"]
            ],
        }
        metrics["gates"] = check(ctx.recipe.gates, metrics, members=self._members(ctx, inputs))
        out.text("metrics.json", json.dumps(metrics, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False))
        out.text("report.html", render(metrics, list(ctx.tasks.values())))
        out.count({"gates": {"passed": sum(g["passed"] for g in metrics["gates"]), "of": len(metrics["gates"])}})

    def _members(self, ctx: Context, inputs: Mapping[str, Output]) -> dict[str, list[str]]:
        """Which annotators the names in gates stand for."""
        members: dict[str, set[str]] = {}
        for gate in ctx.recipe.gates:
            for name in gate.from_ if gate.metric == "krippendorff_alpha" else ():
                annotations = annotations_of([name], str(gate.task), ctx.recipe, inputs)
                members.setdefault(name, set()).update(annotations["annotator"].to_list())
        return {name: sorted(who) for name, who in members.items()}

    def _annotators(self, ctx: Context, inputs: Mapping[str, Output]) -> list[dict[str, Any]]:
        found = []
        for entry in ctx.recipe.annotate:
            output = inputs[f"annotate:{entry.name}"]
            origin = output.frame("provenance")
            first = origin.row(0, named=True) if origin.height else {}
            figures = output.figures
            more = figures.get("more", {})
            found.append(
                {
                    "name": entry.name,
                    "kind": entry.kind,
                    "model": first.get("model"),
                    "strategy": first.get("strategy"),
                    **{key: figures[key] for key in ("asked", "answered", "dead_letters", "reasons")},
                    **{key: more[key] for key in ("vote", "packed", "warnings") if key in more},
                }
            )
        origins = inputs["carried"].frame("provenance")
        models = dict(origins.select("annotator", "model").iter_rows()) if origins.width else {}
        people = [inputs[f"gold:{entry.name}"].frame("annotations") for entry in ctx.recipe.gold]
        for frame in (inputs["carried"].frame("annotations"), *people):
            if not frame.width:
                continue
            counted = frame.group_by("annotator", "annotator_kind").agg(
                pl.len().alias("asked"), (pl.len() - pl.col("skipped").fill_null(False).sum()).alias("answered")
            )
            found += [
                {
                    "name": row["annotator"],
                    "kind": row["annotator_kind"],
                    "model": models.get(row["annotator"]),
                    "strategy": None,
                    "asked": row["asked"],
                    "answered": row["answered"],
                    "dead_letters": 0,
                    "reasons": {},
                }
                for row in counted.sort("annotator").iter_rows(named=True)
            ]
        return found

    def _agreement(self, ctx: Context, inputs: Mapping[str, Output]) -> list[dict[str, Any]]:
        from audits.agreement import agreement

        groups = dict.fromkeys((entry.task, entry.from_) for entry in ctx.recipe.aggregate)
        groups |= dict.fromkeys(
            (gate.task, tuple(gate.from_))
            for gate in ctx.recipe.gates
            if gate.metric == "krippendorff_alpha" and gate.task is not None
        )
        entries = []
        for name, names in groups:
            task = ctx.tasks[name]
            annotations = annotations_of(names, name, ctx.recipe, inputs)
            over = annotations["annotator"].unique().sort().to_list()
            # Counts of votes are several people under one name.
            if len(over) < 2 and not annotations["votes"].fill_null(1).gt(1).any():
                continue
            entries.append({**agreement(annotations, task, over, seed=ctx.seed), "from": list(names)})
        return entries

    def _scores(
        self, ctx: Context, inputs: Mapping[str, Output], items: pl.DataFrame, labels: pl.DataFrame
    ) -> list[dict[str, Any]]:
        from audits.methods import VOTED
        from audits.scores import score

        languages = items.select("item_id", "language") if items["language"].n_unique() > 1 else None
        entries = []
        for task in ctx.tasks.values():
            if task.kind not in VOTED:
                continue
            of_task = labels.filter(pl.col("task") == task.name)
            references = of_task.filter(pl.col("tier").is_in(["gold", "stated"]))
            for (against,), reference in references.group_by(["aggregate"], maintain_order=True):
                for of, given in self._given(ctx, task, inputs, of_task):
                    if given.join(reference, on="item_id", how="semi").height:
                        entries += score(
                            given, reference, task, of=of, against=str(against), by=languages, seed=ctx.seed
                        )
        return entries

    def _given(
        self, ctx: Context, task: Task, inputs: Mapping[str, Output], labels: pl.DataFrame
    ) -> list[tuple[str, pl.DataFrame]]:
        """What machines said, each by name, and what aggregates made of it."""
        found = []
        for name in self.makers:
            frame = inputs[name].frame("annotations")
            if not frame.width:
                continue
            first = frame.filter(
                (pl.col("task") == task.name)
                & pl.col("annotator_kind").is_in(MACHINES)
                & (pl.col("sample").fill_null(0) == 0)
                & (pl.col("round") == "first")
            )
            found += [(str(who), rows) for (who,), rows in first.group_by(["annotator"], maintain_order=True)]
        found.sort(key=lambda one: one[0])
        made = labels.filter(pl.col("tier").is_in(["silver", "mixed"]))
        return found + [(str(name), rows) for (name,), rows in made.group_by(["aggregate"], maintain_order=True)]

    def _conflicts(self, ctx: Context, inputs: Mapping[str, Output]) -> dict[str, Any]:
        from audits.conflicts import conflicts
        from audits.methods import VOTED

        # Texts as they are once normalised, before deduplication takes the repeats away.
        before = [name for name, entry in zip(self.steps, ctx.recipe.build, strict=True) if entry.name == "deduplicate"]
        if not before or not ctx.tasks:
            return {"texts": 0, "items": 0, "examples": []}
        position = self.steps.index(before[0])
        sources = (self.steps[position - 1],) if position else self.corpora
        items = pl.concat([inputs[name].frame("items") for name in sources])
        carried = [frame for name in self.corpora if (frame := inputs[name].frame("annotations")).width]
        found: dict[str, Any] = {"texts": 0, "items": 0, "examples": []}
        for task in ctx.tasks.values():
            if task.kind not in VOTED:
                continue
            more = conflicts(items, pl.concat(carried), task=task.name)
            found = {key: found[key] + more[key] for key in found}
        return found


def _aggregate(entry: AggregateEntry, ctx: Context, inputs: Mapping[str, Output]) -> dict[str, Any]:
    summary = {**inputs[f"aggregate:{entry.name}"].figures["summary"], "name": entry.name, "task": entry.task}
    undecided = inputs["carried"].figures["undecided"]
    if undecided and any(node_of(name, ctx.recipe) == "carried" for name in entry.from_):
        told = (
            f"{undecided:,} items of this dataset stand in the source more than once with answers of one annotator "
            "that have no majority: such answers are taken for nobody's judgement."
        )
        summary["note"] = " ".join(filter(None, [summary.get("note"), told]))
    return summary


def deduplication_threshold(ctx: Context) -> float | None:
    """The similarity from which the recipe's deduplication drops near duplicates, None where it keeps them."""
    thresholds = [
        near
        for entry in ctx.recipe.build
        if entry.name == "deduplicate" and isinstance(near := getattr(entry.step, "near", None), float)
    ]
    return min(thresholds, default=None)


def _labels(inputs: Mapping[str, Output], names: Sequence[str]) -> pl.DataFrame:
    return pl.concat([empty(LABELS), *(inputs[name].frame("labels") for name in names)])


def _items(items: pl.DataFrame) -> dict[str, Any]:
    def counted(column: str) -> dict[str, int]:
        return {str(value): n for value, n in items[column].value_counts(name="n").sort(column).iter_rows()}

    return {
        "total": items.height,
        "by_split": counted("split"),
        "by_language": counted("language"),
        "by_corpus": counted("corpus"),
    }


def _funnel(name: str, output: Output) -> dict[str, Any]:
    figures = output.figures
    return {
        "node": name,
        "in": figures.get("rows", figures.get("in", 0)),
        "out": figures["items"],
        "rejects": figures["reasons"],
        "figures": figures["step"],
    }


def _distribution(items: pl.DataFrame, labels: pl.DataFrame, tasks: Mapping[str, Task]) -> list[dict[str, Any]]:
    """How often each aggregate gives each label, by split; of an open vocabulary the most frequent words only."""
    from audits.aggregate.decision import counts_as_given, most_frequent

    found = []
    for task in tasks.values():
        given = (
            labels.filter(pl.col("task") == task.name)
            .join(items.select("item_id", "split"), on="item_id")
            .select("task", "aggregate", "split", "labels")
            .explode("labels")
            .unnest("labels")
            .drop_nulls("label")
            .filter(counts_as_given(task))
        )
        counted = given.group_by("task", "aggregate", "split", "label").agg(pl.len().alias("n"))
        found.append(most_frequent(counted, task))
    every = pl.concat(found).sort("task", "aggregate", "split", "label", nulls_last=True)
    return every.to_dicts()


def _leakage(ctx: Context, items: pl.DataFrame) -> dict[str, Any]:
    from audits.leakage import leakage
    from builders.near_duplicates import pairs

    wanted = [gate.near for gate in ctx.recipe.gates if gate.metric == "leakage" and gate.near is not None]
    threshold = min([*wanted, deduplication_threshold(ctx) or NEAR])
    found = pairs(items, threshold, across="split").rename({"a": "item_a", "b": "item_b"})
    return leakage(items, found, threshold=threshold, seed=ctx.seed)
