"""Showing how far a node is: a bar on a terminal, a plain line now and then elsewhere, nothing for the quick."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

_PATIENCE = 1.0  # seconds that go by before anything is shown
_LINE = 30.0  # seconds between two plain lines


@dataclass
class Display:
    """The progress of one node; call it with what is done, what there is to do, and figures to show beside."""

    name: str
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.monotonic
    _bar: tqdm[Any] | None = None
    _begun: float | None = None
    _shown: float | None = None
    _last: int | None = None

    def __call__(self, done: int, total: int, **figures: Any) -> None:
        now = self.clock()
        if self._begun is None:
            self._begun = now
        if now - self._begun < _PATIENCE:
            return
        if self.stream.isatty():
            self._draw(done, total, figures)
        elif self._last != done and (self._shown is None or now - self._shown >= _LINE or done >= total):
            self._shown, self._last = now, done
            rate = done / (now - self._begun) if now > self._begun else 0.0
            more = "".join(f", {name} {value}" for name, value in figures.items())
            print(f"{self.name}: {done:,} of {total:,} ({rate:,.1f}/s{more})", file=self.stream, flush=True)

    def _draw(self, done: int, total: int, figures: dict[str, Any]) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, initial=done, desc=self.name, file=self.stream, leave=False, mininterval=0.2)
        self._bar.total = total
        if figures:
            self._bar.set_postfix(figures, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Clear the bar away."""
        if self._bar is not None:
            self._bar.close()
