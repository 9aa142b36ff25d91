"""Vectors from an OpenAI-compatible `/embeddings` endpoint; each is asked for once and kept."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from annotators.embedding.embedders import unit
from annotators.embedding.encoder import Vectors
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from annotators.embedding.config import ModelConfig
    from annotators.llm.wire.transport import Transport

FILE: Final = "embeddings.sqlite"
_FORMAT: Final = "dsbuild.embedding/1"


@asynccontextmanager
async def open_endpoint(config: ModelConfig, cache: Path | None) -> AsyncIterator[Endpoint]:
    """The endpoint of `config`, with its connections and its file of vectors in the folder `cache`.

    Raises:
        DsbuildError: the key is missing.
    """
    from annotators.llm.wire.transport import Transport

    assert config.base_url is not None
    transport = Transport(
        config.base_url,
        _key(config),
        model=config.model,
        concurrency=config.concurrency,
        timeout=config.timeout_s,
        key_name=config.api_key_env,
        path="embeddings",
        holds=b'"data"',
    )
    async with transport:
        yield Endpoint(config, transport, None if cache is None else cache / FILE)


class Endpoint:
    """Texts to vectors; equal texts are asked for once. A batch that the server does not take is asked for text by
    text, so that a text fails alone."""

    def __init__(self, config: ModelConfig, transport: Transport, file: Path | None) -> None:
        self._config = config
        self._transport = transport
        self._file = file
        self._identity = {"base_url": config.base_url, "model": config.model, "dimensions": config.dimensions}
        self.asked = 0

    @property
    def identity(self) -> str:
        """Where the vectors come from."""
        return json.dumps(self._identity, sort_keys=True)

    async def __call__(self, texts: Sequence[str]) -> tuple[Vectors, dict[int, str]]:
        """See `embedders.Embedder`.

        Raises:
            DsbuildError: the endpoint answers nothing, or what it answers are no vectors.
        """
        keys = {text: self._key(text) for text in dict.fromkeys(texts)}
        found = await asyncio.to_thread(self._stored, keys.values())
        missing = [text for text, key in keys.items() if key not in found]
        failed: dict[str, str] = {}
        size = self._config.batch_size
        batches = [missing[start : start + size] for start in range(0, len(missing), size)]
        # A window of batches, so that as many as may be in flight are, and no more texts are held as requests.
        for start in range(0, len(batches), 2 * self._config.concurrency):
            window = batches[start : start + 2 * self._config.concurrency]
            for answered, wrong in await asyncio.gather(*(self._batch(batch) for batch in window)):
                kept = {keys[text]: vector for text, vector in answered.items()}
                await asyncio.to_thread(self._store, kept)
                found |= kept
                failed |= wrong
        width = len(next(iter(found.values()))) if found else 0
        vectors = np.zeros((len(texts), width), dtype=np.float32)
        for place, text in enumerate(texts):
            if text not in failed:
                vectors[place] = found[keys[text]]
        return vectors, {place: failed[text] for place, text in enumerate(texts) if text in failed}

    async def _batch(self, texts: Sequence[str]) -> tuple[dict[str, Vectors], dict[str, str]]:
        """The vectors of `texts`, and why there are none of some."""
        from annotators.llm.wire.transport import RowFailed

        fields = {} if self._config.dimensions is None else {"dimensions": self._config.dimensions}
        prefixed = [self._config.prefix + text for text in texts]
        request = {"model": self._config.model, "input": prefixed, "encoding_format": "float", **fields}
        body = json.dumps(request).encode()
        self.asked += 1
        try:
            answer, _ = await self._transport.ask(lambda form: body)
        except RowFailed as error:
            if len(texts) == 1:
                return {}, {texts[0]: error.detail}
            parts = [await self._batch([text]) for text in texts]
            return {k: v for part, _ in parts for k, v in part.items()}, {k: v for _, p in parts for k, v in p.items()}
        return dict(zip(texts, self._read(answer, len(texts)), strict=True)), {}

    def _read(self, answer: bytes, count: int) -> Vectors:
        try:
            entries = sorted(json.loads(answer)["data"], key=lambda entry: int(entry["index"]))
            if [entry["index"] for entry in entries] != list(range(count)):
                raise ValueError(f"{len(entries)} vectors for {count} texts")
            vectors = np.array([_floats(entry["embedding"]) for entry in entries], dtype=np.float32)
            if vectors.ndim != 2 or not vectors.shape[1]:
                raise ValueError("vectors of different lengths")
        except (ValueError, LookupError, TypeError) as error:
            raise DsbuildError(
                f"What the endpoint answers are no vectors: {str(error)[:200]}.", where=self._config.base_url
            ) from error
        return unit(vectors, str(self._config.base_url))

    def _key(self, text: str) -> bytes:
        shown = json.dumps([_FORMAT, self._identity, self._config.prefix + text], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(shown.encode()).digest()

    def _stored(self, keys: Iterable[bytes]) -> dict[bytes, Vectors]:
        if self._file is None or not self._file.exists():
            return {}
        found: dict[bytes, Vectors] = {}
        with closing(_opened(self._file)) as db:
            for key in keys:
                row = db.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = np.frombuffer(row[0], dtype="<f4")
        return found

    def _store(self, vectors: Mapping[bytes, Vectors]) -> None:
        if self._file is None or not vectors:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
        with closing(_opened(self._file)) as db, db:
            db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)


def _opened(file: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(file, timeout=60)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
    except sqlite3.Error as error:
        raise DsbuildError(
            f"The file of vectors cannot be used: {error}.",
            where=str(file),
            fix="Remove it; vectors are asked for again.",
        ) from error
    return db


def _floats(given: Any) -> Any:
    """A vector as numbers; some servers send base64 whatever they are asked for."""
    return np.frombuffer(base64.b64decode(given), dtype="<f4") if isinstance(given, str) else given


def _key(config: ModelConfig) -> str | None:
    """The key from the environment; none is sent where the recipe names no variable."""
    if config.api_key_env is None:
        return None
    key = os.environ.get(config.api_key_env, "").strip()
    if not key:
        raise DsbuildError(
            f'The key for annotator "{config.name}" is missing: the environment variable {config.api_key_env} is not '
            "set.",
            where=config.base_url,
            fix=f"Set it (export {config.api_key_env}=...), or name another one in api_key_env.",
        )
    return key
