"""Python's garbage collector, told to look less often while very many small things come and go."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (50_000, 20, 100)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for cycles every 50,000 new objects (Python: 700) while the context is open.

    A request makes hundreds of objects that live for as long as the answer takes, and with hundreds in flight the
    collector goes through all of them again and again: about a fifth of the CPU of a run. Almost nothing of it is a
    cycle, so memory does not grow.
    """
    before = gc.get_threshold()
    if before[0] == 0 or before[0] >= THRESHOLDS[0]:  # somebody has decided already
        yield
        return
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
