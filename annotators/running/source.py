"""Where a model lies, who it is, and what runs it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.errors import DsbuildError

Floats = NDArray[np.float64]
Output = dict[str, Floats]
Runs = Literal["onnx", "transformers"]

CHARACTERS_A_TOKEN = 64  # no more of a text is looked at than this for each token the model reads
_NOT_THE_MODEL = (".md", ".gitattributes", ".lock", ".metadata", ".gitignore")


class Source(BaseModel):
    """A model by its folder or file (`path`) or by its name on the hub (`model`, at `revision`).

    An ONNX model is a file `*.onnx`, or a folder with `model.onnx` (or `onnx/model.onnx`), `tokenizer.json` and
    `config.json`, as optimum exports them; any other folder is for transformers. `threads` changes the speed alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path | None = None
    model: str | None = None
    revision: str | None = None
    max_tokens: int | None = Field(default=None, ge=8)
    batch_size: int = Field(default=32, ge=1)
    threads: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.path is None) == (self.model is None):
            raise ValueError("give `path`, the model's folder or file, or `model`, its name on the hub")
        if self.revision is not None and self.model is None:
            raise ValueError("`revision` belongs to a `model` on the hub")
        return self

    @property
    def name(self) -> str:
        """What it is called in provenance."""
        return (self.model or "") if self.path is None else self.path.name

    def onnx_file(self) -> Path | None:
        """The ONNX file; null where transformers runs the model."""
        if self.path is None:
            return None
        if self.path.suffix == ".onnx":
            return self.path
        places = (self.path / "model.onnx", self.path / "onnx" / "model.onnx")
        return next((place for place in places if place.is_file()), None)

    @property
    def folder(self) -> Path | None:
        """The folder that holds the model's files; null for one on the hub."""
        if self.path is None:
            return None
        folder = self.path.parent if self.path.suffix == ".onnx" else self.path
        if folder.name == "onnx" and not (folder / "config.json").is_file():
            return folder.parent
        return folder

    def identity(self) -> str:
        """The hub's name and revision, or a hash of the files: an ONNX model's own, its tokenizer and its settings,
        or all of a folder.

        Raises:
            DsbuildError: there is nothing at `path`.
        """
        if self.path is None:
            return f"{self.model}@{self.revision or 'main'}"
        if not self.path.exists():
            raise DsbuildError("There is no model here.", where=str(self.path))
        file, folder = self.onnx_file(), self.folder
        assert folder is not None
        if file is not None:
            files = [file, *folder.glob("*.json"), *file.parent.glob(f"{file.name}[._]*"), *folder.glob("*.txt")]
        else:
            files = [one for one in folder.rglob("*") if one.is_file() and one.suffix not in _NOT_THE_MODEL]
        sha = hashlib.sha256()
        for one in sorted(set(files)):
            with one.open("rb") as opened:
                sha.update(f"{one.relative_to(folder).as_posix()}\0".encode())
                sha.update(hashlib.file_digest(opened, "sha256").digest())
        return f"{self.name} sha256:{sha.hexdigest()}"

    def settings(self) -> dict[str, Any]:
        """What the folder's config.json says; empty where there is none.

        Raises:
            DsbuildError: it is no JSON object.
        """
        file = None if self.folder is None else self.folder / "config.json"
        if file is None or not file.is_file():
            return {}
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise DsbuildError(f"The model's config.json cannot be read: {error}", where=str(file)) from error
        if not isinstance(found, dict):
            raise DsbuildError("The model's config.json is no object.", where=str(file))
        return found


@dataclass(frozen=True)
class Opened:
    """A model that is ready. `run(texts)` gives its outputs by name, each (texts, ...) float64; `identity` says who it
    is; `labels` names its classes where it has some; `tokens` is the most it reads of a text; `multi` whether its
    classes are told one by one; `cut` counts the texts that were longer than that."""

    run: Callable[[Sequence[str]], Output]
    identity: str
    labels: tuple[str, ...]
    tokens: int
    multi: bool
    settings: Mapping[str, Any] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=lambda: {"cut": 0})

    def shortened(self, texts: Sequence[str]) -> list[str]:
        """`texts` without NUL, and without what no tokenizer has to look at; see CHARACTERS_A_TOKEN."""
        most = self.tokens * CHARACTERS_A_TOKEN
        return [text[:most].replace("\0", " ") for text in texts]


def class_names(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a model's classes, in their order, from the `id2label` of its settings."""
    named = settings.get("id2label")
    if not isinstance(named, Mapping):
        return ()
    return tuple(str(name) for _, name in sorted(named.items(), key=lambda pair: int(pair[0])))


def open_text_model(source: Source) -> Opened:
    """The model, loaded.

    Raises:
        DsbuildError: the extra that runs it is missing, there is no such model, or it cannot be loaded.
    """
    if source.onnx_file() is not None:
        from annotators.running.onnx_text import open_onnx

        return open_onnx(source)
    from annotators.running.torch_text import open_transformers

    return open_transformers(source)
