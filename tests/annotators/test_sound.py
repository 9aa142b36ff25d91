"""Sound brought to one channel and one rate."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from annotators.media import Unusable
from annotators.sound import decode, resample
from tests.annotators.sounds import tone, wav


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_pcm_of_every_width_is_read_as_it_was_written(width: int) -> None:
    sound = tone(440, 0.1)
    assert decode(wav(sound, width=width), 16_000) == pytest.approx(sound, abs=2 / 2 ** (8 * width - 1) + 1e-6)


def test_channels_are_mixed_and_times_are_kept() -> None:
    left, right = tone(440, 1), tone(220, 1)
    whole = decode(wav(np.stack([left, right], axis=1)), 16_000)
    assert whole == pytest.approx((left + right) / 2, abs=1e-4)
    part = decode(wav(left), 16_000, 0.25, 0.5)
    assert part == pytest.approx(left[4000:8000], abs=1e-4)
    assert len(decode(wav(left), 16_000, most_s=0.1)) == 1600


@pytest.mark.parametrize(("given", "wanted"), [(44_100, 16_000), (8_000, 16_000), (16_000, 22_050)])
def test_a_tone_is_the_same_tone_at_another_rate(given: int, wanted: int) -> None:
    found = resample(tone(500, 1, given), given, wanted)
    assert len(found) == wanted
    inner = slice(wanted // 10, -wanted // 10)
    assert found[inner] == pytest.approx(tone(500, 1, wanted)[inner], abs=0.01)


def test_what_lies_above_half_the_new_rate_is_gone_and_not_folded_down() -> None:
    assert np.abs(resample(tone(6000, 1, 16_000), 16_000, 8_000)).max() < 0.01


def test_other_formats_are_read_by_soundfile_and_refused_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile = pytest.importorskip("soundfile", reason="the extra audio is not installed")
    written = io.BytesIO()
    soundfile.write(written, tone(440, 0.5), 16_000, format="FLAC")
    assert decode(written.getvalue(), 16_000) == pytest.approx(tone(440, 0.5), abs=1e-3)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(Unusable, match="extra 'audio'") as caught:
        decode(written.getvalue(), 16_000)
    assert caught.value.reason == "media_type"


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF....WAVEfmt ", b"\x00" * 1000, wav(tone(440, 0.1))[:40]])
def test_what_is_no_sound_is_a_reason_and_no_crash(data: bytes) -> None:
    with pytest.raises(Unusable):
        decode(data, 16_000)


def test_a_time_outside_of_the_sound_has_none() -> None:
    with pytest.raises(Unusable, match="no sound between"):
        decode(wav(tone(440, 0.1)), 16_000, 5, 6)
