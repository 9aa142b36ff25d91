"""Sounds and images of an item in a chat: OpenAI's content parts, limited in size, known by their hash.

A message that is hashed and kept holds a reference in place of a file: its SHA-256 and what was made of it. The bytes
take its place when the request is sent (`filled`), so that a key never depends on where a file lies, and requests are
small. Only parts of the types image_url and input_audio are looked at: a text that looks like a reference is a text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from annotators.llm.strategies.quote import quoted
from annotators.media import MediaFile, Reason, Unusable, find, kind_of, read
from schemas.extras import need

if TYPE_CHECKING:
    from annotators.llm.media_options import Media

ATTACHED: Final = "attached"
CUES: Final = "cues"
_KEPT_BYTES = 64_000_000  # of encoded files, for the samples and repeats of an item
_CUE_LENGTH = 500
_SOUND_RATE = 16_000
_FORMATS = {"audio/wav": "wav", "audio/mpeg": "mp3"}  # what input_audio takes as it is

_STRUCT = pl.Struct(
    {
        "role": pl.String,
        "path": pl.String,
        "sha256": pl.String,
        "mime": pl.String,
        "start_s": pl.Float64,
        "end_s": pl.Float64,
        "size": pl.Int64,
        "max_px": pl.Int64,
        "fault": pl.String,
        "detail": pl.String,
    }
)


def attach(
    items: pl.DataFrame,
    media: Media | None,
    cues: Sequence[str],
    folder: Callable[[str], Path],
) -> pl.DataFrame:
    """`items` (ITEMS) with the column `attached`: the files that are shown of each, or what is wrong with one of them,
    and the column `cues`: those of the keys `cues` that its `extra` has, as JSON. `folder(corpus)` is where the files
    of a corpus lie."""
    if media is not None:
        rows = [
            _attached(media, corpus, given or (), folder)
            for corpus, given in items.select("corpus", "media").iter_rows()
        ]
        items = items.with_columns(pl.Series(ATTACHED, rows, dtype=pl.List(_STRUCT)))
    if cues:
        found = [_cues(extra, cues) for extra in items["extra"].to_list()]
        items = items.with_columns(pl.Series(CUES, found, dtype=pl.String))
    return items


def _attached(
    media: Media, corpus: str, given: Sequence[Mapping[str, Any]], folder: Callable[[str], Path]
) -> list[dict[str, Any]]:
    wanted = [one for one in given if one["role"] in media.roles]
    if not wanted:
        if media.optional:
            return []
        return [_fault(Unusable("no_media", f"the item has no media of the roles {', '.join(media.roles)}"))]
    most = int(media.max_mb * 1e6)
    root = folder(corpus) if media.folder is None else media.folder
    try:
        return [_known(find(one, root, most), most, media.max_px) for one in wanted]
    except Unusable as error:
        return [_fault(error)]


def _fault(error: Unusable) -> dict[str, Any]:
    return {"fault": error.reason, "detail": error.detail}


def _known(file: MediaFile, most: int, max_px: int | None) -> dict[str, Any]:
    role, stated = file.medium["role"], file.medium.get("mime")
    sha256, mime = _hash_and_kind(file, most)
    if mime is None or mime.partition("/")[0] != role:
        raise Unusable(
            "media_type", f"{file.name} is {'no' if mime is None else f'{mime}, and no'} {role} that can be sent"
        )
    if stated and stated.partition("/")[0] != mime.partition("/")[0]:
        raise Unusable("media_type", f"{file.name} is {mime}, and the corpus says {stated}")
    return {
        "role": role,
        "path": str(file.path),
        "sha256": sha256,
        "mime": mime,
        "start_s": file.medium.get("start_s") if role == "audio" else None,
        "end_s": file.medium.get("end_s") if role == "audio" else None,
        "size": file.size,
        "max_px": max_px if role == "image" else None,
    }


_HASHED: dict[tuple[str, int, int], tuple[str, str | None]] = {}


def _hash_and_kind(file: MediaFile, most: int) -> tuple[str, str | None]:
    """The SHA-256 and the media type of a file; of one that has not changed since, what was found before."""
    seen = (str(file.path), file.size, file.path.stat().st_mtime_ns)
    if seen not in _HASHED or file.medium.get("sha256"):
        data = read(file, most)
        _HASHED[seen] = hashlib.sha256(data).hexdigest(), kind_of(data[:16])
    return _HASHED[seen]


def _cues(extra: str | None, wanted: Sequence[str]) -> str | None:
    """The cues that an item's `extra` (JSON) has, as JSON; null where it has none."""
    try:
        given = json.loads(extra) if extra else {}
    except ValueError:
        return None
    found = {}
    for name in wanted:
        value = given.get(name) if isinstance(given, dict) else None
        if value is not None:
            found[name] = value if isinstance(value, int | float) else str(value)[:_CUE_LENGTH]
    return json.dumps(found, ensure_ascii=False) if found else None


def fault_of(media: Sequence[Mapping[str, Any]]) -> tuple[Reason, str] | None:
    """Reason and detail of what is wrong with one of an item's files; null where nothing is."""
    return next(((one["fault"], one["detail"]) for one in media if one["fault"] is not None), None)


def content(text: str, media: Sequence[Mapping[str, Any]], cues: str | None = None) -> str | list[dict[str, Any]]:
    """The content of a user message: the `text`, behind it the `cues` as data, and a part for each of `media`, with a
    reference in place of its bytes; a plain text where there are none."""
    if cues is not None:
        text = f"{text}\nMeasured on the item: {quoted(json.loads(cues))}"
    if not media:
        return text
    parts: list[dict[str, Any]] = []
    for one in media:
        if one["role"] == "image":
            parts.append({"type": "image_url", "image_url": {"url": _reference(one)}})
        else:
            form = _FORMATS["audio/wav"] if _is_made_anew(one) else _FORMATS[one["mime"]]
            parts.append({"type": "input_audio", "input_audio": {"data": _reference(one), "format": form}})
    return [*parts, {"type": "text", "text": text}]


def filled(messages: str, media: Sequence[Mapping[str, Any]]) -> str:
    """`messages` (JSON) with the bytes of `media` in place of their references.

    Raises:
        Unusable: a file is not what it was any more.
    """
    files = {_reference(one): one for one in media}
    parsed: list[dict[str, Any]] = json.loads(messages)
    for message in parsed:
        for part in message["content"] if isinstance(message["content"], list) else ():
            if part["type"] == "image_url" and part["image_url"]["url"] in files:
                mime, data = _encoded(files[part["image_url"]["url"]])
                part["image_url"]["url"] = f"data:{mime};base64,{data}"
            elif part["type"] == "input_audio" and part["input_audio"]["data"] in files:
                part["input_audio"]["data"] = _encoded(files[part["input_audio"]["data"]])[1]
    return json.dumps(parsed, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def most_tokens(media: Sequence[Mapping[str, Any]]) -> int:
    """An upper bound for the tokens that files are counted as, for a budget.

    An image: 170 for each tile of 512 by 512 pixels and 85 (OpenAI's rule for gpt-4o), of a side of `max_px` or 2048.
    Sound: 10 a second (gpt-4o-audio), of at least 800 bytes, which is an MP3 of 64 kbit/s less its last fifth.
    """
    total = 0
    for one in media:
        if one["role"] == "image":
            side = -(-min(one["max_px"] or 2048, 2048) // 512)
            total += 85 + 170 * side * side
        else:
            total += one["size"] // 640 + 10
    return total


def _reference(one: Mapping[str, Any]) -> str:
    made = [f"{name}={one[name]:g}" for name in ("max_px", "start_s", "end_s") if one[name] is not None]
    return f"media:sha256/{one['sha256']}" + (f"?{'&'.join(made)}" if made else "")


def _is_made_anew(one: Mapping[str, Any]) -> bool:
    """Whether a sound is cut, or in a format that input_audio does not take: then it is sent as a WAV of 16 kHz."""
    return one["start_s"] is not None or one["end_s"] is not None or one["mime"] not in _FORMATS


class _Recent:
    """Encoded files by reference, the ones used last, up to so many bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._files: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def get(self, key: str) -> tuple[str, str] | None:
        if key in self._files:
            self._files.move_to_end(key)
        return self._files.get(key)

    def put(self, key: str, value: tuple[str, str]) -> None:
        self._files[key] = value
        self._held += len(value[1])
        while self._held > self._most and len(self._files) > 1:
            self._held -= len(self._files.popitem(last=False)[1][1])


_RECENT = _Recent(_KEPT_BYTES)


def _encoded(one: Mapping[str, Any]) -> tuple[str, str]:
    """Media type and base64 of a file as it is sent; read once for all requests that need it soon."""
    key = _reference(one)
    known = _RECENT.get(key)
    if known is None:
        medium = {"path": one["path"], "role": one["role"], "sha256": one["sha256"]}
        data = read(MediaFile(Path(one["path"]), one["size"], medium), one["size"])
        mime, data = _scaled(data, one) if one["role"] == "image" else _cut(data, one)
        known = mime, base64.b64encode(data).decode("ascii")
        _RECENT.put(key, known)
    return known


def _scaled(data: bytes, one: Mapping[str, Any]) -> tuple[str, bytes]:
    if one["max_px"] is None:
        return one["mime"], data
    import io

    image_module = need("PIL.Image", "image")
    try:
        image = image_module.open(io.BytesIO(data))
        if max(image.size) <= one["max_px"]:
            return one["mime"], data
        image.thumbnail((one["max_px"], one["max_px"]))
        jpeg = one["mime"] == "image/jpeg"
        written = io.BytesIO()
        image.convert("RGB" if jpeg else "RGBA").save(written, "JPEG" if jpeg else "PNG")
    except (OSError, ValueError, SyntaxError) as error:
        raise Unusable("media_type", f"the image cannot be read: {error}") from error
    except image_module.DecompressionBombError as error:
        raise Unusable("media_too_large", f"the image has too many pixels: {error}") from error
    return ("image/jpeg" if jpeg else "image/png"), written.getvalue()


def _cut(data: bytes, one: Mapping[str, Any]) -> tuple[str, bytes]:
    if not _is_made_anew(one):
        return one["mime"], data
    import io
    import wave

    from annotators.sound import decode

    sound = decode(data, _SOUND_RATE, one["start_s"], one["end_s"], most_s=3600)
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_SOUND_RATE)
        file.writeframes((sound.clip(-1, 1) * 32767).round().astype("<i2").tobytes())
    return "audio/wav", written.getvalue()
