"""The translator as an annotator: items in, translations with their quality and dead letters out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from annotators.translation.backends import Backend, Failed, backend
from annotators.translation.cache import Translations
from annotators.translation.chrf import chrf
from schemas.errors import DsbuildError
from schemas.ids import annotation_id, digest, item_hash
from schemas.protocols import AnnotatorOutput, no_dead_letters
from schemas.tables import ANNOTATIONS, PROVENANCE, conform, polars_schema

if TYPE_CHECKING:
    from annotators.translation.config import TranslatorConfig
    from schemas.config import AnnotatorEnv
    from schemas.protocols import Progress
    from schemas.task import Task

CODE = "annotators.translation/1"
TASK = "translation"  # the by-product's name where no task of the recipe is answered
FILE = "translations.sqlite"
LONGEST_WAIT = 30.0  # seconds between two attempts
FAILED_IN_A_ROW = 5  # requests that failed for good, with none between them that did not, before the run stops


@asynccontextmanager
async def opened(config: TranslatorConfig, env: AnnotatorEnv) -> AsyncIterator[Translator]:
    """The translator that `config` describes, its connection and its cache open."""
    async with AsyncExitStack() as stack:
        known = stack.enter_context(Translations(env.store.with_name(FILE), config.identity))
        there = await stack.enter_async_context(backend(config))
        yield Translator(config, there, known, env.progress)


class Translator:
    """An annotator (see schemas.protocols) that translates; `opened` makes one."""

    kind = "model"

    def __init__(
        self, config: TranslatorConfig, there: Backend, known: Translations, progress: Progress | None = None
    ) -> None:
        self.name = config.name
        self.config = config
        self._there = there
        self._known = known
        self._progress = progress
        self._random = random.Random(0)  # for the jitter alone
        self._failed_in_a_row = 0

    async def annotate(self, items: pl.DataFrame, tasks: Sequence[Task]) -> AnnotatorOutput:
        """Translate `items` (ITEMS); the confidence of an annotation is chrF of its back-translation, 0 to 1.

        Equal texts in one language are translated once, and nothing that the cache has. Items without text, and
        those the backend fails at, are dead letters.

        Raises:
            DsbuildError: nothing is translated (server, key), the cache cannot be used, or the share of dead letters
                is above `max_failed`.
        """
        rows = [
            (item, language, text, item_hash(text, context, media))
            for item, language, text, context, media in items.select(
                "item_id", "language", "text", "context", "media"
            ).iter_rows()
        ]
        wanted = {(language, text) for _, language, text, _ in rows if text and text.strip()}
        there, failures = await self._all(wanted)
        quality: dict[tuple[str | None, str], float | None] = {}
        if self.config.back:
            quality, lost = await self._back(there)
        else:
            lost = 0
        return self._output(rows, tasks, there, failures, quality, lost)

    async def _back(
        self, there: dict[tuple[str | None, str], str]
    ) -> tuple[dict[tuple[str | None, str], float | None], int]:
        """How near each text is to the back-translation of its translation; and how many could not be told."""
        pairs = {key: (key[0], said) for key, said in there.items() if key[0] is not None and not self._same(key[0])}
        back, _ = await self._all({(language, said) for language, said in pairs.values() if said.strip()}, back=True)
        quality = {key: chrf(back[pair], key[1]) if pair in back else None for key, pair in pairs.items()}
        return quality, sum(value is None for value in quality.values())

    async def _all(
        self, wanted: Iterable[tuple[str | None, str]], *, back: bool = False
    ) -> tuple[dict[tuple[str | None, str], str], dict[tuple[str | None, str], str]]:
        """{(language, text): translation} and {(language, text): why there is none}."""
        found: dict[tuple[str | None, str], str] = {}
        failures: dict[tuple[str | None, str], str] = {}
        by_language: dict[str | None, list[str]] = {}
        for language, text in wanted:
            by_language.setdefault(language, []).append(text)
        jobs: list[tuple[str | None, list[str]]] = []
        for language in sorted(by_language, key=lambda name: name or ""):
            texts = sorted(by_language[language])
            if self._same(language):
                found |= {(language, text): text for text in texts}
                continue
            source, target = (self.config.to, language or "") if back else (language, self.config.to)
            stored = self._known.find(texts, source, target)
            found |= {(language, text): said for text, said in stored.items()}
            size = self.config.batch if self._there.several else 1
            left = [text for text in texts if text not in stored]
            jobs += [(language, left[start : start + size]) for start in range(0, len(left), size)]
        total = sum(len(texts) for _, texts in jobs)
        done = 0

        async def work() -> None:
            nonlocal done
            while jobs:
                language, texts = jobs.pop()
                source, target = (self.config.to, language or "") if back else (language, self.config.to)
                made, wrong = await self._some(texts, source, target)
                self._known.add(made, source, target)
                found.update({(language, text): said for text, said in made.items()})
                failures.update({(language, text): why for text, why in wrong.items()})
                done += len(texts)
                if self._progress is not None:
                    self._progress(done, total, failed=len(failures))

        workers = [asyncio.create_task(work()) for _ in range(min(self.config.concurrency, len(jobs)))]
        try:
            await asyncio.gather(*workers)  # the first error is the run's
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return found, failures

    async def _some(self, texts: list[str], source: str | None, target: str) -> tuple[dict[str, str], dict[str, str]]:
        """{text: translation} and {text: why not} of the texts of one request; one bad text fails alone."""
        try:
            said = await self._patiently(texts, source, target)
        except Failed as error:
            if len(texts) == 1:
                return {}, {texts[0]: error.detail}
            made: dict[str, str] = {}
            wrong: dict[str, str] = {}
            for text in texts:
                ok, bad = await self._some([text], source, target)
                made |= ok
                wrong |= bad
            return made, wrong
        return dict(zip(texts, said, strict=True)), {}

    async def _patiently(self, texts: list[str], source: str | None, target: str) -> list[str]:
        for attempt in range(1, self.config.max_attempts + 1):
            try:
                said = await self._there.translate(texts, source, target)
            except Failed as error:
                if not error.again or attempt == self.config.max_attempts:
                    self._stop_if_nothing_works(error)
                    raise
                wait = max(
                    error.wait, min(LONGEST_WAIT, 0.5 * 2 ** (attempt - 1)) * (0.5 + 0.5 * self._random.random())
                )
                await asyncio.sleep(wait)
            else:
                self._failed_in_a_row = 0
                return said
        raise AssertionError("an attempt either returns or raises")

    def _stop_if_nothing_works(self, error: Failed) -> None:
        if not error.again:
            return
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= FAILED_IN_A_ROW:
            raise DsbuildError(
                f'Translator "{self.name}": {self._failed_in_a_row} requests in a row failed. The last: {error.detail}',
                where=self.config.base_url or self.config.backend,
                fix="Check that the server runs, then run again; what was translated is kept.",
            )

    def _same(self, language: str | None) -> bool:
        return language is not None and language.partition("-")[0] == self.config.to.partition("-")[0]

    def _output(
        self,
        rows: list[tuple[str, str | None, str | None, str]],
        tasks: Sequence[Task],
        there: dict[tuple[str | None, str], str],
        failures: dict[tuple[str | None, str], str],
        quality: dict[tuple[str | None, str], float | None],
        lost: int,
    ) -> AnnotatorOutput:
        task = tasks[0].name if tasks else TASK
        provenance = self._provenance()
        annotations: list[dict[str, Any]] = []
        letters: list[dict[str, Any]] = []
        for item, language, text, shown in rows:
            key = (language, text or "")
            if key in there:
                annotations.append(
                    {
                        "annotation_id": annotation_id(item, task, self.name),
                        "item_id": item,
                        "item_hash": shown,
                        "task": task,
                        "perspective": tasks[0].perspective if tasks else None,
                        "annotator": self.name,
                        "annotator_kind": self.kind,
                        "sample": 0,
                        "round": "first",
                        "shown": "text",
                        "text": there[key],
                        "confidence": quality.get(key),
                        "skipped": False,
                        "provenance": provenance["provenance"],
                    }
                )
            else:
                empty = not (text or "").strip()
                letters.append(
                    {
                        "item_id": item,
                        "task": task,
                        "annotator": self.name,
                        "reason": "no_text" if empty else "http",
                        "detail": "the item has no text" if empty else failures[key],
                        "raw": None,
                    }
                )
        failed = sum(letter["reason"] == "http" for letter in letters)
        if failed > self.config.max_failed * len(rows):
            first = next(letter for letter in letters if letter["reason"] == "http")
            raise DsbuildError(
                f'Translator "{self.name}" failed at {failed} of {len(rows)} items.',
                where=f"item {first['item_id']}",
                fix=f"There: {first['detail']}. max_failed allows a share of {self.config.max_failed:g}.",
            )
        told = [value for value in quality.values() if value is not None]
        return AnnotatorOutput(
            annotations=_frame(annotations),
            dead_letters=pl.DataFrame(letters, schema=no_dead_letters().schema),
            provenance=conform(pl.DataFrame([provenance]), PROVENANCE),
            figures={
                "translated": len(annotations),
                "same_language": sum(self._same(language) for language, _ in there),
                "back_translated": len(told),
                "back_failed": lost,
                # A sum, since figures of batches are added up: divided by back_translated it is the mean chrF.
                "back_chrf_sum": round(sum(told), 6),
            },
        )

    def _provenance(self) -> dict[str, Any]:
        rest = {
            "annotator": self.name,
            "kind": self.kind,
            "model": self.config.backend,
            "identity": digest(self.config.identity)[:16] + " " + (self.config.base_url or self.config.backend),
            "params": f'{{"back": {str(self.config.back).lower()}, "to": "{self.config.to}"}}',
            "prompt": "",
            "prompt_hash": digest(""),
            "strategy": "translation",
            "code": CODE,
        }
        return {"provenance": digest(rest)[:16], **rest}


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    columns = {name: [row.get(name) for row in rows] for name in ANNOTATIONS.names}
    return conform(pl.DataFrame(columns, schema=polars_schema(ANNOTATIONS)), ANNOTATIONS)
