"""The colours, computed: WCAG 2.2 contrast, 4.5 for text (AA), 3 for what is drawn (1.4.11)."""

from __future__ import annotations

import re
from importlib import resources

import pytest

CSS = (resources.files("audits.report") / "templates" / "style.css").read_text(encoding="utf-8")


def palette(media: str) -> dict[str, str]:
    """The custom properties that hold in a medium: the light ones, overlaid by the medium's own."""
    colours = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", CSS[: CSS.index("@media")]))
    if media != "light":
        block = CSS[CSS.index(f"@media ({media})" if "-" in media else f"@media {media}") :]
        colours |= dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block[: block.index("}")]))
    return colours


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


MEDIA = ["light", "prefers-color-scheme: dark", "print"]


def test_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("media", MEDIA)
def test_text_is_readable(media: str) -> None:
    colours = palette(media)
    for text in ("ink", "faint", "accent", "good", "bad"):
        for ground in ("paper", "panel"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


@pytest.mark.parametrize("media", MEDIA)
def test_numbers_in_a_heat_map_are_readable_on_every_shade(media: str) -> None:
    colours = palette(media)
    dark = "dark" in media
    texts = {1: "ink", 2: "ink", 3: "ink", 4: "dark", 5: "dark" if dark else "light", 6: "dark" if dark else "light"}
    for shade, text in texts.items():
        assert contrast(colours[text], colours[f"h{shade}"]) >= 4.5, (shade, text)


@pytest.mark.parametrize("media", MEDIA)
def test_shades_go_one_way(media: str) -> None:
    colours = palette(media)
    steps = [luminance(colours[f"h{shade}"]) for shade in range(1, 7)]
    assert steps in (sorted(steps), sorted(steps, reverse=True))


@pytest.mark.parametrize("media", MEDIA)
def test_what_is_drawn_can_be_seen(media: str) -> None:
    colours = palette(media)
    for drawn in ("fill", "whisker", "accent", "guide", "gone"):
        assert contrast(colours[drawn], colours["paper"]) >= 3, drawn
    assert contrast(colours["fill"], colours["track"]) >= 3
