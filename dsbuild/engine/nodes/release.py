"""The release: written only if every gate is passed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

import dsbuild
from dsbuild.engine.code import code_hash
from dsbuild.engine.node import Context, Stage
from dsbuild.engine.nodes.corpus import CorpusNode
from dsbuild.engine.workspace import Output, Writer
from schemas.errors import GateFailed
from schemas.tables import ANNOTATIONS, LABELS, PEOPLE, PROVENANCE, REJECTS, empty

_ROOMS = ("schemas", "corpora", "builders", "annotators", "audits", "dsbuild")


@dataclass(frozen=True)
class ReleaseNode:
    """The folder of a release; what is kept in the workspace is where it is and what it holds."""

    corpora: tuple[CorpusNode, ...]
    makers: tuple[str, ...]  # the nodes whose annotations are released
    aggregates: tuple[str, ...]
    inputs: tuple[str, ...]
    name: str = "release"
    stage: Stage = "release"
    code: tuple[str, ...] = ("dsbuild.release", "schemas", "dsbuild.engine.nodes.release")

    def config(self, ctx: Context) -> Any:
        return {"recipe": recipe_text(ctx), "sample": ctx.sample, "dsbuild": dsbuild.__version__}

    def stands(self, ctx: Context, output: Output) -> bool:
        """Whether the release is still where it was written, untouched as far as its manifest goes."""
        from dsbuild.release.manifest import NAME

        summary = output.figures["release"]
        manifest = self._folder(ctx) / str(summary["version"]) / NAME
        if not manifest.is_file():
            return False
        try:
            return bool(json.loads(manifest.read_text(encoding="utf-8"))["content_hash"] == summary["content_hash"])
        except (ValueError, KeyError, TypeError):
            return False  # writing it again verifies what stands there, and says what is wrong with it

    def _folder(self, ctx: Context) -> Path:
        return ctx.releases / ctx.recipe.dataset

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        from dsbuild.release.contents import SAMPLE, Contents
        from dsbuild.release.write import write_release

        audit = inputs["audit"]
        metrics = json.loads((audit.folder / "metrics.json").read_text(encoding="utf-8"))
        _gates(metrics, audit.folder / "report.html")
        recipe = ctx.recipe
        items = inputs["items"].frame("items")
        provenance = _all(inputs, self.makers, "provenance", empty(PROVENANCE))
        names = tuple(node.name for node in self.corpora)
        contents = Contents(
            dataset=recipe.dataset,
            title=recipe.title or recipe.dataset,
            licence=recipe.release.licence or recipe.licence or "unknown",
            languages=sorted(items["language"].drop_nulls().unique().to_list()),
            tasks=list(ctx.tasks.values()),
            items=items,
            annotations=_all(inputs, self.makers, "annotations", empty(ANNOTATIONS)),
            labels=_all(inputs, self.aggregates, "labels", empty(LABELS)),
            provenance=provenance.unique(maintain_order=True),
            people=_all(inputs, names, "people", empty(PEOPLE)) if recipe.release.people else None,
            rejects=_all(inputs, self.inputs, "rejects", empty(REJECTS)),
            metrics=metrics,
            report_html=(audit.folder / "report.html").read_text(encoding="utf-8"),
            recipe_text=recipe_text(ctx),
            corpora=[node.facts() for node in self.corpora],
            models=_models(provenance),
            data_order={task: list(names) for task, names in recipe.data.items()},
            code=f"dsbuild {dsbuild.__version__} ({code_hash(*_ROOMS)[:16]})",
            version=SAMPLE if ctx.sample is not None else recipe.release.version,
            repo=recipe.release.repo,
        )
        release = write_release(contents, ctx.releases)
        out.count(
            {
                "release": {
                    "version": release.version,
                    "content_hash": release.content_hash,
                    "created": release.created,
                }
            }
        )


def recipe_text(ctx: Context) -> str:
    """The recipe with every default written out and without places, as YAML."""
    from dsbuild.recipe import dump

    return yaml.safe_dump(dump(ctx.recipe, ctx.directory), allow_unicode=True, sort_keys=False, width=120)


def _all(inputs: Mapping[str, Output], names: tuple[str, ...], table: str, nothing: pl.DataFrame) -> pl.DataFrame:
    frames = [frame for name in names if (frame := inputs[name].frame(table)).width]
    return pl.concat([nothing, *frames])


def _models(provenance: pl.DataFrame) -> list[dict[str, str]]:
    """What identifies each model that was asked, with the parameters it was asked with."""
    asked = provenance.filter(pl.col("model").is_not_null())
    return (
        asked.select("annotator", "kind", "model", "identity", "params").unique().sort("annotator", "params").to_dicts()
    )


def _gates(metrics: Mapping[str, Any], report: Path) -> None:
    failed = [gate for gate in metrics["gates"] if not gate["passed"]]
    if failed:
        told = "; ".join(
            f"{gate['metric']}{' of ' + gate['task'] if gate.get('task') else ''} is "
            f"{'undefined' if gate['seen'] is None else format(gate['seen'], '.4g')}, wanted {gate['wanted']}"
            for gate in failed
        )
        advice = " ".join(dict.fromkeys(gate["fix"] for gate in failed if gate["fix"]))
        raise GateFailed(f"No release: {told}.", where=f"report {report}", fix=advice)
