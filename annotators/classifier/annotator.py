"""Texts through a classifier; its classes become labels of the task."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from annotators.classifier.config import ClassifierConfig
from annotators.labelled import decided, label_lists, soft_labels
from annotators.occlusion import cause_words, top_labels
from annotators.rows import Hand, no_text, with_hashes
from annotators.running import Opened, open_text_model
from schemas.errors import DsbuildError, RecipeError
from schemas.protocols import AnnotatorOutput, Progress
from schemas.task import Task

_CODE = "annotators.classifier/1"
_AT_ONCE = 512  # texts between two looks at the progress
_DIGITS = 6  # the last digits of a float32 depend on the size of the batch

Floats = NDArray[np.float64]


class ClassifierAnnotator:
    """Answers a task with the shares a classifier gives its classes.

    Several classes that are one label add up (softmax: their events exclude each other) or give it the largest of
    their shares (sigmoid). The confidence of a choice is its largest share, that of a multi the mean over the labels of
    max(share, 1 - share).
    """

    kind = "model"

    def __init__(self, config: ClassifierConfig, progress: Progress | None = None) -> None:
        self.config = config
        self.name = config.name
        self._progress = progress
        self._opened: Opened | None = None

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """Annotate `items` (ITEMS). Items without text become dead letters.

        Raises:
            RecipeError: a class of the model is no label of a task and `labels` does not say what it is.
            DsbuildError: the extra is missing, or the model cannot be loaded or run.
        """
        model = self._model()
        classes = self.config.classes or model.labels
        crosswalks = {task.name: self._crosswalk(task, classes) for task in tasks}
        judged, left = no_text(with_hashes(items))
        texts = judged["text"].to_list()
        cut = model.counted["cut"]
        shares = await self._shares(texts, model, classes)
        hand = self._hand(model, crosswalks)
        made = []
        for task in tasks:
            mine = self._on_task(shares, crosswalks[task.name], model)
            if self.config.soft:
                labels = soft_labels(task, mine)
            else:
                labels = label_lists(decided(task, mine, self.config.threshold or 0.5), task.label_ids, best_first=mine)
            sure = mine.max(axis=1, initial=0.0) if task.kind == "choice" else np.maximum(mine, 1 - mine).mean(axis=1)
            made.append(hand.answers(judged, task, labels=labels, confidence=pl.Series(np.minimum(sure, 1.0))))
        cut = model.counted["cut"] - cut
        if self.config.top:
            made.append(hand.words(judged, "emotion_topk", top_labels(shares, classes, self.config.top)))
        if self.config.cause_words and judged.height:
            best = shares.argmax(axis=1)
            words = await asyncio.to_thread(
                cause_words,
                model.shortened(texts),
                best,
                shares[np.arange(len(best)), best],
                lambda some: self._run(some, model, classes),
                self.config.cause_words,
            )
            made.append(hand.words(judged, "cause_words", words))
        letters = hand.letters(left, tasks, "no_text", "the item has no text")
        return hand.output(items.height * len(tasks), made, [letters], cut_texts=cut)

    def _model(self) -> Opened:
        if self._opened is None:
            self._opened = open_text_model(self.config.source())
        return self._opened

    async def _shares(self, texts: Sequence[str], model: Opened, classes: Sequence[str]) -> Floats:
        """(texts, classes), a few hundred texts at a time in a thread, so that the event loop stays free."""
        parts: list[Floats] = [np.zeros((0, len(classes)))]
        for start in range(0, len(texts), _AT_ONCE):
            parts.append(await asyncio.to_thread(self._run, texts[start : start + _AT_ONCE], model, classes))
            if self._progress is not None:
                self._progress(min(start + _AT_ONCE, len(texts)), len(texts))
        return np.concatenate(parts)

    def _run(self, texts: Sequence[str], model: Opened, classes: Sequence[str]) -> Floats:
        outputs = model.run(texts)
        name = self.config.output or ("logits" if "logits" in outputs else next(iter(outputs)))
        if name not in outputs:
            raise RecipeError(
                f'The model has no output "{name}".',
                where=f"annotate.{self.name}.output",
                fix=f"There is: {', '.join(outputs)}.",
            )
        logits: Floats = outputs[name]
        if logits.shape[1] != len(classes):
            raise DsbuildError(
                f'The output "{name}" of the model has {logits.shape[1]} classes, and {len(classes)} have a name.',
                where=f"annotate.{self.name}",
                fix="Name them in their order: classes: [...].",
            )
        activation = self._activation(model)
        if activation == "softmax":
            powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
            logits = np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)
        elif activation == "sigmoid":
            logits = np.asarray(1 / (1 + np.exp(-np.clip(logits, -500, 500))), dtype=np.float64)
        elif logits.size and not (np.isfinite(logits).all() and logits.min() >= -1e-3 and logits.max() <= 1 + 1e-3):
            raise RecipeError(
                f"The outputs of the model are no shares: they go from {logits.min():.3g} to {logits.max():.3g}.",
                where=f"annotate.{self.name}.activation",
                fix="Use softmax or sigmoid.",
            )
        if not np.isfinite(logits).all():
            raise DsbuildError("The model gives numbers that are not finite.", where=model.identity)
        result: Floats = np.asarray(np.round(np.clip(logits, 0.0, 1.0), _DIGITS), dtype=np.float64)
        return result

    def _activation(self, model: Opened) -> str:
        return self.config.activation or ("sigmoid" if model.multi else "softmax")

    def _crosswalk(self, task: Task, classes: Sequence[str]) -> dict[str, list[int]]:
        """{label of the task: the places of the classes that are it}, in the taxonomy's order."""
        where = f"annotate.{self.name}.labels"
        if not classes:
            raise RecipeError(
                "The model does not name its classes.",
                where=f"annotate.{self.name}.classes",
                fix="Name them in their order: classes: [...].",
            )
        unknown = [name for name in self.config.labels if name not in classes]
        if unknown:
            raise RecipeError(
                f'The model has no class "{unknown[0]}".', where=where, fix=f"It has: {', '.join(classes)}."
            )
        assert task.taxonomy is not None
        found: dict[str, list[int]] = {label: [] for label in task.label_ids}
        unmapped = []
        for place, name in enumerate(classes):
            given = self.config.labels.get(name, name)
            if given is None:
                continue
            label = task.taxonomy.resolve(given)
            if label is None:
                unmapped.append(name)
            else:
                found[label].append(place)
        if unmapped:
            raise RecipeError(
                f'Classes of the model are no labels of "{task.taxonomy.name}": {", ".join(unmapped)}.',
                where=where,
                fix=f"Say which labels they are, null for none: labels: {{{unmapped[0]}: null}}. "
                f"Labels: {', '.join(task.label_ids)}.",
            )
        if not any(found.values()):
            raise RecipeError(f'No class of the model is a label of the task "{task.name}".', where=where)
        return found

    def _on_task(self, shares: Floats, crosswalk: dict[str, list[int]], model: Opened) -> Floats:
        """(texts, labels of the task)."""
        join = np.sum if self._activation(model) == "softmax" else np.max
        columns = [
            join(shares[:, places], axis=1) if places else np.zeros(len(shares)) for places in crosswalk.values()
        ]
        return np.stack(columns, axis=1)

    def _hand(self, model: Opened, crosswalks: dict[str, dict[str, list[int]]]) -> Hand:
        config = self.config
        classes = config.classes or model.labels
        named = {
            task: {label: [classes[place] for place in places] for label, places in crosswalk.items() if places}
            for task, crosswalk in crosswalks.items()
        }
        return Hand(
            self.name,
            self.kind,
            model=config.source().name,
            identity=model.identity,
            params={
                "activation": self._activation(model),
                "soft": config.soft,
                "threshold": None if config.soft else config.threshold or 0.5,
                "max_tokens": model.tokens,
                "labels": named,
            },
            strategy="classifier",
            code=_CODE,
        )
