"""A corpus as a recipe names it, and what that comes to once the catalog has filled in what its card knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from corpora import catalog
from corpora.card import Card, Modality
from corpora.columns import Columns, Reading
from corpora.labels import LabelColumns, check_pattern
from schemas.config import NAME
from schemas.errors import RecipeError

ITEMS = "items"  # what a file is read for, where it is no file of labels or people
CONTEXT = 5  # turns, where nothing is said


class CorpusConfig(Reading):
    """An entry of the recipe's `corpora`. What it leaves out comes from the card of that name, if there is one.

    `path` is a folder with the card's files, one file, {split: file}, or a pattern of files
    (`"annotations/{song_id}.csv"`), relative to the recipe; without it the card's files are pulled. `labels` says whose
    answers the files carry, "none" ignores them. `sha256` is the checksum of the file, or {split: checksum}. Over
    `max_rejects` rejects the run fails. `delimiter` and `quoted: false` (a quote is a character like any other) are for
    CSV and TSV files that keep other rules.
    """

    name: str = Field(pattern=NAME)
    path: str | dict[str, str] | None = None
    columns: Columns | None = None
    labels: tuple[LabelColumns, ...] | Literal["none"] | None = None
    language: str | None = None
    modality: Modality | None = None
    licence: str | None = None
    sha256: str | dict[str, str] | None = None
    max_rejects: int | None = Field(default=None, ge=0)
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    quoted: bool = True

    @field_validator("path")
    @classmethod
    def _names_a_file(cls, path: str | dict[str, str] | None) -> str | dict[str, str] | None:
        if path is not None and (not path or (isinstance(path, dict) and not all(path.values()))):
            raise ValueError("a path is a folder, a file, or {split: file}")
        for one in [path] if isinstance(path, str) else list((path or {}).values()):
            check_pattern(one)
            if "://" in one:
                raise ValueError("a path names a file on this machine; download it first")
        return path

    @model_validator(mode="after")
    def _checksums_have_files(self) -> Self:
        if isinstance(self.sha256, dict):
            keys = set(self.path) if isinstance(self.path, dict) else None
            if keys is not None and not set(self.sha256) <= keys:
                raise ValueError(f"sha256 names files that path does not: {sorted(set(self.sha256) - keys)}")
        return self


@dataclass(frozen=True)
class SourceFile:
    """One file of a corpus: its split in the source (None: it names none), its name relative to the corpus, where it
    lies (None: still to be pulled from `url`), the checksum the recipe demands and the one its card states; what it is
    read for (ITEMS, or the `file` of the labels or people that it holds) and what a pattern of its name bound."""

    split: str | None
    name: str
    path: Path | None
    url: str | None = None
    required: str | None = None
    stated: str | None = None
    actual: str | None = None
    use: str = ITEMS
    binds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """A corpus ready to be pulled and read: everything that decides what reading it gives, and nothing else."""

    name: str
    files: tuple[SourceFile, ...]
    columns: Columns
    labels: tuple[LabelColumns, ...]
    language: str | None
    licence: str | None
    modality: str
    max_rejects: int | None
    delimiter: str | None
    quoted: bool
    card: Card | None
    reading: Reading = field(default_factory=Reading)

    @property
    def local(self) -> bool:
        """Whether every file is at hand."""
        return all(file.path is not None for file in self.files)

    @property
    def folder(self) -> Path | None:
        """The folder that the names of its files start from, and the paths of its media; null where none is at hand."""
        for file in self.files:
            if file.path is not None:
                return file.path.parents[len(PurePosixPath(file.name).parts) - 1]
        return None

    def files_for(self, use: str) -> list[SourceFile]:
        """The files that are read for that: ITEMS, or the `file` of a label or of people."""
        return [file for file in self.files if file.use == use]


def resolve(config: CorpusConfig, base: Path) -> Source:
    """What `config` means: its own words first, its card's after them. Relative paths start at `base`.

    Raises:
        RecipeError: neither the entry nor a card says what has to be said.
        DsbuildError: a file that `path` names does not exist.
    """
    from corpora.files import source_files

    entry = catalog.find(config.name)
    card = entry.card if entry else None
    if card is None and config.path is None:
        catalog.get(config.name)
    columns = config.columns or (card.columns if card else None)
    if columns is None:
        raise RecipeError(
            f"Corpus '{config.name}' is not in the catalog, so the recipe has to say which column holds the text.",
            where=f"corpora.{config.name}",
            fix="Add: columns: {id: ID_COLUMN, text: TEXT_COLUMN}.",
        )
    labels = config.labels if config.labels is not None else (card.labels if card else ())
    labels = () if labels == "none" else labels
    reading = Reading.model_validate({name: _said(config, card, name) for name in Reading.model_fields})
    if reading.context is None:
        reading = reading.model_copy(update={"context": CONTEXT if columns.turn is not None else 0})
    of_labels = [one.file for one in labels if one.file is not None]
    uses = dict.fromkeys((*of_labels, *(one.file for one in reading.people if one.file is not None)))
    if of_labels and columns.id is None:
        raise RecipeError(
            f"Labels of corpus '{config.name}' lie in a file of their own, and its items have no id to find them by.",
            where=f"corpora.{config.name}.columns",
            fix="Add the column of the id: columns: {id: ID_COLUMN, ...}.",
        )
    return Source(
        name=config.name,
        files=tuple(source_files(config, entry, base, tuple(uses))),
        columns=columns,
        labels=labels,
        language=config.language or (card.language if card and columns.language is None else None),
        licence=config.licence or (card.licence if card else None),
        modality=_modality(config, card, columns, reading),
        max_rejects=config.max_rejects,
        delimiter=config.delimiter,
        quoted=config.quoted,
        card=card,
        reading=reading,
    )


def _said(config: CorpusConfig, card: Card | None, name: str) -> object:
    said = config if name in config.model_fields_set or card is None else card
    value: object = getattr(said, name)
    return value


def _modality(config: CorpusConfig, card: Card | None, columns: Columns, reading: Reading) -> str:
    """What is shown: as the recipe or the card says, else turns of dialogues, else the richest of the media."""
    if config.modality is not None:
        return config.modality
    if card is not None and ("modality" in card.model_fields_set or not reading.media):
        return card.modality
    if columns.turn is not None:
        return "dialogue"
    return next((one for one in ("video", "audio", "image") if one in reading.media), "text")
