"""The files of an item: found below its corpus's folder and nowhere else, read within limits, known by their hash.

What a corpus says of its files is not trusted: a path that leads out of the folder (by `..`, from the root, or by a
link), a device, or a file that grew after it was looked at, is refused with a reason.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from schemas.files import Outside, inside

Reason = Literal[
    "no_media", "media_missing", "media_outside", "media_too_large", "media_type", "media_changed", "media_empty"
]


class Unusable(Exception):
    """A file that cannot be used: the `reason` of a dead letter, and its `detail`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


@dataclass(frozen=True)
class MediaFile:
    """A file of an item: where it is, how large (bytes), and what the item says of it."""

    path: Path
    size: int
    medium: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The path as the corpus has it."""
        return str(self.medium["path"])


def find(medium: Mapping[str, Any], folder: Path, most: int) -> MediaFile:
    """The file that `medium` (an entry of ITEMS' `media`) names, below `folder` and of at most `most` bytes.

    Raises:
        Unusable: there is none (`media_missing`), it lies elsewhere or is no file (`media_outside`), or it is larger
            (`media_too_large`).
    """
    name = medium.get("path")
    if not name:
        raise Unusable("media_missing", f"the {medium.get('role') or 'medium'} has no path")
    try:
        path = inside(folder, name)
        size = path.stat().st_size
    except Outside:
        raise Unusable("media_outside", f"{name} leads to no file below the corpus's folder") from None
    except OSError:
        raise Unusable("media_missing", f"there is no file {name}") from None
    if size > most:
        raise Unusable("media_too_large", f"{name} has {size / 1e6:.1f} MB, and {most / 1e6:g} are allowed")
    return MediaFile(path, size, medium)


def read(file: MediaFile, most: int) -> bytes:
    """The bytes of `file`.

    Raises:
        Unusable: it cannot be read (`media_missing`), or has more than `most` bytes by now (`media_too_large`).
    """
    try:
        # A link that took the file's place meanwhile is not followed.
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as opened:
            data = opened.read(most + 1)
    except OSError as error:
        raise Unusable("media_missing", f"{file.name} cannot be read: {error.strerror}") from error
    if len(data) > most:
        raise Unusable("media_too_large", f"{file.name} has more than {most / 1e6:g} MB")
    stated = file.medium.get("sha256")
    if stated and hashlib.sha256(data).hexdigest() != stated:
        raise Unusable("media_changed", f"{file.name} is not the file that the corpus was read with; redo the corpus")
    return data


def kind_of(data: bytes) -> str | None:
    """The media type that the first bytes of `data` tell; null where they tell none of those that models take."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    if data[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    if data[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(data[8:12])
    if data[:4] == b"fLaC":
        return "audio/flac"
    if data[:4] == b"OggS":
        return "audio/ogg"
    # An ID3 tag, or the eleven bits that begin a frame of MPEG sound, layer III.
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2):
        return "audio/mpeg"
    return None
