"""Corpora: raw files made into items, and the annotations they carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from dsbuild.engine.node import Context, Stage
from dsbuild.engine.nodes.schema_rules import SchemaRules
from dsbuild.engine.workspace import Output, Writer
from schemas.errors import DsbuildError
from schemas.tables import ANNOTATIONS, ITEMS, empty

if TYPE_CHECKING:
    from corpora.pull import Pulled
    from dsbuild.recipe.model import CorpusEntry
    from schemas.task import Task


@dataclass(frozen=True)
class CorpusNode:
    """One corpus. Its key holds what its files contain and what they are called, not where they lie."""

    entry: CorpusEntry
    ctx: Context
    inputs: tuple[str, ...] = ()
    stage: Stage = "corpora"
    code: tuple[str, ...] = ("corpora", "schemas", "dsbuild.engine.nodes.corpus")

    @property
    def name(self) -> str:
        return f"corpus:{self.entry.name}"

    @cached_property
    def pulled(self) -> Pulled:
        """The files, brought to hand, with their checksums."""
        from corpora.entry import resolve
        from corpora.pull import pull

        source = resolve(self.entry, self.ctx.directory)
        return pull(source, self.ctx.workspace.cache / "corpora", self.ctx.progress(self.name))

    def _people_key(self) -> str | None:
        """The fingerprint of the key that names of people are hashed with, null where none are."""
        from corpora.pseudonyms import fingerprint, people_key
        from corpora.tables import names_people

        source = self.pulled.source
        if source.reading.names == "keep" or names_people(source) is None:
            return None
        key = people_key()
        return None if key is None else fingerprint(key)

    def tasks(self, ctx: Context) -> dict[str, Task]:
        """The tasks that the labels of the corpus may be of, by the names that they call them."""
        from dsbuild.recipe.filled import tasks_for

        return tasks_for(self.entry, ctx.tasks)

    def config(self, ctx: Context) -> Any:
        source = self.pulled.source
        tasks = self.tasks(ctx)
        return {
            "name": source.name,
            "files": [[file.split, file.name, file.actual, file.use] for file in source.files],
            "reading": source.reading.model_dump(mode="json"),
            "people_key": self._people_key(),
            "columns": source.columns.model_dump(mode="json"),
            "labels": [entry.model_dump(mode="json") for entry in source.labels],
            "language": source.language,
            "modality": source.modality,
            "delimiter": source.delimiter,
            "quoted": source.quoted,
            "max_rejects": [source.max_rejects, ctx.recipe.max_rejects],
            "tasks": {
                name: tasks[name].model_dump(mode="json")
                for name in sorted({entry.task for entry in source.labels} & set(tasks))
            },
        }

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        from corpora.provenance import provenance
        from corpora.read import read_corpus

        source = self.pulled.source
        show = ctx.progress(self.name)
        out.add("items", empty(ITEMS))
        out.add("annotations", empty(ANNOTATIONS))
        out.count({"rows": 0, "items": 0, "reasons": {}, "step": dict(self.pulled.figures)})
        refused = 0
        rules = SchemaRules()
        for batch in read_corpus(source, self.tasks(ctx)):
            items, annotations, broken = rules.split(batch.items, batch.annotations)
            rejects = pl.concat([batch.rejects, broken.with_columns(pl.lit(self.name).alias("stage"))])
            out.add("items", items)
            out.add("annotations", annotations)
            out.add("rejects", rejects)
            if batch.people.height:
                out.add("people", batch.people)
                out.count({"people": batch.people.height})
            reasons = dict(rejects["reason"].value_counts().sort("reason").iter_rows())
            figures = dict(batch.figures)
            out.count(
                {
                    "rows": figures.pop("rows"),
                    "items": figures.pop("items") - (batch.items.height - items.height),
                    "reasons": reasons,
                    "step": figures,
                }
            )
            refused += rejects.height
            show(out.figures["rows"], out.figures["rows"], items=out.figures["items"])
        self._bound(refused, out.figures["rows"], ctx.recipe.max_rejects, out.figures["reasons"])
        out.add("provenance", provenance(source))

    def _bound(self, refused: int, rows: int, most: float, reasons: Mapping[str, int]) -> None:
        allowed = most * rows if isinstance(most, float) else most
        if refused > allowed:
            listed = ", ".join(
                f"{count} {reason}" for reason, count in sorted(reasons.items(), key=lambda one: -one[1])
            )
            raise DsbuildError(
                f"Corpus '{self.entry.name}' has {refused} rejects in {rows} rows, more than max_rejects allows: "
                f"{listed}.",
                fix="Mend the files, or raise max_rejects in the recipe if losing these rows is right.",
            )

    def facts(self) -> dict[str, Any]:
        """What the release says about this corpus."""
        source = self.pulled.source
        card = source.card
        facts: dict[str, Any] = {
            "name": source.name,
            "licence": source.licence,
            "citation": card.citation if card else None,
            "files": [{"name": file.name, "split": file.split, "sha256": file.actual} for file in source.files],
        }
        key = self._people_key()
        if key is not None:
            facts["people_key"] = key
        if card is not None:
            facts |= {"title": card.title, "url": card.homepage, "synthetic": card.synthetic}
            # What the card says of who judged how, and of its own limits, belongs to whoever uses the release.
            told = [f"{who}." if not who.endswith(".") else who for who in (*card.annotators, *card.notes)]
            facts["description"] = " ".join(told) or None
        return facts
