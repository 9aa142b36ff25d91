"""A row's deadline, which stands still while this machine itself holds the row back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Protocol


class Clocked(Protocol):
    """Whoever is looked at from time to time: late if `since` is long ago and it is not `held`."""

    since: float
    held: bool


_TIMEOUT: ContextVar[asyncio.Timeout | None] = ContextVar("timeout", default=None)
CLOCKED: ContextVar[Clocked | None] = ContextVar("clocked", default=None)  # what the task at hand is about


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """At most `seconds` for what is done inside, not counting what is `held`.

    Raises:
        TimeoutError: the time is up.
    """
    async with asyncio.timeout(seconds) as timeout:
        token = _TIMEOUT.set(timeout)
        try:
            yield
        finally:
            _TIMEOUT.reset(token)


@contextmanager
def held() -> Iterator[None]:
    """Stop the clock of the row that waits inside: for a limit that we keep to, or for a batch."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    clocked, timeout = CLOCKED.get(), _TIMEOUT.get()
    when = None if timeout is None or timeout.expired() else timeout.when()
    if timeout is not None and when is not None:
        timeout.reschedule(None)
    if clocked is not None:
        clocked.held = True
    try:
        yield
    finally:
        waited = loop.time() - begun
        if timeout is not None and when is not None:
            timeout.reschedule(when + waited)
        if clocked is not None:
            clocked.held = False
            clocked.since += waited
