"""Getting the files of a corpus, with checksums, and saying what is known of those already at hand."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corpora.entry import Source, SourceFile
from schemas.errors import DsbuildError
from schemas.protocols import Progress

_CHUNK = 1 << 20
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Pulled:
    """A source with every file at hand and its checksum known, and what there is to say about that."""

    source: Source
    figures: Mapping[str, Any]


def pull(source: Source, cache: Path, progress: Progress | None = None) -> Pulled:
    """Bring every file of `source` to hand: downloads go to `cache` under their checksum, once.

    A file of the user's own is compared with the card as well: another content is allowed, and said in the figures.

    Raises:
        DsbuildError: a server cannot be reached, or a content is not what the recipe or the card (for a download)
            says it is.
    """
    files = []
    differ = []
    for number, file in enumerate(source.files):
        if progress is not None:
            progress(number, len(source.files), file=file.name)
        if file.path is None:
            done = _download(source.name, file, cache)
        else:
            done = replace(file, actual=sha256_of(file.path))
            if file.required is not None and done.actual != file.required:
                raise _wrong(source.name, file, str(file.path), file.required, str(done.actual))
            if file.stated is not None and done.actual != file.stated:
                differ.append(file.name)
        files.append(done)
    if progress is not None:
        progress(len(files), len(files))
    figures: dict[str, Any] = {
        "files": len(files),
        "bytes": sum(file.path.stat().st_size for file in files if file.path is not None),
        "checksum differs from the card": len(differ),
    }
    if differ:
        figures["files that differ from the card"] = ", ".join(differ)
    return Pulled(replace(source, files=tuple(files)), figures)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal.

    Raises:
        DsbuildError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DsbuildError(f"The file cannot be read: {error.strerror}.", where=str(path)) from error


def _download(corpus: str, file: SourceFile, cache: Path) -> SourceFile:
    assert file.url is not None
    wanted = file.required or file.stated
    suffix = Path(file.name).suffix
    if wanted is not None:
        # Trusted by its name no more than by its content: a disk can lose bytes.
        kept = cache / f"{wanted}{suffix}"
        if kept.is_file() and sha256_of(kept) == wanted:
            return replace(file, path=kept, actual=wanted)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=cache, suffix=".part")
    except OSError as error:
        raise DsbuildError(f"Nothing can be written there: {error.strerror}.", where=str(cache)) from error
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            actual = _fetch(corpus, file, out)
            out.flush()
            os.fsync(out.fileno())
        if wanted is not None and actual != wanted:
            raise _wrong(corpus, file, file.url, wanted, actual)
        kept = cache / f"{actual}{suffix}"
        part.replace(kept)
    except OSError as error:
        raise DsbuildError(
            f"{file.name} could not be stored: {error.strerror or error}.",
            where=str(cache),
            fix="Make room, or choose another workspace.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return replace(file, path=kept, actual=actual)


def _fetch(corpus: str, file: SourceFile, out: Any) -> str:
    """Copy what the file's URL gives to `out`; its SHA-256. Only errors of `out` leave as OSError."""
    assert file.url is not None
    hashed = hashlib.sha256()
    advice = (
        f"With a local copy in a folder, run again with: --set corpora.{corpus}.path=DIR (the file is {file.name})."
    )
    try:
        response = urllib.request.urlopen(file.url, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        raise DsbuildError(f"The server answers {error.code} {error.reason}.", where=file.url, fix=advice) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DsbuildError(f"{file.name} cannot be reached: {reason}.", where=file.url, fix=advice) from error
    with response:
        expected = response.headers.get("Content-Length")
        received = 0
        while True:
            try:
                chunk = response.read(_CHUNK)
            except (OSError, ValueError) as error:
                raise DsbuildError(f"The download broke off: {error}.", where=file.url, fix=advice) from error
            if not chunk:
                break
            received += len(chunk)
            hashed.update(chunk)
            out.write(chunk)
        if expected is not None and received != int(expected):
            raise DsbuildError(
                f"The download broke off after {received} of {expected} bytes.", where=file.url, fix=advice
            )
    return hashed.hexdigest()


def _wrong(corpus: str, file: SourceFile, where: str, wanted: str, actual: str) -> DsbuildError:
    return DsbuildError(
        f"{file.name} has the checksum sha256 {actual}; it should be {wanted}.",
        where=where,
        fix=f"It was changed or damaged. If the new content is meant, set corpora.{corpus}.sha256 to its checksum.",
    )
