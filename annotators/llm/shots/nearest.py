"""Vectors of texts for finding near examples: computed in batches, and kept by what they are of."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from annotators.llm.shots.choice import Shots

Vectors = NDArray[np.float32]

BATCH: Final = 64
ATTEMPTS: Final = 4
TIMEOUT_SECONDS: Final = 120


class Embedder:
    """Texts to unit vectors, each computed once: they stay in an SQLite file at `cache` by model and text.

    A vector depends on its text alone. Without `cache` nothing outlives the object.
    """

    def __init__(self, shots: Shots, cache: Path | None) -> None:
        self._shots = shots
        self._cache = cache
        self._kept: dict[str, Vectors] = {}
        self._model: Callable[[Sequence[str]], Vectors] | None = None

    async def __call__(self, texts: Sequence[str]) -> Vectors:
        """(texts, dimensions) float32, every row of length 1.

        Raises:
            DsbuildError: the bundled model is not installed, or the endpoint gives no vectors.
        """
        wanted = [text for text in dict.fromkeys(texts) if text not in self._kept]
        if wanted:
            await asyncio.to_thread(self._compute, wanted)
        vectors = np.stack([self._kept[text] for text in texts]) if texts else np.zeros((0, 1), np.float32)
        return np.asarray(vectors, dtype=np.float32)

    def forget(self) -> None:
        """Give back the memory of texts that do not come again; the file has them."""
        self._kept.clear()

    def _compute(self, texts: Sequence[str]) -> None:
        name = self._name()
        keys = {text: hashlib.sha256(f"{name}\n{text}".encode("utf-8", "surrogatepass")).digest() for text in texts}
        if self._cache is None:
            self._ask(list(keys), keys, None)
            return
        self._cache.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(sqlite3.connect(self._cache, timeout=60)) as db:
                db.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
                for text, key in keys.items():
                    row = db.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
                    if row is not None:
                        self._kept[text] = np.frombuffer(row[0], dtype="<f4")
                self._ask([text for text in keys if text not in self._kept], keys, db)
        except sqlite3.Error as error:
            raise DsbuildError(
                f"The cache of vectors cannot be used: {error}.", where=str(self._cache), fix="Remove the file."
            ) from error

    def _ask(self, texts: Sequence[str], keys: dict[str, bytes], db: sqlite3.Connection | None) -> None:
        for start in range(0, len(texts), BATCH):
            some = texts[start : start + BATCH]
            vectors = self._encode(some)
            self._kept.update(zip(some, vectors, strict=True))
            if db is not None:
                rows = [
                    (keys[text], vector.astype("<f4").tobytes()) for text, vector in zip(some, vectors, strict=True)
                ]
                db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
                db.commit()

    def _name(self) -> str:
        if self._shots.base_url is not None:
            return named_model(self._shots)
        from annotators.embedding.encoder import encoder

        return encoder(1).identity

    def _encode(self, texts: Sequence[str]) -> Vectors:
        if self._model is None:
            if self._shots.base_url is None:
                from annotators.embedding.encoder import encoder

                self._model = encoder(1)
            else:
                self._model = Endpoint(self._shots.base_url, self._shots.embedding, self._shots.api_key_env)
        return self._model(texts)


def named_model(shots: Shots) -> str:
    """What gives the vectors, without loading it: the bundled model's version, or the endpoint and its model."""
    if shots.base_url is not None:
        return f"{shots.base_url} {shots.embedding}"
    try:
        return f"{shots.embedding} {version(shots.embedding)}"
    except PackageNotFoundError:
        return f"{shots.embedding}, which is not installed"


class Endpoint:
    """An OpenAI-compatible `/embeddings` endpoint."""

    def __init__(self, base_url: str, model: str, api_key_env: str | None) -> None:
        self._url = base_url.rstrip("/") + "/embeddings"
        self._model = model
        self._key_env = api_key_env

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """(texts, dimensions) float32, every row of length 1."""
        return asyncio.run(self._post(texts))  # in a thread of its own, so no loop runs here

    async def _post(self, texts: Sequence[str]) -> Vectors:
        import aiohttp

        body = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        said = ""
        async with aiohttp.ClientSession(headers=self._headers(), timeout=timeout) as session:
            for attempt in range(ATTEMPTS):
                if attempt:
                    await asyncio.sleep(2 ** (attempt - 1))
                try:
                    async with session.post(self._url, json=body, allow_redirects=False) as response:
                        answer = await response.read()
                        if response.status == 200:
                            return self._vectors(answer, len(texts))
                        said = f"HTTP {response.status}"
                        if response.status < 500 and response.status not in (408, 409, 425, 429):
                            break
                except (aiohttp.ClientError, TimeoutError) as error:
                    said = type(error).__name__
        raise self._failed(said)

    def _headers(self) -> dict[str, str]:
        if self._key_env is None:
            return {}
        key = os.environ.get(self._key_env, "").strip()
        if not key:
            raise DsbuildError(
                f"The key for the embedding endpoint is missing: the environment variable {self._key_env} is not set.",
                where=self._url,
            )
        return {"Authorization": f"Bearer {key}"}

    def _vectors(self, answer: bytes, count: int) -> Vectors:
        try:
            data: list[dict[str, Any]] = json.loads(answer)["data"]
            rows = [entry["embedding"] for entry in sorted(data, key=lambda entry: entry["index"])]
            vectors = np.asarray(rows, dtype=np.float64)
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        except (ValueError, LookupError, TypeError) as error:
            raise self._failed("an answer that holds no vectors") from error
        if len(rows) != count or not np.isfinite(vectors).all() or not (lengths > 0).all():
            raise self._failed(f"{len(rows)} vectors for {count} texts")
        return np.asarray(vectors / lengths, dtype=np.float32)

    def _failed(self, said: str) -> DsbuildError:
        return DsbuildError(
            f'The embedding endpoint gives no vectors of "{self._model}": {said}.',
            where=self._url,
            fix="Check base_url and embedding in shots.",
        )
