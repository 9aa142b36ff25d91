"""A figure with the limit it is held against."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Bar:
    """`value` has to be at most (or at least) `limit`; without a limit it is only told."""

    name: str
    value: float
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the limit is kept."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def line(self) -> str:
        """The bar as it is printed."""
        if self.limit is None:
            words = f"{self.name}: {self.value:.6g}"
        else:
            sign = ">=" if self.at_least else "<="
            words = f"{self.name}: {self.value:.6g} ({sign} {self.limit:g}) {'PASS' if self.passed else 'FAIL'}"
        return f"{words}  [{self.note}]" if self.note else words


@dataclass
class Results:
    """Bars as they come, printed at once, and what is behind them."""

    bars: list[Bar] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def add(self, bar: Bar) -> None:
        """Keep and print a bar."""
        self.bars.append(bar)
        print(bar.line(), flush=True)

    def say(self, line: str) -> None:
        """Print what is no bar."""
        print(line, flush=True)

    @property
    def failed(self) -> list[Bar]:
        """The bars whose limit is not kept."""
        return [bar for bar in self.bars if not bar.passed]

    def json(self) -> dict[str, Any]:
        """All of it."""
        return {"bars": [asdict(bar) | {"passed": bar.passed} for bar in self.bars], "details": self.details}
