"""The curves of a simulation as a picture: one SVG, alone or in an HTML page; no script, no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import escape

from audits.report.inert import NAME, inert
from dsbuild.simulate import Simulation
from schemas.errors import DsbuildError

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 40, 48
# Colours that people with any kind of colour vision tell apart (Okabe and Ito, 2008, "Color universal design").
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_RANDOM = "#767676"


def write(simulation: Simulation, path: Path) -> None:
    """Draw `simulation` into `path`, an .svg or an .html.

    Raises:
        DsbuildError: the file cannot be written.
    """
    picture = svg(simulation)
    try:
        path.write_text(picture if path.suffix == ".svg" else _page(simulation, picture), encoding="utf-8")
    except OSError as error:
        raise DsbuildError(f"Cannot write the drawing: {error.strerror or error}.", where=str(path)) from error


def svg(simulation: Simulation) -> str:
    """The curves over the share of items that people see, each with its interval, and random sampling."""
    points = [point for one in simulation.curves for point in one.points]
    values = [value for point in points for value in (point.low, point.high, point.value, point.random)]
    low, high = min(values), max(values)
    pad = (high - low) * 0.05 or 0.05
    low, high = low - pad, high + pad

    def x(share: float) -> float:
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    def line(pairs: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{x(share):.1f},{y(value):.1f}" for share, value in pairs)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" font-family="sans-serif" '
        f'font-size="12"><title>{_said(_title(simulation))}</title>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<text x="{x(tick):.1f}" y="{_HEIGHT - 28}" text-anchor="middle">{tick:.0%}</text>')
        value = low + pad + tick * (high - low - 2 * pad)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3f}</text>'
        )
    parts.append(
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">'
        "items that people see</text>"
    )
    first = simulation.curves[0]
    parts.append(
        f'<polyline points="{line([(one.share, one.random) for one in first.points])}" fill="none" stroke="{_RANDOM}" '
        f'stroke-dasharray="5 4"/>'
    )
    legend = [("random sampling", _RANDOM)]
    for place, one in enumerate(simulation.curves):
        colour = _COLOURS[place % len(_COLOURS)]
        band = [(point.share, point.low) for point in one.points]
        band += [(point.share, point.high) for point in reversed(one.points)]
        parts.append(f'<polygon points="{line(band)}" fill="{colour}" fill-opacity="0.15"/>')
        centre = [(point.share, point.value) for point in one.points]
        parts.append(f'<polyline points="{line(centre)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        legend.append((one.policy, colour))
    parts.append(f'<text x="{_LEFT}" y="20">{_said(_title(simulation))}</text>')
    # Where curves that rise leave room: below on the right, and above where less is better.
    for place, (name, colour) in enumerate(legend):
        at = _TOP + 14 + 16 * place if simulation.metric == "mae" else _HEIGHT - _BOTTOM - 10 - 16 * place
        parts.append(f'<text x="{_WIDTH - _RIGHT - 6}" y="{at}" text-anchor="end" fill="{colour}">{_said(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _title(simulation: Simulation) -> str:
    return f"{simulation.metric} of {simulation.machines} against {simulation.gold}, {simulation.items:,} items"


def _said(text: str) -> str:
    return str(escape(inert(text, NAME)))


def _page(simulation: Simulation, picture: str) -> str:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{_said(_title(simulation))}</title></head>\n"
        f'<body style="max-width: 60rem; margin: 2rem auto">\n{picture}</body></html>\n'
    )
