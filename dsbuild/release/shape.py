"""What was written into a release, for those who describe it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from schemas.forms.features import Features, features

DEFAULT_CONFIG = "data"


@dataclass(frozen=True)
class SplitFile:
    """One Parquet file: its split, its path in the release, its rows, and the hash of what they say."""

    split: str
    path: str
    rows: int
    content: str


@dataclass(frozen=True)
class Config:
    """One table of a release: its columns, the names behind its class labels, its files, its first row."""

    name: str
    schema: pa.Schema
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: tuple[SplitFile, ...] = ()
    first_row: Mapping[str, Any] | None = None

    @property
    def rows(self) -> int:
        """The number of rows over all splits."""
        return sum(file.rows for file in self.files)

    @property
    def features(self) -> Features:
        """The columns as `datasets` describes them."""
        return features(self.schema, self.classes)


@dataclass(frozen=True)
class Shape:
    """All tables of a release, `data` first, and its version; `sha256` is of the files, by path."""

    version: str
    configs: tuple[Config, ...]
    sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Config:
        """The table that is ready to train on."""
        return self.configs[0]

    @property
    def items(self) -> int:
        """The number of items."""
        return self.data.rows
