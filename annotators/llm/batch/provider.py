"""Files and Batches of an OpenAI-compatible provider, through the openai SDK."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar, cast

from annotators.llm.batch.lines import PATH, Line, read_line
from annotators.llm.wire.connection import LONGEST_ANSWER, proxy_for
from annotators.llm.wire.endpoint import Endpoint
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from openai.types import Batch

T = TypeVar("T")

OURS: Final = "dsbuild"  # the key of a batch's metadata under which our own name for it stands
LOOK_BACK: Final = 86400.0  # seconds: how much older than our record the provider's clock may think a batch is
ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
BACK_OFF: Final = (1.0, 60.0)  # seconds: the first wait after a call failed, the longest
PATIENCE: Final = 3600.0  # seconds: how long the provider may be away


class Provider:
    """One endpoint's batch API; a context. `timeout` bounds a call, in seconds.

    Raises (from every call):
        DsbuildError: no call can succeed (key, credit, no batch API), or the provider is away for an hour.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float, seed: int = 0) -> None:
        import ssl

        from openai import AsyncOpenAI, DefaultAsyncHttpxClient
        from openai._types import Omit

        url = endpoint.shown
        self._endpoint = endpoint
        self._random = random.Random(seed)
        omit = cast("str", Omit())  # what the environment says for OpenAI itself is not for every endpoint
        self._client = AsyncOpenAI(
            api_key=endpoint.key or "none",
            base_url=url,
            max_retries=0,  # a batch that was created without our hearing of it must not be created again
            timeout=timeout,
            default_headers={"OpenAI-Organization": omit, "OpenAI-Project": omit},
            http_client=DefaultAsyncHttpxClient(
                proxy=proxy_for(url), trust_env=False, verify=ssl.create_default_context()
            ),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def submit(self, file: Path, local: str, since: float) -> str:
        """Upload `file` and make a batch of it, named `local` in its metadata; its id."""

        async def upload() -> str:
            with file.open("rb") as opened:
                return (await self._client.files.create(file=(file.name, opened), purpose="batch")).id

        uploaded = await self._again(upload)

        tried = False

        async def create() -> str:
            nonlocal tried
            # An earlier call may have made it though we never heard so.
            if tried and (made := await self._find(local, since)) is not None:
                return made
            tried = True
            batch = await self._client.batches.create(
                input_file_id=uploaded,
                endpoint=PATH,
                completion_window="24h",
                metadata={OURS: local},
            )
            return batch.id

        return await self._again(create)

    async def find(self, local: str, since: float) -> str | None:
        """The id of the batch named `local`, made after `since` (seconds since 1970); null if there is none."""
        return await self._again(lambda: self._find(local, since))

    async def _find(self, local: str, since: float) -> str | None:
        async for batch in self._client.batches.list(limit=100):  # the newest first
            if (batch.metadata or {}).get(OURS) == local:
                return batch.id
            if batch.created_at < since - LOOK_BACK:
                return None
        return None

    async def look(self, batch: str) -> Batch:
        """How far the batch is."""
        return await self._again(lambda: self._client.batches.retrieve(batch))

    async def lines(self, file: str) -> AsyncIterator[Line]:
        """What an output or error file says, line by line.

        Raises:
            openai.APIError: the file broke off; read it again.
        """
        async with self._client.files.with_streaming_response.content(file) as response:
            rest = b""
            # Cut at line feeds and nowhere else: JSON may hold other characters that end a line.
            async for part in response.iter_bytes():
                *whole, rest = (rest + part).split(b"\n")
                if len(rest) > LONGEST_ANSWER:
                    raise DsbuildError("A line of the batch's output has no end.", where=self._endpoint.shown)
                for line in whole:
                    if line.strip():
                        yield read_line(line)
            if rest.strip():
                yield read_line(rest)

    async def collect(self, file: str) -> list[Line]:
        """All of `lines`."""

        async def whole() -> list[Line]:
            return [line async for line in self.lines(file)]

        return await self._again(whole)

    async def _again(self, call: Callable[[], Awaitable[T]]) -> T:
        """The result of `call`, which is repeated while the provider is busy or away."""
        import httpx
        import openai

        loop = asyncio.get_running_loop()
        begun, (pause, longest) = loop.time(), BACK_OFF
        while True:
            try:
                return await call()
            except openai.APIStatusError as error:
                status, answer = error.status_code, error.response.content
                if status == 404:
                    raise DsbuildError(
                        "This endpoint has no batch API, or the batch is gone (HTTP 404).",
                        where=self._endpoint.shown,
                        fix="Take `batch: true` out of the recipe; the requests are then sent one by one.",
                    ) from None
                hopeless = self._endpoint.hopeless(status, answer)
                if hopeless is not None:
                    raise hopeless from None
                what = f"HTTP {status}: {self._endpoint.said(answer)}"
                if 400 <= status < 500 and status not in (408, 409, 425, 429):
                    raise DsbuildError(
                        f"The provider does not take the batch: {what}", where=self._endpoint.shown
                    ) from None
            except (openai.APIConnectionError, httpx.HTTPError) as error:
                what = f"{type(error).__name__}: {error.__cause__ or error}"
            if loop.time() - begun > PATIENCE:
                raise DsbuildError(
                    f"The provider of the batch API does not answer: {what}",
                    where=self._endpoint.shown,
                    fix="Run again; the batches that were submitted are written down and not submitted again.",
                )
            await asyncio.sleep(pause * (0.5 + 0.5 * self._random.random()))
            pause = min(longest, pause * 2)
