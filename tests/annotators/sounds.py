"""Sounds for tests."""

from __future__ import annotations

import io
import wave

import numpy as np


def wav(sound: np.ndarray, rate: int = 16_000, width: int = 2) -> bytes:
    """A WAV file with PCM of `sound` ((samples,) or (samples, channels), -1..1)."""
    sound = np.asarray(sound, dtype=np.float64)
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    whole = np.clip(np.round(sound * (2 ** (8 * width - 1))), -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1).astype(
        np.int64
    )
    raw = (
        (whole + 128).astype(np.uint8).tobytes()
        if width == 1
        else whole.astype("<i8").reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    )
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)
    return written.getvalue()


def tone(hertz: float, seconds: float, rate: int = 16_000, loud: float = 0.5) -> np.ndarray:
    """A sine."""
    return loud * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
