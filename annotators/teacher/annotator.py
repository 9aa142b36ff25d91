"""Texts or sounds through a model of numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from annotators.media import Unusable, find, read
from annotators.rows import Hand, no_text, on_scale, with_hashes
from annotators.running import Output, open_text_model
from annotators.running.sound_model import open_sound_model
from annotators.sound import decode
from annotators.teacher.config import TeacherConfig
from schemas.errors import DsbuildError, RecipeError
from schemas.protocols import AnnotatorOutput, Progress
from schemas.task import Task

_CODE = "annotators.teacher/1"
_TEXTS_AT_ONCE = 512
Floats = NDArray[np.float64]


class TeacherAnnotator:
    """Answers scale tasks with the numbers of a model. `folder(corpus)` is where the files of a corpus lie."""

    kind = "model"

    def __init__(self, config: TeacherConfig, folder: Callable[[str], Path], progress: Progress | None = None) -> None:
        self.config = config
        self.name = config.name
        self._folder = folder
        self._progress = progress
        self._run: Callable[[Sequence[Any]], Output] | None = None
        self._identity = ""

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """Annotate `items` (ITEMS). Items without text, or whose sound is missing, too large, outside of the corpus or
        no sound, become dead letters with the reason.

        Raises:
            RecipeError: the model has no such output.
            DsbuildError: the extra is missing, or the model cannot be loaded or run.
        """
        items = with_hashes(items)
        run = self._model()
        hand = self._hand()
        letters: list[pl.DataFrame] = []
        if self.config.input == "text":
            judged, left = no_text(items)
            letters.append(hand.letters(left, tasks, "no_text", "the item has no text"))
            outputs = await self._batches(judged["text"].to_list(), _TEXTS_AT_ONCE, run)
        else:
            judged, outputs, dead = await self._sounds(items, tasks, run, hand)
            letters.append(dead)
        made = [self._answers(judged, task, outputs, hand) for task in tasks]
        return hand.output(items.height * len(tasks), made, letters)

    async def _batches(self, inputs: Sequence[Any], size: int, run: Callable[[Sequence[Any]], Output]) -> Output:
        parts: list[Output] = [await asyncio.to_thread(run, inputs[:0])] if not inputs else []
        for start in range(0, len(inputs), size):
            parts.append(await asyncio.to_thread(run, inputs[start : start + size]))
            if self._progress is not None:
                self._progress(min(start + size, len(inputs)), len(inputs))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    async def _sounds(
        self, items: pl.DataFrame, tasks: Sequence[Task], run: Callable[[Sequence[Any]], Output], hand: Hand
    ) -> tuple[pl.DataFrame, Output, pl.DataFrame]:
        """The items whose sound can be read, the outputs, and dead letters for the others. At most a batch of sounds
        is held at a time."""
        faults: list[Unusable | None] = []
        parts: list[Output] = []
        waiting: list[NDArray[np.float32]] = []

        async def flush() -> None:
            if waiting:
                parts.append(await asyncio.to_thread(run, list(waiting)))
                waiting.clear()

        for corpus, media in items.select("corpus", "media").iter_rows():
            try:
                waiting.append(await asyncio.to_thread(self._sound, corpus, media or ()))
                faults.append(None)
            except Unusable as fault:
                faults.append(fault)
            if len(waiting) == self.config.batch_size:
                await flush()
                if self._progress is not None:
                    self._progress(len(faults), items.height)
        await flush()
        if not parts:
            parts.append(run([]))
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        bad = pl.Series([fault is not None for fault in faults], dtype=pl.Boolean)
        told = items.with_columns(
            pl.Series("_reason", [None if fault is None else fault.reason for fault in faults], dtype=pl.String),
            pl.Series("_detail", [None if fault is None else fault.detail for fault in faults], dtype=pl.String),
        ).filter(bad)
        return items.filter(~bad), outputs, hand.letters(told, tasks, pl.col("_reason"), pl.col("_detail"))

    def _sound(self, corpus: str, media: Sequence[Mapping[str, Any]]) -> NDArray[np.float32]:
        medium = next((one for one in media if one["role"] == "audio"), None)
        if medium is None:
            raise Unusable("no_media", "the item has no media of the role audio")
        most = int(self.config.max_mb * 1e6)
        folder = self.config.media_folder or self._folder(corpus)
        data = read(find(medium, folder, most), most)
        sound = decode(data, self.config.sample_rate, medium["start_s"], medium["end_s"], self.config.seconds)
        if self.config.normalise:
            # As transformers' Wav2Vec2FeatureExtractor with do_normalize.
            sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
        return sound.astype(np.float32)

    def _answers(self, judged: pl.DataFrame, task: Task, outputs: Output, hand: Hand) -> pl.DataFrame:
        low, high = self.config.range
        values = _activated(self._number(task, outputs), self.config.activation)
        if not np.isfinite(values).all():
            raise DsbuildError("The model gives numbers that are not finite.", where=self._identity)
        frame = judged.with_columns(pl.Series("_value", np.round(values, 6)))
        shown = "text" if self.config.input == "text" else "audio"
        return hand.answers(frame, task, shown, value=on_scale(task, pl.col("_value"), low, high))

    def _number(self, task: Task, outputs: Output) -> Floats:
        """(items,) the number of `task` as the model gives it."""
        place = self.config.place(task)
        name = place.output or ("logits" if "logits" in outputs else next(iter(outputs)))
        where = f"annotate.{self.name}.outputs.{task.name}"
        if name not in outputs:
            raise RecipeError(f'The model has no output "{name}".', where=where, fix=f"There is: {', '.join(outputs)}.")
        found = outputs[name]
        if not len(found):
            return np.zeros(0)
        if place.index >= found.shape[1]:
            raise RecipeError(
                f'The output "{name}" has {found.shape[1]} numbers, counted from 0, so there is none at {place.index}.',
                where=where,
            )
        column: Floats = found[:, place.index]
        return column

    def _model(self) -> Callable[[Sequence[Any]], Output]:
        if self._run is None:
            source = self.config.source()
            if self.config.input == "text":
                opened = open_text_model(source)
                self._run, self._identity = opened.run, opened.identity
            else:
                self._run, self._identity = open_sound_model(source, self.config.sample_rate), source.identity()
        return self._run

    def _hand(self) -> Hand:
        config = self.config
        included = {"outputs", "range", "activation", "input", "max_tokens"}
        if config.input == "audio":
            included |= {"sample_rate", "seconds", "normalise"}
        return Hand(
            self.name,
            self.kind,
            model=config.source().name,
            identity=self._identity,
            params=config.model_dump(mode="json", include=included),
            strategy="teacher",
            code=_CODE,
        )


def _activated(values: Floats, activation: str) -> Floats:
    if activation == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -500, 500))))
    return np.tanh(values) if activation == "tanh" else values
