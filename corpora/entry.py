"""A corpus as a recipe names it, and what that comes to once the catalog has filled in what its card knows."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from corpora import catalog
from corpora.card import Card, Columns
from corpora.labels import LabelColumns
from schemas.config import NAME
from schemas.errors import DsbuildError, RecipeError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


class CorpusConfig(BaseModel):
    """An entry of the recipe's `corpora`. What it leaves out comes from the card of that name, if there is one.

    `path` is a folder with the card's files, one file, or {split: file}, relative to the recipe; without it the
    card's files are pulled. `labels` says whose answers the files carry, "none" ignores them. `sha256` is the
    checksum of the file, or {split: checksum}. Over `max_rejects` rejects the run fails. `delimiter` and
    `quoted: false` (a quote is a character like any other) are for CSV and TSV files that keep other rules.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    path: str | dict[str, str] | None = None
    columns: Columns | None = None
    labels: tuple[LabelColumns, ...] | Literal["none"] | None = None
    language: str | None = None
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
        named = [path] if isinstance(path, str) else list((path or {}).values())
        if any("{" in one for one in named):
            raise ValueError("a path names a file, it cannot hold a pattern")
        if any("://" in one for one in named):
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
    lies (None: still to be pulled from `url`), the checksum the recipe demands and the one its card states."""

    split: str | None
    name: str
    path: Path | None
    url: str | None = None
    required: str | None = None
    stated: str | None = None
    actual: str | None = None


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

    @property
    def local(self) -> bool:
        """Whether every file is at hand."""
        return all(file.path is not None for file in self.files)


def resolve(config: CorpusConfig, base: Path) -> Source:
    """What `config` means: its own words first, its card's after them. Relative paths start at `base`.

    Raises:
        RecipeError: neither the entry nor a card says what has to be said.
        DsbuildError: a file that `path` names does not exist.
    """
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
    return Source(
        name=config.name,
        files=tuple(_files(config, entry, base)),
        columns=columns,
        labels=() if labels == "none" else labels,
        language=config.language or (card.language if card and columns.language is None else None),
        licence=config.licence or (card.licence if card else None),
        modality=card.modality if card else "text",
        max_rejects=config.max_rejects,
        delimiter=config.delimiter,
        quoted=config.quoted,
        card=card,
    )


def _files(config: CorpusConfig, entry: catalog.Entry | None, base: Path) -> list[SourceFile]:
    card = entry.card if entry else None
    names = {key: card.file_name(key) for key in card.files} if card else {}
    if isinstance(config.path, dict):
        # In the card's order: of equal texts without a key, the first has occurrence 0, whoever writes the recipe.
        order = {key: position for position, key in enumerate(names)}
        keys = sorted(config.path, key=lambda key: order.get(key, len(order)))
        last = {key: Path(config.path[key]).name for key in keys}
        twice = len(set(last.values())) < len(last)
        found = [
            _file(config, card, key, base / config.path[key], f"{key}/{last[key]}" if twice else last[key], split=key)
            for key in keys
        ]
    elif isinstance(config.path, str) and not (base / config.path).is_dir():
        path = base / config.path
        key = next((key for key, name in names.items() if Path(name).name == path.name), None)
        if key is None and len(names) == 1:
            key = next(iter(names))
        found = [_file(config, card, key, path, path.name, split=_split(card, key))]
    elif isinstance(config.path, str):
        if card is None:
            raise RecipeError(
                f"'{config.path}' is a folder, and no card says which of its files to read.",
                where=f"corpora.{config.name}.path",
                fix="Name a file, or the file of each split: path: {train: FILE, test: FILE}.",
            )
        found = [_file(config, card, k, base / config.path / n, n, split=_split(card, k)) for k, n in names.items()]
    else:
        assert entry is not None
        card = entry.card
        shipped = {k: entry.folder / n for k, n in names.items() if entry.folder and (entry.folder / n).is_file()}
        found = [_file(config, card, k, shipped.get(k), n, split=_split(card, k)) for k, n in names.items()]
    return found


def _split(card: Card | None, key: str | None) -> str | None:
    return key if card is not None and card.split_files else None


def _file(
    config: CorpusConfig, card: Card | None, key: str | None, path: Path | None, name: str, *, split: str | None
) -> SourceFile:
    if path is not None:
        _must_exist(config.name, path)
    wanted = config.sha256.get(key or "") if isinstance(config.sha256, Mapping) else config.sha256
    known = card.files.get(key) if card and key else None
    if path is None and (known is None or known.url is None):
        raise DsbuildError(
            f"The card of '{config.name}' has no URL for {name}.",
            where=f"corpora.{config.name}",
            fix=f"Point to a local copy: --set corpora.{config.name}.path=DIR",
        )
    return SourceFile(
        split=split,
        name=name,
        path=path,
        url=known.url if known else None,
        required=wanted,
        stated=known.sha256 if known else None,
    )


def _must_exist(corpus: str, path: Path) -> None:
    if path.is_file():
        if path.suffix.lower() not in SUFFIXES:
            raise DsbuildError(
                f"dsbuild does not read files like {path.name}.",
                where=f"corpora.{corpus}.path",
                fix=f"It reads {', '.join(SUFFIXES)}.",
            )
        return
    beside = sorted(other.name for other in path.parent.glob("*")) if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, beside, n=1)
    hint = f'Did you mean "{close[0]}"?' if close else "Check `path`; it is relative to the recipe."
    raise DsbuildError(f"There is no file {path}.", where=f"corpora.{corpus}.path", fix=hint)
