"""What an endpoint's refusals mean, in words a user can act on; a key is never among them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from schemas.errors import DsbuildError

RETRY_AFTER: Final = (0.05, 86400.0)  # seconds: what a Retry-After is held to
_KEPT: Final = "what was answered is not asked again"


@dataclass(frozen=True)
class Endpoint:
    """A server as the recipe names it: `shown` is its base URL as written, `key` what it is sent (nowhere shown),
    `key_name` the variable that the recipe names for it."""

    shown: str
    model: str
    key: str | None = None
    key_name: str | None = None

    def said(self, answer: bytes) -> str:
        """The server's message, on one line, at most 300 characters, without the key."""
        text = answer[:4000].decode("utf-8", "replace")
        try:
            error = json.loads(answer)["error"]
            text = str(error["message"] if isinstance(error, dict) else error)
        except (ValueError, LookupError, TypeError, RecursionError):
            pass  # not in OpenAI's form: the text as it is
        if self.key:
            text = text.replace(self.key, "[key]")
        return re.sub(r"\s+", " ", text).strip()[:300]

    def hopeless(self, status: int, answer: bytes) -> DsbuildError | None:
        """The end of the run, where `status` means that no request can succeed."""
        if status in (401, 403):
            return None if status == 403 and _is_about_the_input(answer) else self._no_entry(status)
        if status == 402 or quota_is_used_up(status, answer):
            return DsbuildError(
                f"The account at this endpoint has no credit or quota left (HTTP {status}).",
                where=self.shown,
                fix=f"Top it up and run again; {_KEPT}.",
            )
        if status == 404:
            return DsbuildError(
                f'There is no model "{self.model}" at this endpoint, or no chat completions API (HTTP 404).',
                where=self.shown,
                fix=f"The server says: {self.said(answer)}",
            )
        if 300 <= status < 400:
            return DsbuildError(
                f"This endpoint redirects (HTTP {status}); a key is not sent after a redirect.",
                where=self.shown,
                fix="Write the address it redirects to in base_url.",
            )
        return None

    def _no_entry(self, status: int) -> DsbuildError:
        # What the server says about a key may hold parts of it, so it is not repeated.
        if not self.key:
            return DsbuildError(
                f"The LLM server does not accept a request without a key (HTTP {status}): base_url is set and"
                " api_key_env is not, so none was sent.",
                where=self.shown,
                fix="Name the environment variable that holds the key for this server in api_key_env.",
            )
        name = self.key_name or "OPENAI_API_KEY"
        return DsbuildError(
            f"The LLM server does not accept the key in {name} (HTTP {status}).",
            where=self.shown,
            fix=f"Check {name}, or name the right variable in api_key_env.",
        )


def quota_is_used_up(status: int, answer: bytes) -> bool:
    """Whether a 429 is about money: waiting does not help."""
    return status == 429 and (b"insufficient_quota" in answer or b"billing_hard_limit" in answer)


def _is_about_the_input(answer: bytes) -> bool:
    # Routers answer 403 for one text that their moderation flags; the next text may pass.
    return b"flagged" in answer or b"moderation" in answer


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
    if seconds != seconds:  # NaN compares with nothing
        return None
    return min(most, max(least, seconds))
