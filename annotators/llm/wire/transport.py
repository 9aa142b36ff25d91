"""The way to an OpenAI-compatible endpoint: one POST per answer, and a decision by status code when it fails.

- 200 with a chat completion: the answer. 429: the row comes back after Retry-After, which counts as no failure (see
  pace.py).
- 408, 409, 425, 5xx, broken connections, time-outs, pages that are no answer: that row alone backs off, with jitter, up
  to `max_attempts`.
- 400 and 422 that name the response format: the next simpler format is used from then on (see formats.py).
- 401, 402, 403, 404, redirects, a 429 that says the quota is used up: the run stops at once (see endpoint.py).
- any other 4xx, an answer without end: the request itself is at fault, that row fails.

A server that cannot be reached, or answers nobody for `OUTAGE_SECONDS`, stops the run with its URL in the message; so
do rows that nearly all fail (see health.py). Limits per minute are kept to (see limits.py).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from annotators.llm.wire.connection import CHOICES, Connection, Outcome
from annotators.llm.wire.deadline import held
from annotators.llm.wire.endpoint import Endpoint, read_retry_after
from annotators.llm.wire.formats import FORMATS, simpler
from annotators.llm.wire.health import Health
from annotators.llm.wire.limits import Limits, tokens_of
from annotators.llm.wire.pace import Pace
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    import aiohttp

__all__ = ["FORMATS", "Purse", "RowFailed", "Traffic", "Transport", "Wire", "read_retry_after"]

OUTAGE_SECONDS: Final = 90.0
REFUSAL_SECONDS: Final = 900.0  # a server that says when to come back is there
FIRST_CONTACT_SECONDS: Final = 3.0
FEW: Final = 16  # rows: so many that fail together say nothing of the server
BACK_OFF: Final = (0.5, 30.0)  # seconds: the first wait, the longest
NO_RETRY_AFTER: Final = (1.0, 60.0)  # seconds: the first wait, the longest, after a 429 that does not say
_AGAIN: Final = frozenset({408, 409, 425})


class RowFailed(Exception):
    """This request will not be answered; others may be. `detail` says why, without secrets."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass
class Traffic:
    """Counts of what went over the wire in this run: for the progress display, never for a release."""

    sent: int = 0
    answered: int = 0
    refused: int = 0
    failed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)

    def count(self, status: str) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1


class Purse(Protocol):
    """Who pays for a request: `reserve` before each time it is sent, then one of `lost` (it may have been charged),
    `refused` (it was not), or whatever the caller does with the answer."""

    async def reserve(self) -> None: ...

    def lost(self) -> None: ...

    def refused(self) -> None: ...


class Wire(Protocol):
    """A way to a server: `Transport` asks one by one, `annotators.llm.batch.BatchTransport` many at once."""

    pace: Pace
    traffic: Traffic

    async def ask(
        self, body: Callable[[str], bytes], purse: Purse | None = None, key: bytes = b""
    ) -> tuple[bytes, float]: ...


@dataclass(slots=True)
class _Row:
    """How often one request was refused, sent in vain, and sent in vain through its own fault."""

    refusals: int = 0
    tries: int = 0
    failures: int = 0


class Transport:
    """`async with Transport(url, key, ...) as transport:` keeps a pool of connections to one endpoint.

    `url` is the base URL as written; `key` goes into the Authorization header and nowhere else; `model` is named in
    messages; `timeout` bounds one request, in seconds; `before` is done before each request, in its place in flight;
    `seed` is for the jitter alone; `path` is what is asked below the URL, and `holds` the key, in quotes,
    that its answers have. Limits per minute hold beside those that the server's headers tell.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        model: str,
        concurrency: int,
        max_attempts: int = 6,
        timeout: float = 120,
        key_name: str | None = None,
        before: Callable[[aiohttp.ClientSession], Awaitable[None]] | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        seed: int = 0,
        path: str = "chat/completions",
        holds: bytes = CHOICES,
    ) -> None:
        self.url = f"{url.rstrip('/')}/{path}"
        self.pace = Pace(concurrency)
        self.limits = Limits(requests_per_minute, tokens_per_minute)
        self.traffic = Traffic()
        self.response_format = FORMATS[0]
        self._endpoint = Endpoint(url, model, key, key_name)
        self._connection = Connection(
            self.url, key, most=concurrency, timeout=timeout, before=before, heard=self.limits.learn, holds=holds
        )
        self._max_attempts = max_attempts
        self._random = random.Random(seed)
        self._health = Health()

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    async def ask(
        self, body: Callable[[str], bytes], purse: Purse | None = None, key: bytes = b""
    ) -> tuple[bytes, float]:
        """The body of the 200 answer to `body(response format)`, and the seconds that request took.

        `purse` is asked before each time the request is sent; the caller settles for the answer itself. `key` names
        the request where it has to be found again (see `annotators.llm.batch`); nothing of it is sent here.

        Raises:
            RowFailed: this request fails for good.
            DsbuildError: no request can succeed (key, quota, model, endpoint), so the run has to stop.
        """
        row: _Row | None = None
        try:
            while True:
                answered = self._health.answered
                form, outcome = await self._in_its_turn(body, purse)
                if outcome.status == 200:
                    self.traffic.answered += 1
                    self._health.succeeded()
                    self.pace.succeeded()
                    return outcome.body, outcome.seconds
                if (hopeless := self._endpoint.hopeless(outcome.status, outcome.body)) is not None:
                    raise hopeless
                if (other := simpler(form, outcome.status, outcome.body)) is not None:
                    if self.response_format == form:
                        self.response_format = other
                    continue
                if outcome.trouble == "long" or (
                    400 <= outcome.status < 500 and outcome.status != 429 and outcome.status not in _AGAIN
                ):
                    raise self._row_failed(outcome)
                if row is None:
                    row = _Row()
                    self._health.in_trouble += 1
                if outcome.status == 429:
                    await asyncio.sleep(self._refused(outcome, row))
                else:
                    await asyncio.sleep(self._failed(outcome, row, answered))
        finally:
            if row is not None:
                self._health.in_trouble -= 1

    async def _in_its_turn(self, body: Callable[[str], bytes], purse: Purse | None) -> tuple[str, Outcome]:
        """Wait for a place in flight, and for the limits per minute, then send; the response format and what came."""
        if self.limits.known:
            with held():
                await self.pace.enter()
        else:
            await self.pace.enter()
        try:
            form = self.response_format  # as it is known by now
            if self.limits.known:
                return form, await self._within_limits(body(form), purse)
            return form, await self._pay_and_post(body(form), purse)
        finally:
            self.pace.leave()

    async def _within_limits(self, body: bytes, purse: Purse | None) -> Outcome:
        thought = await self.limits.take(len(body))
        outcome = await self._pay_and_post(body, purse)
        if self.limits.tokens.a_second is not None and outcome.status != 0:
            tokens = tokens_of(outcome.body) if outcome.status == 200 else 0
            self.limits.used(len(body), thought, tokens)
        return outcome

    async def _pay_and_post(self, body: bytes, purse: Purse | None) -> Outcome:
        self.traffic.sent += 1
        if purse is None:
            outcome = await self._connection.post(body)
        else:
            await purse.reserve()
            status = 0
            try:
                outcome = await self._connection.post(body)
                status = outcome.status
            finally:
                if status == 0:
                    purse.lost()
                elif status != 200:
                    purse.refused()
        self.traffic.count(str(outcome.status or outcome.trouble))
        return outcome

    def _refused(self, outcome: Outcome, row: _Row) -> float:
        """After a 429: seconds to wait, a little more than asked for, since not everybody should come back at once."""
        self.traffic.refused += 1
        first, longest = NO_RETRY_AFTER
        wait = min(longest, first * float(2**row.refusals)) if outcome.retry_after is None else outcome.retry_after
        row.refusals = min(row.refusals + 1, 16)
        self.pace.refused(wait)
        silent = self._health.stumbled(asyncio.get_running_loop().time())
        if silent >= REFUSAL_SECONDS or (wait > REFUSAL_SECONDS and self.pace.mostly_refused):
            raise DsbuildError(
                f"The LLM server refuses nearly everything (HTTP 429) and says to come back in {wait:.0f} s.",
                where=self._endpoint.shown,
                fix=f"It says: {self._endpoint.said(outcome.body)}. Run again then; what was answered is not asked"
                " again.",
            )
        return wait * (1 + 0.1 * self._random.random()) + 0.01

    def _failed(self, outcome: Outcome, row: _Row, answered: int) -> float:
        """After a failure that may pass: seconds to wait, which grow with every failure of this row."""
        self.traffic.failed += 1
        health = self._health
        silent = health.stumbled(asyncio.get_running_loop().time())
        never = health.answered == 0 and outcome.trouble in ("unreachable", "page")
        row.tries += 1
        if silent >= (FIRST_CONTACT_SECONDS if never else OUTAGE_SECONDS):
            if outcome.status < 500 or health.in_trouble >= FEW:
                raise self._outage(outcome, silent, never)
            # A few that fail together, and nobody else is there to say whether the server is well.
            if row.tries >= self._max_attempts:
                raise self._row_failed(outcome)
        # When nobody is answered it is the server's failure, not this row's.
        if outcome.trouble != "unreachable" and (health.answered > answered or health.in_trouble < 3):
            row.failures += 1
        if row.failures >= self._max_attempts:
            raise self._row_failed(outcome)
        first, longest = BACK_OFF
        wait = min(longest, first * float(2 ** min(row.tries - 1, 16))) * (0.5 + 0.5 * self._random.random())
        return max(wait, outcome.retry_after or 0)

    def _detail(self, outcome: Outcome) -> str:
        said = self._endpoint.said(outcome.body)
        return f"HTTP {outcome.status}: {said}" if outcome.status else said

    def _row_failed(self, outcome: Outcome) -> Exception:
        detail = self._detail(outcome)
        if rows := self._health.failed(str(outcome.status or outcome.trouble)):
            return DsbuildError(
                f"Nearly all of the last {rows} rows failed. The last: {detail}",
                where=self._endpoint.shown,
                fix="If the message does not say what to change, look at the server's log.",
            )
        return RowFailed(detail)

    def _outage(self, outcome: Outcome, silent: float, never: bool) -> DsbuildError:
        if never and outcome.trouble == "page":
            what = "What answers at this address is no LLM server."
        else:
            what = "The LLM server cannot be reached." if never else f"Nobody was answered for {silent:.0f} s."
        return DsbuildError(
            what,
            where=self._endpoint.shown,
            fix=f"The last failure: {self._detail(outcome)}. Check base_url and that the server runs, then run"
            " again; what was answered is not asked again.",
        )
