"""One POST and what came of it: bounded in time and bytes, and an answer told from a page that only looks like one."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from annotators.llm.wire.endpoint import read_retry_after
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp

LONGEST_ANSWER: Final = 32 * 2**20  # bytes, unpacked
CONNECT_SECONDS: Final = 10.0

CHOICES: Final = b'"choices"'  # the key that makes an object a chat completion

# unreachable: no connection; lost: it broke, or time was up; page: something came that is no answer of an LLM; long:
# an answer without end.
Trouble = Literal["", "unreachable", "lost", "page", "long"]


@dataclass(slots=True)
class Outcome:
    """`status` is the HTTP status, 0 where there is no answer at all: then `trouble` and `body` say why. `retry_after`
    and `seconds` (that it took) are in seconds."""

    status: int
    body: bytes
    trouble: Trouble = ""
    retry_after: float | None = None
    seconds: float = 0.0


class Connection:
    """A pool of connections to `url`, which are used again and again; a context.

    `key` goes into the Authorization header of every request and nowhere else: no ~/.netrc is read. A proxy is used
    where HTTP_PROXY, HTTPS_PROXY and NO_PROXY say so, except for this machine itself. `timeout` bounds a request from
    its first byte to the answer's last, in seconds; `heard` is given the headers of every answer; `holds` is
    the key, in quotes, that an answer has.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        most: int,
        timeout: float,
        before: Callable[[aiohttp.ClientSession], Awaitable[None]] | None = None,
        heard: Callable[[Mapping[str, str]], None] | None = None,
        holds: bytes = CHOICES,
    ) -> None:
        self.url = url
        self._key = key
        self._most = most
        self._timeout = timeout
        self._before = before
        self._heard = heard
        self._holds = holds
        self._proxy = proxy_for(url)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        import aiohttp

        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=self._most, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self._proxy,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def post(self, body: bytes) -> Outcome:
        """Send `body` and wait for the whole answer.

        Raises:
            DsbuildError: the URL is none.
        """
        import aiohttp

        assert self._session is not None
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            if self._before is not None:
                await self._before(self._session)
            async with self._session.post(self.url, data=body, allow_redirects=False) as response:
                answer = await _read(response)
                if self._heard is not None:
                    self._heard(response.headers)
                if answer is None:
                    outcome = Outcome(0, f"an answer of more than {LONGEST_ANSWER:,} bytes".encode(), "long")
                else:
                    right = response.status == 200
                    outcome = judged(answer, self._holds) if right else Outcome(response.status, answer)
                    if outcome.status != 200:
                        outcome.retry_after = read_retry_after(response.headers)
        except aiohttp.ConnectionTimeoutError:
            outcome = Outcome(0, f"no connection within {CONNECT_SECONDS:g} s".encode(), "unreachable")
        except TimeoutError:
            outcome = Outcome(0, f"no answer within {self._timeout:g} s".encode(), "lost")
        except aiohttp.InvalidURL:
            raise DsbuildError("This base_url is not a URL.", where=self.url) from None
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            outcome = Outcome(0, f"{type(error).__name__}: {error}".encode(), "unreachable")
        except aiohttp.ClientError as error:
            outcome = Outcome(0, f"{type(error).__name__}: {error}".encode(), "lost")
        outcome.seconds = loop.time() - start
        return outcome


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, unpacked; null if it is longer than an answer may be, which ends the connection."""
    length = response.content_length
    if length is not None and length <= LONGEST_ANSWER and "Content-Encoding" not in response.headers:
        return await response.read()
    parts: list[bytes] = []
    size = 0
    if length is None or length <= LONGEST_ANSWER:
        async for part in response.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > LONGEST_ANSWER:
                break
        else:
            return b"".join(parts)
    response.close()
    return None


def judged(answer: bytes, holds: bytes = CHOICES) -> Outcome:
    """A 200 is an answer if it is a chat completion, or an object with the key `holds` instead; proxies and routers
    send other things with that status."""
    if holds in answer and answer.lstrip()[:1] == b"{" and answer.rstrip()[-1:] == b"}":
        return Outcome(200, answer)
    try:
        parsed = json.loads(answer)
        error = parsed["error"]
    except (ValueError, LookupError, TypeError, RecursionError):
        what = "a page in HTML" if re.match(rb"\s*<(!doctype|html|\?xml)", answer, re.IGNORECASE) else _broken(answer)
        shown = re.sub(r"\s+", " ", answer[:200].decode("utf-8", "replace")).strip()
        return Outcome(0, f"HTTP 200, but {what}: {shown}".encode(), "page")
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and 400 <= code < 600:  # a router that passes on what happened behind it
        return Outcome(code, answer)
    return Outcome(500, answer)


def _broken(answer: bytes) -> str:
    return "a chat completion that breaks off" if b'"choices"' in answer else "no chat completion"


def proxy_for(url: str) -> str | None:
    """The proxy for `url` by the environment; never one for this machine itself, which no proxy knows."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")
