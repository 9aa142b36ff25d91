"""Figures as they are printed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from audits.intervals import LEVEL

UNDEFINED = "undefined"
_MINUS = "\u2212"


def number(value: Any) -> float | None:
    """A finite number, or None for whatever is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def whole(value: Any) -> int:
    """A count; 0 where there is none."""
    found = number(value)
    return 0 if found is None else int(found)


def count(value: Any) -> str:
    """A count or a weight with thousands separators: 14,998 or 2.5."""
    found = number(value)
    if found is None:
        return UNDEFINED
    digits = f"{found:,.0f}" if float(found).is_integer() else f"{found:,.1f}"
    return digits.replace("-", _MINUS)


def figure(value: Any, decimals: int = 3) -> str:
    """A figure such as alpha or F1 with a fixed number of decimals."""
    found = number(value)
    if found is None:
        return UNDEFINED
    # Adding 0.0 takes the sign off a rounded zero.
    return f"{round(found, decimals) + 0.0:,.{decimals}f}".replace("-", _MINUS)


def share(part: float, of: float) -> str:
    """A percentage with one decimal; empty where there is no whole."""
    return f"{100 * part / of:.1f}%" if of else ""


def several(n: int, one: str, many: str) -> str:
    """`n` with the noun in its number."""
    return f"{n:,} {one if n == 1 else many}"


@dataclass(frozen=True)
class Estimate:
    """A figure with the interval at `level`; all None where it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = LEVEL

    @property
    def text(self) -> str:
        """The figure alone."""
        return figure(self.value)

    @property
    def bounds(self) -> str:
        """The interval in brackets, or that there is none."""
        if self.value is None:
            return ""
        if self.low is None or self.high is None:
            return "no interval"
        return f"[{figure(self.low)}, {figure(self.high)}]"

    @property
    def spoken(self) -> str:
        """Figure and interval as a sentence would say them."""
        if self.value is None or self.low is None or self.high is None:
            return self.text if self.value is None else f"{self.text}, without an interval"
        return f"{self.text}, {100 * self.level:g}% interval {figure(self.low)} to {figure(self.high)}"


def estimate(entry: Any, level: Any = LEVEL) -> Estimate:
    """The estimate in a mapping with value, low and high."""
    found = entry if hasattr(entry, "get") else {}
    return Estimate(
        number(found.get("value")), number(found.get("low")), number(found.get("high")), number(level) or LEVEL
    )
