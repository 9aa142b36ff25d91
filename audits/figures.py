"""Figures as they are reported."""

from __future__ import annotations

import math

# The last bits of a float depend on the machine's vector units; a released figure must not.
DECIMALS = 10

NONE = "(none)"
"""What "none of these" is called in the rows and columns of a confusion table."""


def figure(value: float | None) -> float | None:
    """`value` rounded to 10 decimals as a plain float; None where it is undefined (None, NaN or infinite)."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), DECIMALS) + 0.0


def counted(n: int, one: str, many: str) -> str:
    """`n` with the noun in its number."""
    return f"{n:,} {one if n == 1 else many}"
