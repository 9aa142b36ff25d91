"""One conversation with a Hub: its own timeouts, bounded repeats, and every failure as one clear error.

huggingface_hub repeats uploads by itself but none of the calls that create, commit, tag or look up, and it waits for
their answers for ever. Both are put right here.
"""

from __future__ import annotations

import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging import CRITICAL
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
# Somebody was first: the parent of a commit is no longer the head, or the tag exists.
OVERTAKEN = frozenset({409, 412})


@dataclass(frozen=True)
class Patience:
    """How long a push waits, in seconds: for a connection, for an answer, and between repeats of one request.

    An answer is waited for long because the Hub thinks over a commit of many files. A Hub that asks (Retry-After) to
    be left alone for more than `longest_wait` is not waited for.
    """

    connect: float = 10.0
    answer: float = 300.0
    waits: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    longest_wait: float = 60.0


class Connection:
    """A Hub, a repository on it and the right to ask; made by `connect`."""

    def __init__(self, api: HfApi, repo: str, token: str, patience: Patience) -> None:
        self.api = api
        self.repo = repo
        self.endpoint = str(api.endpoint)
        self._token = token
        self._headers = {"Authorization": f"Bearer {token}"}
        self.patience = patience
        self._http = http_library()
        # What the client raises; the last three when an answer is not what it expects, as from a captive portal.
        self._failures = (
            self._http.HTTPError,
            OSError,
            RuntimeError,
            ValueError,
            LookupError,
            TypeError,
            AssertionError,
        )
        self._was_answered = False

    def ask(
        self,
        doing: str,
        call: Callable[[], T],
        *,
        landed: Callable[[], T | None] | None = None,
        repeats_itself: bool = False,
    ) -> T:
        """The answer to `call`, repeated while the failure may pass.

        `landed` is for a call that changes something: after every failure that leaves open whether it did, and when
        somebody was first, it looks the Hub up and returns what the call would have, or None if there is nothing yet.
        `repeats_itself` is for what huggingface_hub repeats already. `doing` completes "... while" in errors.

        Raises:
            DsbuildError: the failure will not pass, or did not within the patience.
        """
        waits = () if repeats_itself else self.patience.waits
        for wait in [*waits, None]:
            try:
                answer = call()
            except self._failures as failure:
                if landed is not None and self._leaves_open(failure) and (found := landed()) is not None:
                    return found
                pause = self._pause(failure, wait, landed is not None)
                if pause is None:
                    raise self.explain(failure, doing) from failure
                time.sleep(pause)
            else:
                self._was_answered = True
                return answer
        raise AssertionError("the last round either returns or raises")

    def get(self, path: str) -> Any:
        """The response to a GET of `path` at the endpoint, with the token; for what the client has no method for."""
        from huggingface_hub import get_session

        return get_session().get(f"{self.endpoint}{path}", headers=self._headers, follow_redirects=True)

    def post(self, path: str, body: dict[str, str]) -> Any:
        """The response to a POST of `body` as JSON to `path`."""
        from huggingface_hub import get_session

        return get_session().post(f"{self.endpoint}{path}", headers=self._headers, json=body)

    def explain(self, failure: BaseException, doing: str) -> DsbuildError:
        """`failure` as an error for a person: no token, no signed address, nothing longer than a few lines."""
        response = _response(failure)
        if response is not None:
            return self._explain_status(response, failure, doing)
        where = f"{self.endpoint}/datasets/{self.repo}"
        if isinstance(failure, self._http.ConnectError | self._http.ConnectTimeout):
            return DsbuildError(
                f"Cannot reach the Hub while {doing}.",
                where=self.endpoint,
                fix="Check the network, and HF_ENDPOINT if it is set.",
            )
        if isinstance(failure, self._http.TimeoutException):
            said = f"no answer within {self.patience.answer:g} s"
            return DsbuildError(f"The Hub gave {said} while {doing}.", where=where, fix="Push again later.")
        if isinstance(failure, self._http.TransportError):
            return DsbuildError(f"The connection broke while {doing}.", where=where, fix="Push again.")
        # The client wraps what a thread of an upload raised.
        if isinstance(failure, RuntimeError) and isinstance(failure.__cause__, self._http.HTTPError):
            return self.explain(failure.__cause__, doing)
        said = self._clean(str(failure) or type(failure).__name__)
        return DsbuildError(f"The Hub's client failed while {doing}: {said}", where=where)

    def _explain_status(self, response: Any, failure: BaseException, doing: str) -> DsbuildError:
        status = response.status_code
        where = f"{self.endpoint}/datasets/{self.repo}"
        if status == 401:
            return DsbuildError(
                f"The Hub does not accept the token (401) while {doing}.",
                where=where,
                fix="Set HF_TOKEN to a valid token, or log in again with `hf auth login`.",
            )
        if status == 403:
            return DsbuildError(
                f"The token has no right to write here (403) while {doing}.",
                where=where,
                fix="Use a token with write permission of an account that may write to this repository.",
            )
        if status == 404:
            return DsbuildError(
                f"There is no such repository for this token (404) while {doing}.",
                where=where,
                fix="Check the name; a private repository of somebody else looks as if it did not exist.",
            )
        if status == 429:
            after = _retry_after(response)
            later = "later" if after is None else f"in {after:g} s"
            return DsbuildError(
                f"The Hub asks to slow down (429) while {doing}.", where=where, fix=f"Push again {later}."
            )
        if status >= 500:
            return DsbuildError(f"The Hub failed ({status}) while {doing}.", where=where, fix="Push again later.")
        return DsbuildError(f"The Hub refused ({status}) while {doing}: {self._clean(str(failure))}", where=where)

    def _leaves_open(self, failure: BaseException) -> bool:
        """Whether what was asked may have been done all the same: by every failure but a plain refusal."""
        response = _response(failure)
        return response is None or response.status_code in AGAIN | OVERTAKEN

    def _pause(self, failure: BaseException, wait: float | None, changes: bool) -> float | None:
        """Seconds until the next try, None if there shall be none."""
        response = _response(failure)
        if response is None:
            passes = isinstance(failure, self._http.TransportError)
        else:
            passes = response.status_code in AGAIN or (changes and response.status_code in OVERTAKEN)
        if wait is None or not passes:
            return None
        if isinstance(failure, self._http.ConnectError) and not self._was_answered:
            return None  # a wrong address: nobody has answered there yet
        after = None if response is None else _retry_after(response)
        if after is None:
            return wait
        return after if after <= self.patience.longest_wait else None

    def _clean(self, text: str) -> str:
        text = re.sub(r"\?[^\s'\"]*", "", text.replace(self._token, "***"))
        return re.sub(r"\s+", " ", text).strip()[:400]


@contextmanager
def connect(repo: str, patience: Patience) -> Iterator[Connection]:
    """A conversation about the dataset `repo`, at HF_ENDPOINT or the public Hub.

    The token comes from HF_TOKEN or from where `hf auth login` put it. While the conversation lasts, huggingface_hub
    has timeouts, draws no bars and writes no log lines (they would hold the signed addresses of uploads).

    Raises:
        DsbuildError: no token, or not a repository's name.
    """
    from huggingface_hub import HfApi, constants, get_token
    from huggingface_hub.utils import logging
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", repo, re.ASCII) or re.search(r"--|\.\.|\.git$", repo):
        raise DsbuildError(f"{repo!r} is not the name of a repository.", fix="Write it as NAMESPACE/NAME.")
    token = get_token()
    if not token:
        raise DsbuildError(
            "There is no token for the Hub.",
            fix="Set HF_TOKEN to a token with write permission, or log in with `hf auth login`.",
        )
    endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
    verbosity, had_bars = logging.get_verbosity(), not are_progress_bars_disabled()
    logging.set_verbosity(CRITICAL)
    if had_bars:
        disable_progress_bars()
    try:
        with _timeouts(patience), warnings.catch_warnings():
            # The client says with a warning what the Hub finds doubtful in the card; `check_card` returns it.
            warnings.filterwarnings("ignore", "Warnings while validating metadata", UserWarning)
            yield Connection(HfApi(endpoint=endpoint, token=token), repo, token, patience)
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            enable_progress_bars()


def http_library() -> ModuleType:
    """The HTTP library of the installed huggingface_hub: httpx2 since 2.0, httpx before."""
    from huggingface_hub.errors import HfHubHTTPError

    return sys.modules[HfHubHTTPError.__bases__[0].__module__.partition(".")[0]]


@contextmanager
def _timeouts(patience: Patience) -> Iterator[None]:
    """The client of huggingface_hub with timeouts; whatever else a program has set on it (proxies, certificates) stays.

    There is no public way to ask for the current factory, so its one private name is read here.
    """
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils import _http

    current = _http._GLOBAL_CLIENT_FACTORY
    timeout = http_library().Timeout(patience.answer, connect=patience.connect)

    def with_timeouts() -> Any:
        client = current()
        client.timeout = timeout
        return client

    set_client_factory(with_timeouts)
    try:
        yield
    finally:
        set_client_factory(current)


def _response(failure: BaseException) -> Any:
    """The HTTP response behind `failure`, None if there was none."""
    return getattr(failure, "response", None)


def _retry_after(response: Any) -> float | None:
    """The seconds that the Hub asks to wait; a date is not honoured, as the client does not either."""
    given = response.headers.get("Retry-After", "").strip()
    return float(given) if given.isdigit() else None
