"""Numbers in a range: which are allowed, how they are called, how they are asked for and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from schemas.kinds.base import Rule
from schemas.taxonomy import fold

if TYPE_CHECKING:
    from schemas.task import Attribute, Task

# A number read from a file as .1 + .2 is still the point .3.
_SLACK = 1e-6
# More points than this are not listed one by one.
_MANY = 101


def number(value: float) -> str:
    """`value` as people write it: 7 and not 7.0."""
    return f"{value:.12g}"


def plain(value: float) -> int | float:
    """`value` as it stands in JSON: 7 and not 7.0."""
    return int(value) if float(value).is_integer() else float(value)


@dataclass(frozen=True)
class Points:
    """The numbers from `low` to `high`, only low, low + step, ... where there is a `step`; `levels` names these."""

    low: float
    high: float
    step: float | None = None
    levels: tuple[str, ...] = ()

    @classmethod
    def of(cls, declared: Task | Attribute) -> Points:
        """The numbers of a task or an attribute that has a range."""
        assert declared.range is not None
        return cls(*declared.range, declared.step, getattr(declared, "levels", ()))

    def check(self) -> None:
        """Raises ValueError where these are no points."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"the range {number(self.low)}..{number(self.high)} holds no two numbers")
        if self.step is not None:
            steps = (self.high - self.low) / self.step
            if steps < 1 - _SLACK or abs(steps - round(steps)) > _SLACK:
                raise ValueError(f"the range {self.span} is no whole number of steps of {number(self.step)}")
        if self.levels:
            if len(self.levels) < 2 or len({fold(name) for name in self.levels}) < len(self.levels):
                raise ValueError("levels need two different names or more")
            if len(self.levels) != len(self.values):
                raise ValueError(f"there are {len(self.levels)} names of levels for {len(self.values)} points")

    @property
    def span(self) -> str:
        """The range in words: 1..7."""
        return f"{number(self.low)}..{number(self.high)}"

    @property
    def width(self) -> float:
        """How far apart two numbers can be."""
        return self.high - self.low

    @property
    def values(self) -> list[float]:
        """Every point, in order; empty without a step."""
        if self.step is None:
            return []
        steps = round(self.width / self.step)
        return [self.low + self.width * k / steps for k in range(steps + 1)]

    @property
    def named(self) -> dict[float, str]:
        """The name of each point; empty without levels."""
        return dict(zip(self.values, self.levels, strict=True)) if self.levels else {}

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of one number: the names of the levels where there are any."""
        if self.levels:
            return {"enum": list(self.levels)}
        points = [plain(round(one, 9)) for one in self.values]
        bounds = {"minimum": plain(self.low), "maximum": plain(self.high)}
        if points and all(isinstance(one, int) for one in points) and self.step == 1:
            return {"type": "integer", **bounds}
        if points and len(points) <= _MANY:
            return {"enum": points}
        return {"type": "number", **bounds}

    def read(self, key: str, given: Any) -> float:
        """The number that `given` (a number, or a level's name) stands for.

        Raises:
            ValueError: it stands for none of them.
        """
        if isinstance(given, str):
            for value, name in self.named.items():
                if fold(name) == fold(given):
                    return value
            raise ValueError(f'"{key}" holds {given!r}, which is none of: {", ".join(self.levels) or self.span}')
        if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
            raise ValueError(f'"{key}" must be a number in {self.span}, not {given!r}')
        if not self.low <= given <= self.high:
            raise ValueError(f'"{key}" is {number(given)}, outside {self.span}')
        for value in self.values:
            if abs(value - given) <= _SLACK * max(self.step or 1, 1e-9):
                return value
        if self.step is not None:
            raise ValueError(f'"{key}" is {number(given)}, between the points: they lie {number(self.step)} apart')
        return float(given)

    def write(self, value: float) -> str | int | float:
        """`value` as `read` takes it."""
        return self.named.get(value, plain(value))

    def rules(self, field: str, *, of_entries: bool = False, asked: pl.Expr | None = None) -> list[Rule]:
        """The rules of the number in `field`, of those rows or entries for which `asked` is true.

        Several people's mean, with `votes`, may lie between the points.
        """
        name = field.rpartition(".")[2]
        this = pl.col(name)
        applies = pl.lit(True) if asked is None else asked
        of: Literal["row", "entry"] = "entry" if of_entries else "row"
        outside = ~this.is_between(self.low, self.high) | this.is_nan()
        found = [Rule(f"{name} outside the range", field, applies & outside, f"outside {self.span}", of=of)]
        if self.step is not None:
            steps = (this - self.low) / self.step
            off = (steps - steps.round()).abs() > _SLACK
            one = pl.col("row:votes" if of_entries else "votes").fill_null(1) <= 1
            says = f"between the points, which lie {number(self.step)} apart from {number(self.low)}"
            found.append(Rule(f"{name} between the points", field, applies & off & one, says, of=of))
        return found

    def in_words(self) -> str:
        """What numbers there are, for the card."""
        if self.levels:
            return ", ".join(f"{number(value)} = {name}" for value, name in self.named.items())
        steps = "" if self.step is None else f" in steps of {number(self.step)}"
        return f"from {number(self.low)} to {number(self.high)}{steps}"
