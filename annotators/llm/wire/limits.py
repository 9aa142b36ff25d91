"""Requests and tokens per minute: kept to by spacing, known from the recipe or from what the server's headers say.

The rule is the generic cell rate algorithm (ITU-T I.371, annex A): each request pushes the earliest time of the next
one on by what it takes of the limit. There is no bucket that fills while nothing is sent, so nothing comes in bursts.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from annotators.llm.wire.deadline import held

MARGIN: Final = 0.97  # of a limit that is used: their clock and the way there are not ours
SLACK: Final = 0.02  # seconds a late timer may make up for
TOKENS_A_BYTE: Final = 0.35  # of a request's body, answer included, before any answer said better
LEARNING: Final = 0.05  # how much one answer moves that estimate
MINUTE: Final = 60.0
_LONG: Final = 400 * 86400.0  # seconds; a longer "reset" is a date, not a time to wait
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class Rate:
    """So many units a second; `set_to` is the recipe's word, `learned` the server's, and the smaller one holds."""

    def __init__(self, kind: str, a_minute: float | None) -> None:
        self.set_to = None if a_minute is None else a_minute / MINUTE
        self.learned: float | None = None
        self.a_second: float | None = None
        self._headers = (f"x-ratelimit-limit-{kind}", f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}")
        self._said: str | None = None
        self._choose()

    def _choose(self) -> None:
        known = [rate for rate in (self.set_to, self.learned) if rate is not None]
        self.a_second = min(known) * MARGIN if known else None

    def seconds(self, units: float) -> float:
        """How long the limit takes to let `units` through; 0 where there is none."""
        return 0.0 if self.a_second is None else units / self.a_second

    def learn(self, headers: Mapping[str, str]) -> None:
        """Read the server's headers.

        A limit is one per minute, as at OpenAI, unless its reset lies further off: Groq's requests are per day. Such
        a limit is kept to only once nothing is left of it: then what is given back sets the pace.
        """
        limit, remaining, reset = self._headers
        said = headers.get(limit)
        if said is None:
            return
        nothing_left = headers.get(remaining) == "0"
        if said == self._said and not nothing_left:
            return
        self._said = said
        units, until = _number(said), read_reset(headers.get(reset))
        if units is None or units <= 0:
            return
        long = until is not None and until > MINUTE
        if long and until is not None:
            self.learned = units / until if nothing_left else None
        else:
            self.learned = units / MINUTE
        self._choose()


class Limits:
    """When the next request may be sent. `clock` gives seconds, `sleep` waits for some."""

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        *,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.requests = Rate("requests", requests_per_minute)
        self.tokens = Rate("tokens", tokens_per_minute)
        self.tokens_a_byte = TOKENS_A_BYTE
        self._clock = clock
        self._sleep = sleep
        self._next = float("-inf")

    @property
    def known(self) -> bool:
        """Whether there is any limit to keep to."""
        return self.requests.a_second is not None or self.tokens.a_second is not None

    async def take(self, size: int) -> float:
        """Wait until a request of `size` bytes may be sent; the tokens it is thought to take, answer included.

        Requests pass in the order in which they came. The row's deadline stands still meanwhile.
        """
        tokens = size * self.tokens_a_byte
        now = self._clock() if self._clock else asyncio.get_running_loop().time()
        start = max(self._next, now - SLACK)
        self._next = start + max(self.requests.seconds(1), self.tokens.seconds(tokens))
        if start > now:
            with held():
                await self._sleep(start - now)
        return tokens

    def used(self, size: int, thought: float, tokens: float | None) -> None:
        """Correct `thought` by what a request of `size` bytes took: 0 where it was refused, null where nobody knows."""
        if tokens is None:
            return
        self._next += self.tokens.seconds(tokens) - self.tokens.seconds(thought)
        if tokens > 0 and size > 0:
            self.tokens_a_byte += LEARNING * (tokens / size - self.tokens_a_byte)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Read the server's rate limit headers, as OpenAI, Groq and vLLM's gateways send them."""
        self.requests.learn(headers)
        self.tokens.learn(headers)


def tokens_of(answer: bytes) -> int | None:
    """`usage.total_tokens` of a chat completion, found without parsing it; null if it does not say."""
    # Within the model's words the quotes of such a key would be escaped, so this is the server's own.
    at = answer.rfind(b'"total_tokens"')
    digits = re.match(rb"\s*:\s*(\d{1,12})", answer[at + 14 : at + 40]) if at >= 0 else None
    return None if digits is None else int(digits[1])


def read_reset(text: str | None) -> float | None:
    """Seconds from "1s", "6m0s", "17ms", "1h2m3.5s" or "12.5"; null if it is none of these."""
    if text is None:
        return None
    text = text.strip()
    seconds = _number(text)
    if seconds is None:
        if not text or _PARTS.sub("", text):
            return None
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PARTS.findall(text))
    return seconds if 0 <= seconds < _LONG else None


def _number(text: str) -> float | None:
    return float(text) if text.replace(".", "", 1).isdecimal() and text.isascii() else None
