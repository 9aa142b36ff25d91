"""The way to an OpenAI-compatible endpoint: one POST per answer, and a decision by status code when it fails.

- 200: the answer. 429: the row comes back after Retry-After, which counts as no failure (see pace.py).
- 408, 409, 425, 5xx, broken connections, time-outs: that row alone backs off, with jitter, up to `max_attempts`.
- 400 and 422 that name the response format: the next simpler format is used from then on.
- 401, 402, 403, 404, redirects, a 429 that says the quota is used up: the run stops at once.
- any other 4xx: the request itself is at fault, that row fails.

A server that cannot be reached, or answers nobody for `OUTAGE_SECONDS`, stops the run with its URL in the message.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self
from urllib.parse import urlsplit

from annotators.llm.wire.pace import Pace
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    import aiohttp

FORMATS: Final = ("json_schema", "json_object", "text")
OUTAGE_SECONDS: Final = 90.0
FIRST_CONTACT_SECONDS: Final = 3.0
FAILED_IN_A_ROW: Final = 8
BACK_OFF: Final = (0.5, 30.0)  # seconds: the first wait, the longest
RETRY_AFTER: Final = (0.05, 3600.0)  # seconds: what a Retry-After is held to
_AGAIN: Final = {408, 409, 425}


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


class Transport:
    """`async with Transport(url, key, ...) as transport:` keeps a pool of connections to one endpoint.

    `url` is the base URL as written; `key` goes into the Authorization header and nowhere else; `model` is named in
    messages; `timeout` bounds one request, in seconds; `before` is done before each request, in its place in flight;
    `seed` is for the jitter alone.
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
        seed: int = 0,
    ) -> None:
        self.url = url.rstrip("/") + "/chat/completions"
        self.pace = Pace(concurrency)
        self.traffic = Traffic()
        self.response_format = FORMATS[0]
        self._shown = url
        self._key = key
        self._key_name = key_name or "OPENAI_API_KEY"
        self._model = model
        self._max_attempts = max_attempts
        self._timeout = timeout
        self._before = before
        self._random = random.Random(seed)
        self._session: aiohttp.ClientSession | None = None
        self._last_success: float | None = None
        self._first_failure: float | None = None
        self._successes = 0
        self._rows_failed = 0
        self._in_trouble = 0

    async def __aenter__(self) -> Self:
        import aiohttp

        host = urlsplit(self.url).hostname or ""
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=self.pace.most, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=10),
            trust_env=host not in ("localhost", "127.0.0.1", "::1"),  # a proxy does not know our own machine
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def ask(self, body: Callable[[str], bytes], purse: Purse | None = None) -> tuple[bytes, float]:
        """The body of the 200 answer to `body(response format)`, and the seconds that request took.

        `purse` is asked before each time the request is sent; the caller settles for the answer itself.

        Raises:
            RowFailed: this request fails for good.
            DsbuildError: no request can succeed (key, quota, model, endpoint), so the run has to stop.
        """
        failures = 0
        troubled = False
        try:
            while True:
                successes, form = self._successes, self.response_format
                async with self.pace.slot():
                    status, answer, retry_after, seconds = await self._pay_and_post(body(form), purse)
                if status == 200:
                    self._succeeded()
                    return answer, seconds
                if status == 429 and not _quota_is_used_up(answer):
                    self.traffic.refused += 1
                    wait = 1.0 if retry_after is None else retry_after
                    self.pace.refused(wait)
                    self._first_failure = self._first_failure or asyncio.get_running_loop().time()
                    self._give_up_if_nobody_is_answered(status, answer)
                    # A little more than asked for: clocks differ, and not everybody should come back at once.
                    await asyncio.sleep(wait * (1 + 0.1 * self._random.random()) + 0.01)
                    continue
                self._stop_if_hopeless(status, answer)
                if status in (400, 422) and _is_about_the_format(answer) and form != FORMATS[-1]:
                    if self.response_format == form:
                        self.response_format = FORMATS[FORMATS.index(form) + 1]
                    continue
                if 400 <= status < 500 and status not in _AGAIN:
                    raise self._row_failed(f"HTTP {status}: {self._said(answer)}")
                self.traffic.failed += 1
                if not troubled:
                    troubled = True
                    self._in_trouble += 1
                self._first_failure = self._first_failure or asyncio.get_running_loop().time()
                self._give_up_if_nobody_is_answered(status, answer)
                # When nobody is answered it is the server's failure, not this row's.
                if self._successes > successes or self._in_trouble < 3:
                    failures += 1
                if failures >= self._max_attempts:
                    detail = self._said(answer)
                    raise self._row_failed(f"HTTP {status}: {detail}" if status else detail)
                first, longest = BACK_OFF
                wait = min(longest, first * 2 ** max(0, failures - 1)) * (0.5 + 0.5 * self._random.random())
                await asyncio.sleep(max(wait, retry_after or 0))
        finally:
            self._in_trouble -= troubled

    async def _pay_and_post(self, body: bytes, purse: Purse | None) -> tuple[int, bytes, float | None, float]:
        if purse is None:
            return await self._post(body)
        await purse.reserve()
        status = 0
        try:
            result = await self._post(body)
            status = result[0]
        finally:
            if status == 0:
                purse.lost()
            elif status != 200:
                purse.refused()
        return result

    async def _post(self, body: bytes) -> tuple[int, bytes, float | None, float]:
        """Status (0: no answer), body or what went wrong, Retry-After in seconds, seconds taken."""
        import aiohttp

        assert self._session is not None
        loop = asyncio.get_running_loop()
        self.traffic.sent += 1
        start = loop.time()
        try:
            if self._before is not None:
                await self._before(self._session)
            async with self._session.post(self.url, data=body, allow_redirects=False) as response:
                answer = await response.read()
                retry_after = read_retry_after(response.headers)
                status = response.status
        except TimeoutError:
            status, answer, retry_after = 0, f"no answer within {self._timeout:g} s".encode(), None
        except aiohttp.InvalidURL:
            raise DsbuildError("This base_url is not a URL.", where=self._shown) from None
        except aiohttp.ClientError as error:
            status, answer, retry_after = 0, f"{type(error).__name__}: {error}".encode(), None
        self.traffic.count(str(status or "no answer"))
        return status, answer, retry_after, loop.time() - start

    def _succeeded(self) -> None:
        self.traffic.answered += 1
        self._successes += 1
        self._rows_failed = 0
        self._last_success = asyncio.get_running_loop().time()
        self._first_failure = None
        self.pace.succeeded()

    def _row_failed(self, detail: str) -> Exception:
        self._rows_failed += 1
        if self._rows_failed >= FAILED_IN_A_ROW:
            return DsbuildError(
                f"{self._rows_failed} requests in a row failed. The last: {detail}",
                where=self._shown,
                fix="If the message does not say what to change, look at the server's log.",
            )
        return RowFailed(detail)

    def _give_up_if_nobody_is_answered(self, status: int, answer: bytes) -> None:
        now = asyncio.get_running_loop().time()
        begun = self._first_failure if self._first_failure is not None else now
        never = self._last_success is None and status == 0
        patience = FIRST_CONTACT_SECONDS if never else OUTAGE_SECONDS
        if status == 429:
            patience = max(patience, 10 * OUTAGE_SECONDS)  # a server that says when to come back is there
        if now - begun < patience:
            return
        how = f"HTTP {status}: " if status else ""
        raise DsbuildError(
            "The LLM server cannot be reached." if never else f"Nobody was answered for {now - begun:.0f} s.",
            where=self._shown,
            fix=f"The last failure: {how}{self._said(answer)}. Check base_url and that the server runs, then run"
            " again; what was answered is not asked again.",
        )

    def _stop_if_hopeless(self, status: int, answer: bytes) -> None:
        # What the server says about a key may hold parts of it, so it is not repeated.
        if status in (401, 403):
            sent = f"the key in {self._key_name}" if self._key else "a request without a key"
            raise DsbuildError(
                f"The LLM server does not accept {sent} (HTTP {status}).",
                where=self._shown,
                fix=f"Check {self._key_name}, or name the right variable in api_key_env.",
            )
        if status in (402, 429):
            raise DsbuildError(
                f"The account at this endpoint has no credit or quota left (HTTP {status}).",
                where=self._shown,
                fix="Top it up and run again; what was answered is not asked again.",
            )
        if status == 404:
            raise DsbuildError(
                f'There is no model "{self._model}" at this endpoint, or no chat completions API (HTTP 404).',
                where=self._shown,
                fix=f"The server says: {self._said(answer)}",
            )
        if 300 <= status < 400:
            raise DsbuildError(
                f"This endpoint redirects (HTTP {status}); a key is not sent after a redirect.",
                where=self._shown,
                fix="Write the address it redirects to in base_url.",
            )

    def _said(self, answer: bytes) -> str:
        """The server's message, on one line, at most 300 characters, without the key."""
        text = answer[:4000].decode("utf-8", "replace")
        try:
            error = json.loads(answer)["error"]
            text = str(error["message"] if isinstance(error, dict) else error)
        except (ValueError, LookupError, TypeError):
            pass  # not in OpenAI's form: the text as it is
        if self._key:
            text = text.replace(self._key, "[key]")
        return re.sub(r"\s+", " ", text).strip()[:300]


def _quota_is_used_up(answer: bytes) -> bool:
    return b"insufficient_quota" in answer or b"billing_hard_limit" in answer


def _is_about_the_format(answer: bytes) -> bool:
    words = answer.lower()
    return any(word in words for word in (b"response_format", b"json_schema", b"json schema", b"json_object"))


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms`, or `Retry-After` as seconds or as an HTTP date; null if not said."""
    get = headers.get
    least, most = RETRY_AFTER
    try:
        if (ms := get("retry-after-ms")) is not None:
            seconds = float(ms) / 1000
        elif (text := get("Retry-After")) is None:
            return None
        elif text.strip().replace(".", "", 1).isdigit():
            seconds = float(text)
        else:
            when = parsedate_to_datetime(text)
            date = get("Date")
            now = parsedate_to_datetime(date) if date else None
            if now is None:
                return None
            seconds = (when - now).total_seconds()  # by the server's own clock
    except (ValueError, TypeError):
        return None
    return min(most, max(least, seconds))
