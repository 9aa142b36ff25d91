"""Tasks filled from the tasks of corpora: answers converted, with the originals kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from dsbuild.engine.node import Context, Stage
from dsbuild.engine.workspace import Output, Writer
from schemas.ids import digest
from schemas.tables import ANNOTATIONS, PROVENANCE, conform, empty

if TYPE_CHECKING:
    from dsbuild.recipe.filled import Filling
    from schemas.task import Task


@dataclass(frozen=True)
class ConvertNode:
    """One task, filled from what corpora came with once they are built."""

    task: str
    inputs: tuple[str, ...] = ("carried",)
    stage: Stage = "build"
    code: tuple[str, ...] = ("schemas", "dsbuild.engine.nodes.convert")

    @property
    def name(self) -> str:
        return f"convert:{self.task}"

    def fillings(self, ctx: Context) -> tuple[Filling, ...]:
        """What the task is filled from."""
        from dsbuild.recipe.filled import fillings

        return fillings(ctx.recipe, self.task)

    def config(self, ctx: Context) -> Any:
        return {
            "task": ctx.tasks[self.task].model_dump(mode="json"),
            "from": [[one.name, one.corpus, one.task.model_dump(mode="json")] for one in self.fillings(ctx)],
        }

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        from schemas.crosswalk.convert import convert

        task = ctx.tasks[self.task]
        carried = inputs["carried"].frame("annotations")
        carried = carried if carried.width else empty(ANNOTATIONS)
        origins = inputs["carried"].frame("provenance")
        out.add("annotations", empty(ANNOTATIONS))
        out.count({"in": 0, "annotations": 0, "rejected": 0, "left_out": 0, "reasons": {}, "conversions": []})
        fillings = self.fillings(ctx)
        show = ctx.progress(self.name)
        for done, one in enumerate(fillings, start=1):
            given = carried.filter(
                (pl.col("task") == one.task.name) & pl.col("annotator").str.starts_with(f"{one.corpus}:")
            )
            made = convert(given, one.task, task, stage=self.name)
            provenance = _provenance(made.annotations, origins, one, task)
            renamed = dict(provenance.select(pl.col("params").str.json_path_match("$.of"), "provenance").iter_rows())
            new = pl.col("provenance").replace_strict(renamed, default=None, return_dtype=pl.String)
            out.add("annotations", made.annotations.with_columns(new).sort("annotation_id"))
            out.add("rejects", made.rejects)
            out.add("provenance", provenance)
            figures = made.figures
            out.count(
                {
                    "in": figures["in"],
                    "annotations": figures["converted"],
                    "rejected": figures["rejected"],
                    "left_out": figures["left_out"],
                    "reasons": figures["reasons"],
                    "conversions": [{**_declared(one, task), **figures}],
                }
            )
            show(done, len(fillings))


def _declared(one: Filling, task: Task) -> dict[str, Any]:
    return {
        "task": task.name,
        "from": one.name,
        "corpus": one.corpus,
        "kinds": [one.task.kind, task.kind],
        "taxonomies": [None if each.taxonomy is None else each.taxonomy.name for each in (one.task, task)],
        "perspective": task.perspective,
    }


def _provenance(annotations: pl.DataFrame, origins: pl.DataFrame, one: Filling, task: Task) -> pl.DataFrame:
    """For every row of PROVENANCE behind `annotations` one that says what was made of it."""
    if not origins.width or annotations.is_empty():
        return empty(PROVENANCE)
    behind = origins.join(annotations.select("provenance").unique(), on="provenance", how="semi").unique("provenance")
    rows = []
    for of, annotator, kind in behind.sort("provenance").select("provenance", "annotator", "kind").iter_rows():
        params: dict[str, Any] = {"of": of, **_declared(one, task)}
        if task.range is not None:
            params["ranges"] = [one.task.range, task.range]
        rest = {
            "annotator": annotator,
            "kind": kind,
            "params": json.dumps(params, sort_keys=True, ensure_ascii=False),
            "strategy": "rescaling" if task.taxonomy is None else "crosswalk",
        }
        rows.append({"provenance": digest(rest)[:16], **rest})
    return conform(pl.DataFrame(rows, schema=dict.fromkeys(("provenance", *rest), pl.String)), PROVENANCE)
