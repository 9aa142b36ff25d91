"""The files of a corpus: those that a recipe names by path or pattern, and those that a card knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from corpora.catalog import Entry
from corpora.entry import ITEMS, CorpusConfig, SourceFile
from corpora.patterns import Pattern, names_in
from schemas.errors import DsbuildError, RecipeError

if TYPE_CHECKING:
    from corpora.card import Card

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")


def source_files(config: CorpusConfig, entry: Entry | None, base: Path, uses: Sequence[str]) -> list[SourceFile]:
    """The files of items in their order, then for each of `uses` (the `file` of labels or people) those that fit it
    and that nothing else names.

    Raises:
        RecipeError: what the entry says does not name files.
        DsbuildError: a file does not exist, or is of a kind that is not read.
    """
    card = entry.card if entry else None
    known = {key: card.file_name(key) for key in card.files} if card else {}
    names = {key: name for key, name in known.items() if all(Pattern(use).match(name) is None for use in uses)}
    if isinstance(config.path, dict):
        found = _by_split(config, card, config.path, base, names)
    elif isinstance(config.path, str) and names_in(config.path):
        found = [
            _file(config, card, None, path, name, split=None, binds=binds)
            for path, name, binds in _fitting(config.name, base / config.path, "path")
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
        found = [_file(config, card, k, _shipped(entry, n), n, split=_split(card, k)) for k, n in names.items()]
    # A file that is named is that one, whatever patterns it fits: so named ones go first.
    for use in sorted(uses, key=lambda use: bool(names_in(use))):
        taken = {file.name for file in found}
        found.extend(file for file in _other(config, entry, base, use, known) if file.name not in taken)
    return found


def _by_split(
    config: CorpusConfig, card: Card | None, paths: Mapping[str, str], base: Path, names: Mapping[str, str]
) -> list[SourceFile]:
    # In the card's order: of equal texts without a key, the first has occurrence 0, whoever writes the recipe.
    order = {key: position for position, key in enumerate(names)}
    keys = sorted(paths, key=lambda key: order.get(key, len(order)))
    last = {key: Path(paths[key]).name for key in keys}
    twice = len(set(last.values())) < len(last)
    found = []
    for key in keys:
        if names_in(paths[key]):
            found += [
                _file(config, card, None, path, f"{key}/{name}", split=key, binds=binds)
                for path, name, binds in _fitting(config.name, base / paths[key], f"path.{key}")
            ]
        else:
            name = f"{key}/{last[key]}" if twice else last[key]
            found.append(_file(config, card, key, base / paths[key], name, split=key))
    return found


def _other(
    config: CorpusConfig, entry: Entry | None, base: Path, use: str, known: Mapping[str, str]
) -> Iterator[SourceFile]:
    """The files that fit `use`, in the folder of the corpus, or among those of its card."""
    card = entry.card if entry else None
    if config.path is None:
        assert entry is not None
        for key, name in known.items():
            binds = Pattern(use).match(name)
            if binds is not None:
                yield _file(config, card, key, _shipped(entry, name), name, split=None, use=use, binds=binds)
        return
    folder = _folder(config, base)
    if not names_in(use):
        yield _file(config, card, None, folder / use, use, split=None, use=use)
        return
    for path, name, binds in _fitting(config.name, folder / use, "labels.file"):
        yield _file(config, card, None, path, name, split=None, use=use, binds=binds)


def _folder(config: CorpusConfig, base: Path) -> Path:
    """The folder of the corpus: where its own files lie."""
    assert config.path is not None
    if isinstance(config.path, str):
        path = base / config.path
        return _fixed(path) if names_in(config.path) else path if path.is_dir() else path.parent
    folders = {_fixed(base / one) if names_in(one) else (base / one).parent for one in config.path.values()}
    if len(folders) > 1:
        raise RecipeError(
            f"The files of corpus '{config.name}' lie in several folders, so nothing says where to look for `file`.",
            where=f"corpora.{config.name}.path",
            fix="Put them into one folder.",
        )
    return folders.pop()


def _fixed(path: Path) -> Path:
    """The part of a pattern of paths before the first name in braces."""
    parts = path.parts
    first = next(place for place, part in enumerate(parts) if names_in(part))
    return Path(*parts[:first])


def _fitting(corpus: str, path: Path, key: str) -> list[tuple[Path, str, dict[str, str]]]:
    """(path, name from the pattern's fixed folder on, what it binds) of the files that fit, sorted by name."""
    folder = _fixed(path)
    pattern = Pattern(path.relative_to(folder).as_posix())
    found = []
    for one in sorted(folder.glob("/".join("*" for _ in path.relative_to(folder).parts))):
        name = one.relative_to(folder).as_posix()
        binds = pattern.match(name)
        if binds is not None and one.is_file():
            found.append((one, name, binds))
    if not found:
        there = sorted(one.name for one in folder.glob("*"))[:5] if folder.is_dir() else []
        raise DsbuildError(
            f"No file in {folder} fits '{pattern.text}'.",
            where=f"corpora.{corpus}.{key}",
            fix=f"There are: {', '.join(there)} ..." if there else "There is no such folder, or nothing in it.",
        )
    return found


def _shipped(entry: Entry, name: str) -> Path | None:
    """A file that comes with its card."""
    path = entry.folder / name if entry.folder else None
    return path if path is not None and path.is_file() else None


def _split(card: Card | None, key: str | None) -> str | None:
    return key if card is not None and card.split_files else None


def _file(
    config: CorpusConfig,
    card: Card | None,
    key: str | None,
    path: Path | None,
    name: str,
    *,
    split: str | None,
    use: str = ITEMS,
    binds: Mapping[str, str] | None = None,
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
        required=wanted if use == ITEMS else None,
        stated=known.sha256 if known else None,
        use=use,
        binds=dict(binds or {}),
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
