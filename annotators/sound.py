"""Sound as a model hears it: one channel, one rate, float32 from -1 to 1."""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray

from annotators.media import Unusable
from schemas.errors import DsbuildError
from schemas.extras import need

Wave = NDArray[np.float32]


def decode(
    data: bytes, rate: int, start_s: float | None = None, end_s: float | None = None, most_s: float = 60
) -> Wave:
    """The sound in `data` from `start_s` to `end_s` (seconds; at most `most_s` of it), mixed to one channel, at `rate`
    samples a second. WAV with PCM is read here; other formats need the package soundfile (extra `audio`).

    Raises:
        Unusable: it is no sound that can be read (`media_type`), or there is none in that time (`media_empty`).
    """
    sound, given = _pcm(data) if _is_pcm(data) else _other(data)
    begin = round((start_s or 0.0) * given)
    end = len(sound) if end_s is None else round(end_s * given)
    sound = sound[begin : min(end, begin + int(most_s * given))]
    if not len(sound):
        raise Unusable("media_empty", "there is no sound between its start and its end")
    return resample(sound.mean(axis=1), given, rate)


def resample(sound: NDArray[np.float64] | Wave, given: int, wanted: int) -> Wave:
    """(samples,) at `wanted` samples a second instead of `given`: the band below both half rates as it is, the rest
    cut off, by the discrete Fourier transform."""
    if given == wanted:
        return sound.astype(np.float32)
    count = max(1, round(len(sound) * wanted / given))
    spectrum = np.fft.rfft(sound)
    kept = np.zeros(count // 2 + 1, dtype=spectrum.dtype)
    both = min(len(kept), len(spectrum))
    kept[:both] = spectrum[:both]
    moved: Wave = (np.fft.irfft(kept, count) * (count / len(sound))).astype(np.float32)
    return moved


def _is_pcm(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


def _pcm(data: bytes) -> tuple[NDArray[np.float64], int]:
    """(samples, channels), samples a second."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        return _other(data)  # floats, or compressed
    raw = raw[: len(raw) - len(raw) % (width * channels)]
    if width == 1:
        sound = (np.frombuffer(raw, dtype=np.uint8).astype(np.float64) - 128) / 128
    elif width == 3:
        parts = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 3).astype(np.int32)
        whole = parts[:, 0] | (parts[:, 1] << 8) | (parts[:, 2] << 16)
        sound = (np.where(whole >= 1 << 23, whole - (1 << 24), whole)) / float(1 << 23)
    elif width in (2, 4):
        sound = np.frombuffer(raw, dtype="<i2" if width == 2 else "<i4").astype(np.float64) / float(
            1 << (8 * width - 1)
        )
    else:
        raise Unusable("media_type", f"a WAV with samples of {width} bytes cannot be read")
    return sound.reshape(-1, channels), rate


def _other(data: bytes) -> tuple[NDArray[np.float64], int]:
    try:
        soundfile = need("soundfile", "audio")
    except DsbuildError as error:
        raise Unusable("media_type", f"this sound is no WAV with PCM. {error}") from error
    try:
        sound, rate = soundfile.read(io.BytesIO(data), always_2d=True, dtype="float64")
    except (RuntimeError, ValueError) as error:  # soundfile's own errors are RuntimeErrors
        raise Unusable("media_type", f"this sound cannot be read: {str(error)[:200]}") from error
    return np.asarray(sound, dtype=np.float64), int(rate)
