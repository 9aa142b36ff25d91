"""The card of a corpus: the facts about raw material that someone else released."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from corpora.columns import Columns, Reading
from corpora.labels import LabelColumns
from schemas.config import NAME
from schemas.errors import DsbuildError
from schemas.plain_yaml import load_yaml
from schemas.task import Perspective

Design = Literal["everyone", "random", "cascade", "self_selected", "unknown"]
Modality = Literal["text", "dialogue", "audio", "image", "video", "music", "physiology"]


class CardFile(BaseModel):
    """One file of a corpus: its name, where it is to be had, and its checksum."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = None
    url: str | None = Field(default=None, pattern=r"^(https?|file)://")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    bytes: int | None = Field(default=None, ge=0)

    @field_validator("path")
    @classmethod
    def _stays_in_its_folder(cls, path: str | None) -> str | None:
        if path is not None and (PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts):
            raise ValueError("a card's path is relative to the corpus and stays inside it")
        return path


class Card(Reading):
    """What is known about a corpus. `files` go by the source's splits, or by any name where it has none; those that
    `file` of a label or of people names are not files of items.

    `annotators` says in free words who annotated how; `assignment` how raters and items came together: a rater who
    was never asked is not a rater who said no. `split_files` is false where the names of `files` are not splits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    title: str
    licence: str
    citation: str
    homepage: str | None = None
    languages: tuple[str, ...] = Field(min_length=1)
    modality: Modality = "text"
    taxonomy: str | None = None
    perspective: Perspective | None = None
    assignment: Design = "unknown"
    annotators: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    synthetic: bool = False
    files: dict[str, CardFile] = Field(min_length=1)
    split_files: bool = True
    columns: Columns
    labels: tuple[LabelColumns, ...] = ()

    @property
    def language(self) -> str | None:
        """The language of every text, where the corpus has only one."""
        return self.languages[0] if len(self.languages) == 1 else None

    def file_name(self, key: str) -> str:
        """The name of a file relative to the corpus: its `path`, else the last part of its URL, else its key."""
        file = self.files[key]
        return file.path or PurePosixPath((file.url or key).partition("?")[0]).name


def parse_card(data: Any, where: str) -> Card:
    """A card from what its YAML file holds.

    Raises:
        DsbuildError: it does not follow the format; every fault is named with its place.
    """
    try:
        return Card.model_validate(data)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors())
        raise DsbuildError(f"This is no card of a corpus: {faults}.", where=where) from error


def load_card(path: Path) -> Card:
    """The card in a YAML file.

    Raises:
        DsbuildError: the file is missing, is no YAML, or is no card.
    """
    try:
        data = load_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DsbuildError("There is no such card.", where=str(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DsbuildError(f"This is no YAML file: {error}", where=str(path)) from error
    return parse_card(data, str(path))
