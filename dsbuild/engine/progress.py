"""Showing how far a node is: a bar on a terminal, a plain line now and then elsewhere, nothing for the quick."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

    from schemas.protocols import Progress

_PATIENCE = 1.0  # seconds that go by before anything is shown
_LINE = 30.0  # seconds between two plain lines
_WINDOW = 30.0  # seconds that say how fast it goes: what came from a store at once says nothing of what is asked


@dataclass
class Display:
    """The progress of one node; call it with what is done, what there is to do, and figures to show beside.

    `done`, `total` and `figures` are what it was last called with, `seconds` how long it went on until then.
    """

    name: str
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    figures: dict[str, Any] = field(default_factory=dict)
    _bar: tqdm[Any] | None = None
    _begun: float | None = None
    _shown: float | None = None
    _last: int | None = None
    _recent: deque[tuple[float, int]] = field(default_factory=deque)

    def __call__(self, done: int, total: int, **figures: Any) -> None:
        now = self.clock()
        if self._begun is None:
            self._begun = now
        self.done, self.total, self.figures, self.seconds = done, total, figures, now - self._begun
        if now - self._begun < _PATIENCE:
            return
        self._remember(now, done)
        if self.stream.isatty():
            self._draw(done, total, figures)
        elif self._last != done and (self._shown is None or now - self._shown >= _LINE or done >= total):
            self._shown, self._last = now, done
            more = "".join(f", {name.replace('_', ' ')} {value}" for name, value in figures.items())
            print(
                f"{self.name}: {done:,} of {total:,} ({self._pace(now, done, total)}{more})",
                file=self.stream,
                flush=True,
            )

    def _remember(self, now: float, done: int) -> None:
        if not self._recent or now - self._recent[-1][0] >= 1.0:
            self._recent.append((now, done))
        while len(self._recent) > 1 and now - self._recent[1][0] > _WINDOW:
            self._recent.popleft()

    def _pace(self, now: float, done: int, total: int) -> str:
        """How fast it goes, and for how long it will."""
        since, before = self._recent[0] if self._recent[0][0] < now else (self._begun or 0.0, 0)
        rate = (done - before) / (now - since) if now > since else 0.0
        if rate <= 0 or done >= total:
            return f"{rate:,.1f}/s"
        return f"{rate:,.1f}/s, {_span((total - done) / rate)} left"

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


@dataclass
class Watched:
    """A display that remembers what it was last called with, for whoever has to say how far it came."""

    shown: Progress
    done: int = 0
    total: int = 0
    figures: dict[str, Any] = field(default_factory=dict)

    def __call__(self, done: int, total: int, **figures: Any) -> None:
        self.done, self.total, self.figures = done, total, figures
        self.shown(done, total, **figures)


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
