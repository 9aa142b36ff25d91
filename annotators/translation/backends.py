"""Who translates: servers of one's own over HTTP, and web services by way of deep-translator."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from schemas.errors import DsbuildError

if TYPE_CHECKING:
    import aiohttp

    from annotators.translation.config import TranslatorConfig

LARGEST_ANSWER = 16 * 2**20  # bytes


class Failed(Exception):
    """These texts were not translated; `again` says whether asking again may help, `wait` how long to wait first."""

    def __init__(self, detail: str, *, again: bool, wait: float = 0.0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.again = again
        self.wait = wait


class Backend(Protocol):
    """Translates texts; `several` says whether one request takes more than one."""

    several: bool

    async def translate(self, texts: Sequence[str], source: str | None, target: str) -> list[str]:
        """The translations of `texts`, in their order.

        Raises:
            Failed: they were not translated.
            DsbuildError: nothing will be: the key is not accepted, or there is no such server.
        """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Server:
    """What the servers of one's own share: a session, and a decision by status code."""

    several = False

    def __init__(self, config: TranslatorConfig, key: str | None) -> None:
        assert config.base_url is not None
        self._url = config.base_url.rstrip("/")
        self._timeout = config.timeout_s
        self._concurrency = config.concurrency
        self._key = key
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        import aiohttp

        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._concurrency),
            timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=10),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def _post(self, path: str, **body: Any) -> Any:
        import aiohttp

        assert self._session is not None
        try:
            async with self._session.post(f"{self._url}{path}", allow_redirects=False, **body) as response:
                raw = await _bounded(response)
                status, wait = response.status, response.headers.get("Retry-After", "")
                if status == 200:
                    return json.loads(raw)
        except TimeoutError:
            raise Failed(f"no answer within {self._timeout:g} s", again=True) from None
        except aiohttp.ClientError as error:
            raise Failed(f"{type(error).__name__}: {error}", again=True) from None
        except ValueError:
            raise Failed("the server's answer is not JSON", again=True) from None
        said = self._said(raw)
        if status in (401, 403):
            raise DsbuildError(
                f"The translation server does not accept the key (HTTP {status}).",
                where=self._url,
                fix="Name the variable that holds it in api_key_env.",
            )
        if status == 429:
            raise Failed(f"HTTP 429: {said}", again=True, wait=float(wait) if wait.isdigit() else 1.0)
        raise Failed(f"HTTP {status}: {said}", again=status >= 500)

    def _said(self, raw: bytes) -> str:
        text = raw[:2000].decode("utf-8", "replace")
        return re.sub(r"\s+", " ", text.replace(self._key, "[key]") if self._key else text).strip()[:300]


class LibreTranslate(_Server):
    """A server with LibreTranslate's interface: POST /translate {q: [...], source, target, format, api_key}."""

    several = True

    async def translate(self, texts: Sequence[str], source: str | None, target: str) -> list[str]:
        body: dict[str, Any] = {"q": list(texts), "source": source or "auto", "target": target, "format": "text"}
        if self._key:
            body["api_key"] = self._key
        answer = await self._post("/translate", json=body)
        said = answer.get("translatedText") if isinstance(answer, dict) else None
        if not isinstance(said, list) or len(said) != len(texts) or not all(isinstance(one, str) for one in said):
            raise Failed("the server did not answer with as many texts as it was given", again=True)
        return said


class Apertium(_Server):
    """A server with Apertium APy's interface: POST /translate langpair=es|en, q=..., one text a request."""

    async def translate(self, texts: Sequence[str], source: str | None, target: str) -> list[str]:
        if source is None:
            raise Failed("the item has no language, and Apertium has to be told it", again=False)
        found = []
        for text in texts:
            pair = f"{source.partition('-')[0]}|{target.partition('-')[0]}"
            answer = await self._post("/translate", data={"langpair": pair, "q": text, "markUnknown": "no"})
            data = answer.get("responseData") if isinstance(answer, dict) else None
            said = data.get("translatedText") if isinstance(data, dict) else None
            if not isinstance(said, str):
                raise Failed("the server's answer holds no translation", again=True)
            found.append(said)
        return found


class DeepTranslator:
    """A web service by way of deep-translator, whose calls block: each runs in a thread that dies with the process."""

    several = False

    def __init__(self, config: TranslatorConfig, key: str | None) -> None:
        self._service = config.backend
        self._key = key
        self._timeout = config.timeout_s
        self._idle: dict[tuple[str | None, str], list[Any]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def translate(self, texts: Sequence[str], source: str | None, target: str) -> list[str]:
        from deep_translator import exceptions as wrong

        try:
            work = [partial(self._one, text, source, target) for text in texts]
            return [await _in_a_thread(one, self._timeout) for one in work]
        except TimeoutError:
            raise Failed(f"no answer within {self._timeout:g} s", again=True) from None
        except (wrong.LanguageNotSupportedException, wrong.InvalidSourceOrTargetLanguage):
            raise Failed(
                f"{self._service} does not translate from {source or 'auto'} to {target}", again=False
            ) from None
        except (wrong.NotValidPayload, wrong.NotValidLength) as error:
            raise Failed(f"{self._service} does not take this text ({type(error).__name__})", again=False) from None
        except (wrong.AuthorizationException, wrong.ApiKeyException):
            # deep-translator's own message repeats the key.
            raise DsbuildError(
                f"{self._service} does not accept the key.", fix="Check the variable in api_key_env."
            ) from None
        except wrong.TooManyRequests:
            raise Failed(f"{self._service} says: too many requests", again=True, wait=5.0) from None
        except (
            wrong.BaseError,
            wrong.RequestError,
            wrong.ServerException,
            wrong.MicrosoftAPIerror,
            OSError,
            ValueError,
            LookupError,
        ) as error:
            raise Failed(self._clean(f"{type(error).__name__}: {error}"), again=True) from None

    def _one(self, text: str, source: str | None, target: str) -> str:
        # A translator keeps the text it is at in itself, so no two threads may share one; making one can cost a
        # request, so it is used again.
        idle = self._idle.setdefault((source, target), [])
        translator = idle.pop() if idle else self._translator(source, target)
        said = translator.translate(text)
        idle.append(translator)
        if not isinstance(said, str) or not said.strip():
            raise ValueError("no translation came back")
        return said

    def _translator(self, source: str | None, target: str) -> Any:
        import deep_translator

        classes: dict[str, Callable[..., Any]] = {
            "google": deep_translator.GoogleTranslator,
            "mymemory": deep_translator.MyMemoryTranslator,
            "deepl": deep_translator.DeeplTranslator,
            "microsoft": deep_translator.MicrosoftTranslator,
        }
        key = {} if self._key is None else {"api_key": self._key}
        translator = classes[self._service](source="auto", target="auto", **key)
        codes = list(translator.get_supported_languages(as_dict=True).values())
        translator.source = "auto" if source is None else self._code(source, codes)
        translator.target = self._code(target, codes)
        return translator

    def _code(self, language: str, codes: Sequence[str]) -> str:
        """The service's own code for `language` (BCP 47): the same, without its region, or with one."""
        low = {code.lower(): code for code in reversed(codes)}
        base = language.lower().partition("-")[0]
        for wanted in (language.lower(), base):
            if wanted in low:
                return low[wanted]
        regional = next((code for code in codes if code.lower().partition("-")[0] == base), None)
        if regional is None:
            raise Failed(f"{self._service} does not know the language {language}", again=False)
        return regional

    def _clean(self, text: str) -> str:
        text = text.replace(self._key, "[key]") if self._key else text
        return re.sub(r"\s+", " ", text)[:300]


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body of an answer, which must not be endless."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise Failed(f"the server's answer is larger than {LARGEST_ANSWER // 2**20} MiB", again=False)
    return b"".join(parts)


async def _in_a_thread(work: Callable[[], str], timeout: float) -> str:
    """What `work` returns, waiting `timeout` seconds at most; a thread that hangs does not keep the process alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()

    def tell(made: str | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(made or "")

    def run() -> None:
        made, wrong = None, None
        try:
            made = work()
        except Exception as error:  # noqa: BLE001  # raised again where it is waited for
            wrong = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, made, wrong)

    threading.Thread(target=run, daemon=True, name="translate").start()
    return await asyncio.wait_for(future, timeout)


def backend(config: TranslatorConfig) -> Backend:
    """The backend that `config` names, not opened yet.

    Raises:
        DsbuildError: its key is missing.
    """
    key = config.api_key()
    if config.backend == "libretranslate":
        return LibreTranslate(config, key)
    if config.backend == "apertium":
        return Apertium(config, key)
    return DeepTranslator(config, key)
