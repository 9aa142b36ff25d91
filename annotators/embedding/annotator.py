"""An embedding model as an annotator: zero-shot, by the nearness of a text to descriptions of the labels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from numpy.typing import NDArray

from annotators.embedding.config import ModelConfig
from annotators.embedding.embedders import Embedder, embedder
from annotators.embedding.encoder import Vectors
from annotators.embedding.prototypes import Prototypes, decide, prototypes, shares
from annotators.labelled import soft_labels
from annotators.occlusion import cause_words, top_labels
from annotators.rows import LABELS, Hand, no_text, with_hashes
from schemas.errors import DsbuildError
from schemas.ids import digest
from schemas.protocols import AnnotatorOutput, Progress
from schemas.task import Task

_CODE = "annotators.embedding/2"
_AT_ONCE = 256  # texts between two looks at the progress


@cache
def background() -> tuple[str, ...]:
    """The sentences whose mean score centres a label's score, in the file's order."""
    data = yaml.safe_load(Path(__file__).with_name("background.yaml").read_text(encoding="utf-8"))
    return tuple(sentence for sentences in data.values() for sentence in sentences)


class ModelAnnotator:
    """Answers a task with the labels whose descriptions a text is nearest to.

    `confidence` is the best label's share among the labels of its task (softmax); labels have no scores, which would
    make a soft label of the chosen few (`schemas.task`), unless all have one (`soft`). The model always finds a best
    label, so it never answers "none of these".
    """

    kind = "model"

    def __init__(self, config: ModelConfig, progress: Progress | None = None, embed: Embedder | None = None) -> None:
        self.config = config
        self.name = config.name
        self._progress = progress
        self._embed = embed
        self._against: dict[str, Prototypes] = {}

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """Annotate `items` (ITEMS). Items without text become dead letters, and those whose text the endpoint does not
        take.

        Raises:
            DsbuildError: an extra is missing, a task's labels have no descriptions in the language, or the endpoint
                answers nothing.
        """
        described = {task.name: self._descriptions(task) for task in tasks}
        # Without one that was opened for a run, one is opened for this call.
        context = embedder(self.config, None) if self._embed is None else nullcontext(self._embed)
        async with context as embed:
            hand = self._hand(embed.identity, described)
            judged, left = no_text(with_hashes(items))
            texts = self._shortened(judged["text"].to_list())
            cut = int((judged["text"].str.len_chars() > self.config.max_characters).sum())
            against = await self._prototypes(embed, described)
            vectors, failed = await self._encode(embed, texts)
            bad = pl.Series([place in failed for place in range(len(texts))], dtype=pl.Boolean)
            refused = judged.with_columns(
                pl.Series("_detail", [failed.get(place) for place in range(len(texts))], dtype=pl.String)
            ).filter(bad)
            judged, good = judged.filter(~bad), ~bad.to_numpy()
            vectors, texts = vectors[good], [text for text, fine in zip(texts, good, strict=True) if fine]
            made = [self._answers(judged, vectors, task, against[task.name], hand) for task in tasks]
            if tasks:
                made += await self._hints(judged, texts, vectors, tasks[0], against[tasks[0].name], hand, embed)
        letters = [
            hand.letters(left, tasks, "no_text", "the item has no text"),
            hand.letters(refused, tasks, "http", pl.col("_detail")),
        ]
        return hand.output(items.height * len(tasks), made, letters, **({"cut_texts": cut} if cut else {}))

    def _shortened(self, texts: Sequence[str]) -> list[str]:
        return [text[: self.config.max_characters] for text in texts]

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

    async def _prototypes(self, embed: Embedder, described: dict[str, dict[str, list[str]]]) -> dict[str, Prototypes]:
        """What texts are compared with, by task."""
        missing = {name: labels for name, labels in described.items() if name not in self._against}
        if missing:
            around = await self._own(embed, background()) if self.config.centred else None
            for name, labels in missing.items():
                each = [await self._own(embed, cues) for cues in labels.values()]
                self._against[name] = prototypes(each, around)
        return self._against

    async def _own(self, embed: Embedder, sentences: Sequence[str]) -> Vectors:
        """The vectors of sentences of ours, of which none may be missing."""
        vectors, failed = await embed(self._prefixed(sentences))
        if failed:
            raise DsbuildError(
                f"The embedding model does not take the descriptions of labels: {next(iter(failed.values()))}",
                where=f"annotate.{self.name}",
            )
        return vectors

    def _prefixed(self, texts: Sequence[str]) -> list[str]:
        """With the prefix, which an endpoint puts there itself: its vectors are kept by text and prefix."""
        return list(texts) if self.config.base_url is not None else [self.config.prefix + text for text in texts]

    async def _encode(self, embed: Embedder, texts: Sequence[str]) -> tuple[Vectors, dict[int, str]]:
        """(texts, dimensions) float32, and what failed by the place of its text."""
        vectors, _ = await embed([])
        parts: list[Vectors] = [vectors]
        failed: dict[int, str] = {}
        for start in range(0, len(texts), _AT_ONCE):
            some, wrong = await embed(self._prefixed(texts[start : start + _AT_ONCE]))
            parts.append(some)
            failed |= {start + place: why for place, why in wrong.items()}
            if self._progress is not None:
                self._progress(min(start + _AT_ONCE, len(texts)), len(texts))
        width = max(part.shape[1] for part in parts)
        # Where all of a batch failed nobody knows the width of a vector; its rows are not looked at.
        whole = [part if part.shape[1] == width else np.zeros((len(part), width), np.float32) for part in parts]
        return np.concatenate(whole), failed

    def _answers(
        self, judged: pl.DataFrame, vectors: Vectors, task: Task, against: Prototypes, hand: Hand
    ) -> pl.DataFrame:
        """One ANNOTATIONS row for each of `judged` (ITEMS)."""
        scores = against.scores(vectors)  # (items, labels) float64
        parts = shares(scores, self.config.temperature) if len(scores) else scores
        if self.config.soft:
            labels = soft_labels(task, parts) if len(parts) else pl.Series([], dtype=LABELS)
            return hand.answers(judged, task, labels=labels, confidence=pl.Series(parts.max(axis=1, initial=0.0)))
        alone = [task.label_ids.index(label) for label in task.exclusive]
        chosen = decide(scores, self.config.margin if task.kind == "multi" else 0.0, alone)
        given = [[{"label": task.label_ids[i], "score": None, "original": None} for i in picked] for picked in chosen]
        confidence = [float(part[picked[0]]) for picked, part in zip(chosen, parts, strict=True)]
        return hand.answers(
            judged, task, labels=pl.Series(given, dtype=LABELS), confidence=pl.Series(confidence, dtype=pl.Float64)
        )

    async def _hints(
        self,
        judged: pl.DataFrame,
        texts: Sequence[str],
        vectors: Vectors,
        task: Task,
        against: Prototypes,
        hand: Hand,
        embed: Embedder,
    ) -> list[pl.DataFrame]:
        """The by-products that the recipe asks for."""
        made: list[pl.DataFrame] = []
        if not judged.height:
            return made
        scores = against.scores(vectors)
        if self.config.top:
            made.append(hand.words(judged, "emotion_topk", top_labels(scores, task.label_ids, self.config.top)))
        if self.config.cause_words:
            best = scores.argmax(axis=1)
            loop = asyncio.get_running_loop()

            def score(some: Sequence[str]) -> NDArray[np.float64]:
                found, failed = asyncio.run_coroutine_threadsafe(self._encode(embed, some), loop).result()
                result = against.scores(found)
                # A text that the endpoint does not take says nothing against its word.
                result[list(failed)] = np.inf
                return result

            whole = scores[np.arange(len(best)), best]
            words = await asyncio.to_thread(cause_words, texts, best, whole, score, self.config.cause_words)
            made.append(hand.words(judged, "cause_words", words))
        return made

    def _hand(self, identity: str, described: dict[str, dict[str, list[str]]]) -> Hand:
        config = self.config
        params = {
            "described_in": config.described_in,
            "centred": config.centred,
            "margin": config.margin,
            "temperature": config.temperature,
            "soft": config.soft,
            "prefix": config.prefix,
            "max_characters": config.max_characters,
            "background": digest(background()) if config.centred else None,
        }
        return Hand(
            self.name,
            self.kind,
            model=config.model if config.path is None else config.path.name,
            identity=identity,
            params=params,
            # What it is asked is the labels' descriptions: they stand where an LLM has its prompt.
            prompt=json.dumps(described, ensure_ascii=False),
            strategy="descriptions",
            code=_CODE,
        )
