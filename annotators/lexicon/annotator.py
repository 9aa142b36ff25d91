"""An annotator that knows a few hundred words and nothing else.

It is the third opinion of the quick start: different in kind from models, right where somebody names the feeling, and
silent elsewhere. It does not understand negation ("not happy" counts as joy), irony, or who feels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Literal

import polars as pl

from annotators.lexicon.words import count_words, lexicon_labels, lexicons
from schemas.config import AnnotatorConfig, AnnotatorEnv
from schemas.errors import DsbuildError
from schemas.ids import annotation_id, digest, item_hash
from schemas.protocols import Annotator, AnnotatorOutput, no_dead_letters
from schemas.tables import ANNOTATIONS, PROVENANCE, conform, empty, polars_schema
from schemas.task import Task

_CODE = "annotators.lexicon/1"


class LexiconConfig(AnnotatorConfig):
    """An entry of the recipe's `annotate` for the lexicon.

    `without_words` is what a text without any emotion word gets: "pass" (default) answers nothing, since a missing
    word is no evidence; "exclusive" gives the taxonomy's label for that (neutral); "none" says none of the labels.
    """

    kind: Literal["lexicon"] = "lexicon"
    without_words: Literal["pass", "exclusive", "none"] = "pass"

    def cannot(self, task: Task) -> str | None:
        """It gives labels of a closed set and nothing else."""
        if task.kind in ("choice", "multi"):
            return None
        return f"a lexicon gives labels, so it answers tasks of the kinds choice and multi; {task.name} is {task.kind}"

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator; there is nothing to start or stop."""
        return nullcontext(LexiconAnnotator(self))


class LexiconAnnotator:
    """Answers a task with the labels whose words a text holds.

    A multi task gets every such label, a choice task the one with most words (the earlier in the taxonomy when equal).
    The confidence is the best label's share of the emotion words found; labels have no scores, which would make a soft
    label of them (`schemas.task`), and a word that is missing is no probability. Labels of
    the lexicon reach a task's taxonomy by its ids and aliases; `original` keeps the lexicon's own name.
    """

    kind = "lexicon"

    def __init__(self, config: LexiconConfig) -> None:
        self.config = config
        self.name = config.name

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """Annotate `items` (ITEMS). Items without text or in a language without a lexicon become dead letters.

        Raises:
            DsbuildError: a task has no labels the lexicon has words for, or lacks the exclusive label asked for.
        """
        crosswalks = {task.name: self._crosswalk(task) for task in tasks}
        provenance = self._provenance()
        counts = count_words(items)
        known = counts[lexicon_labels()[0]].is_not_null()
        judged = items.with_columns(counts).filter(known)
        left = items.filter(~known)
        made = [self._answers(judged, task, crosswalks[task.name], provenance["provenance"][0]) for task in tasks]
        dead = [self._dead(left, task) for task in tasks]
        annotations = pl.concat(made) if made else empty(ANNOTATIONS)
        return AnnotatorOutput(
            annotations=annotations,
            dead_letters=pl.concat(dead) if dead else no_dead_letters(),
            provenance=provenance,
            figures={
                "asked": items.height * len(tasks),
                "answered": int(annotations["labels"].is_not_null().sum()),
                "passed": int(annotations["skipped"].sum()),
            },
        )

    def _crosswalk(self, task: Task) -> dict[str, list[str]]:
        """{label of the task: the lexicon's labels that stand for it}, in the taxonomy's order."""
        found: dict[str, list[str]] = {}
        if task.taxonomy is not None:
            resolved = {label: task.taxonomy.resolve(label) for label in lexicon_labels()}
            found = {i: [own for own, given in resolved.items() if given == i] for i in task.label_ids}
            found = {i: own for i, own in found.items() if own}
        if not found:
            raise DsbuildError(
                f'The lexicon "{self.name}" has no words for the labels of the task "{task.name}".',
                fix=f"Leave the task out of its `tasks`; the lexicon has words for {', '.join(lexicon_labels())}.",
            )
        if self.config.without_words == "exclusive" and not task.exclusive:
            raise DsbuildError(
                f'The task "{task.name}" has no exclusive label to give to texts without emotion words.',
                where=f"annotate.{self.name}.without_words",
                fix='Use "pass" or "none".',
            )
        return found

    def _answers(
        self, judged: pl.DataFrame, task: Task, crosswalk: dict[str, list[str]], provenance: str
    ) -> pl.DataFrame:
        """One ANNOTATIONS row for each of `judged` (ITEMS and a count for each label of the lexicon)."""
        hits = {label: pl.sum_horizontal(own) for label, own in crosswalk.items()}
        total = pl.sum_horizontal(list(hits.values()))
        best = pl.max_horizontal(list(hits.values()))
        structs = []
        for label, count in hits.items():
            # Where several of the lexicon's labels stand for one (anger and disgust), the one that was found is kept.
            original = pl.coalesce(*(pl.when(pl.col(own) > 0).then(pl.lit(own)) for own in crosswalk[label]))
            score = pl.lit(None, dtype=pl.Float64).alias("score")
            one = pl.struct(pl.lit(label).alias("label"), score, original.alias("original"))
            structs.append(pl.when(count > 0 if task.kind == "multi" else count == best).then(one))
        given = pl.concat_list(structs).list.drop_nulls()
        if task.kind == "choice":
            given = given.list.head(1)
        labels_type = polars_schema(ANNOTATIONS)["labels"]
        none = pl.lit([], dtype=labels_type)
        if self.config.without_words == "exclusive":
            none = pl.lit([{"label": task.exclusive[0], "score": None, "original": None}], dtype=labels_type)
        elif self.config.without_words == "pass":
            none = pl.lit(None, dtype=labels_type)
        found = judged.with_columns(
            pl.when(total > 0).then(given.cast(labels_type)).otherwise(none).alias("labels"),
            pl.when(total > 0).then(best / total).alias("confidence"),
        )
        rows = found.select("item_id", "text", "context", "media").iter_rows()
        hashes = [(annotation_id(item, task.name, self.name), item_hash(*shown)) for item, *shown in rows]
        return conform(
            found.select(
                pl.Series("annotation_id", [key for key, _ in hashes], dtype=pl.String),
                "item_id",
                pl.Series("item_hash", [shown for _, shown in hashes], dtype=pl.String),
                pl.lit(task.name).alias("task"),
                pl.lit(task.perspective).alias("perspective"),
                pl.lit(self.name).alias("annotator"),
                pl.lit(self.kind).alias("annotator_kind"),
                pl.lit(0).alias("sample"),
                pl.lit("first").alias("round"),
                pl.lit("text").alias("shown"),
                "labels",
                "confidence",
                pl.col("labels").is_null().alias("skipped"),
                pl.lit(provenance).alias("provenance"),
            ),
            ANNOTATIONS,
        )

    def _dead(self, left: pl.DataFrame, task: Task) -> pl.DataFrame:
        no_text = pl.col("text").is_null()
        return left.select(
            "item_id",
            pl.lit(task.name).alias("task"),
            pl.lit(self.name).alias("annotator"),
            pl.when(no_text).then(pl.lit("no_text")).otherwise(pl.lit("language")).alias("reason"),
            pl.when(no_text)
            .then(pl.lit("the item has no text"))
            .otherwise(pl.format("no lexicon for the language {}", pl.col("language").fill_null("unknown")))
            .alias("detail"),
            pl.lit(None, dtype=pl.String).alias("raw"),
        )

    def _provenance(self) -> pl.DataFrame:
        rest = {
            "annotator": self.name,
            "kind": self.kind,
            "model": "lexicon",
            "identity": f"words sha256:{digest(lexicons())}",
            "params": json.dumps({"without_words": self.config.without_words}),
            "prompt": None,
            "prompt_hash": None,
            "strategy": "words",
            "code": _CODE,
        }
        return conform(pl.DataFrame([{"provenance": digest(rest)[:16], **rest}]), PROVENANCE)
