"""What the tests of TONE's build share: its data as shipped, and where the real sources may be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import vaderSentiment
from numpy.typing import NDArray

import schemas.tone
from dsbuild.tone import tables
from dsbuild.tone.build import Embedding

DATA = Path(schemas.tone.__file__).with_name("data")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the shipped data files."""
    return DATA


@pytest.fixture(scope="session")
def shipped() -> dict[str, list[dict[str, str]]]:
    """{file: its rows} of the shipped data files."""
    return {name: tables.read(DATA, name) for name in tables.COLUMNS}


@pytest.fixture(scope="session")
def real_wordnet() -> Path:
    """The real WordNet 3.0 (Debian's wordnet-base), of which only an excerpt is shipped."""
    folder = Path(os.environ.get("DSBUILD_WORDNET", "/usr/share/wordnet"))
    if not (folder / "data.noun").is_file():
        pytest.skip("needs WordNet 3.0's dictionary files (DSBUILD_WORDNET, or Debian's wordnet-base)")
    return folder


@pytest.fixture(scope="session")
def real_vader() -> Path:
    """The real lexicon of VADER, of which only the words of the tree are shipped."""
    return Path(vaderSentiment.__file__).with_name("vader_lexicon.txt")


@pytest.fixture(scope="session")
def embedding() -> Embedding:
    """The real model; what it was asked once it is not asked again."""
    from annotators.embedding.encoder import encoder

    model = encoder(1)
    known: dict[tuple[str, ...], NDArray[np.float32]] = {}

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        key = tuple(texts)
        if key not in known:
            known[key] = model(texts)
        return known[key]

    return Embedding(embed, model.identity)
