"""A handle on the process that serves a bundled model."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from annotators.llm.local.card import ModelCard
from annotators.llm.local.scratch import scratch
from annotators.llm.local.serve import ServeOrder
from annotators.llm.local.weights import assemble
from schemas.errors import DsbuildError
from schemas.extras import need

if TYPE_CHECKING:
    import aiohttp

    from annotators.llm.request import Message

START_SECONDS = 120.0
_HEAD = "head"  # the name of the saved state
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_ROOT = Path(__file__).resolve().parents[3]


class LocalServer:
    """`async with LocalServer(card, cache, log_dir) as server:` serves the model at `server.base_url`.

    Requests must carry `server.key`, which is new at each start. The process is stopped by its own handle at the end,
    and dies with this one if this one is killed.

    The server's own log goes to `log_dir/<model>-<n>/`, n counting the starts: `server.log` is what llama.cpp writes
    (a line "processing task" for each request it takes up). If the environment variable DSBUILD_LOG_PROMPTS is set,
    `prompts/` holds one file for each prompt that it was asked, written by llama.cpp itself on arrival; the first is
    the head that `remember` asks for. Without `log_dir` nothing is kept.

    `remember(head)` has the server evaluate the messages that all prompts begin with and saves that state; `recall`,
    called before each request, goes back to it. So every request starts from the same state, whatever came before.
    """

    def __init__(self, card: ModelCard, cache: Path, log_dir: Path | None = None) -> None:
        self.card = card
        self.base_url = ""
        self.key = secrets.token_hex(16)
        self.logs: Path | None = None
        self._cache = cache
        self._log_dir = log_dir
        self._process: asyncio.subprocess.Process | None = None
        self._folders = ExitStack()

    @property
    def pid(self) -> int | None:
        """The process id of the server, while it runs."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        need("xllamacpp", "local")
        weights = await asyncio.to_thread(assemble, self.card, self._cache)
        self.logs = None if self._log_dir is None else _next_folder(self._log_dir, self.card.name)
        order = ServeOrder(
            parent=os.getpid(),
            weights=str(weights),
            template=self.card.template,
            key=self.key,
            slots=str(self._folders.enter_context(scratch(self._cache / "heads"))),
            prompts=_prompts(self.logs),
            n_parallel=self.card.launch.n_parallel,
            n_threads=self.card.launch.n_threads,
            n_ctx=self.card.launch.n_ctx,
            swa_full=self.card.launch.swa_full,
            cache_ram_mib=self.card.launch.cache_ram_mib,
        )
        try:
            with _open_log(self.logs) as log:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "annotators.llm.local.serve",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    env=_environment(),
                    start_new_session=True,  # Ctrl-C reaches us first; we stop the server after what is in flight
                )
            await self._listening(order)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _listening(self, order: ServeOrder) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        where = None if self.logs is None else str(self.logs / "server.log")
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
            line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        except TimeoutError as error:
            raise DsbuildError(
                f"local/{self.card.name} was not ready within {START_SECONDS:.0f} s.",
                where=where,
                fix="The machine may be too busy; try again.",
            ) from error
        except ConnectionError:
            line = b""
        if not line:
            raise DsbuildError(
                f"The server of local/{self.card.name} ended before it was ready.",
                where=where,
                fix="Its log says why; it needs about 0.6 GB of memory.",
            )
        address = json.loads(line)["address"]
        await self._healthy(address)
        self.base_url = f"{address}/v1"

    async def _healthy(self, address: str) -> None:
        import aiohttp

        end = asyncio.get_running_loop().time() + START_SECONDS
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while asyncio.get_running_loop().time() < end:
                try:
                    async with session.get(f"{address}/health") as response:
                        if response.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass  # not listening yet; the loop ends by itself
                await asyncio.sleep(0.05)
        raise DsbuildError(f"The server of local/{self.card.name} does not become healthy.", where=address)

    async def remember(self, head: Sequence[Message]) -> None:
        """Evaluate `head` and save the state after it.

        Raises:
            DsbuildError: the server cannot, for instance because the head is longer than its context.
        """
        import aiohttp

        body = {"messages": list(head), "max_tokens": 1, "temperature": 0, "cache_prompt": True}
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.key}"}) as session:
            await self._post(session, f"{self.base_url}/chat/completions", body)
            await self._slot(session, "save")

    async def recall(self, session: aiohttp.ClientSession) -> None:
        """Go back to the state after the head; `session` sends the key.

        Raises:
            DsbuildError: the server has ended, or has lost the state.
        """
        if self._process is None or self._process.returncode is not None:
            raise DsbuildError(
                f"The server of local/{self.card.name} has ended.",
                where=None if self.logs is None else str(self.logs / "server.log"),
                fix="Run again; what was answered is not asked again.",
            )
        await self._slot(session, "restore")

    async def _slot(self, session: aiohttp.ClientSession, action: str) -> None:
        root = self.base_url.removesuffix("/v1")
        await self._post(session, f"{root}/slots/0?action={action}", {"filename": _HEAD})

    async def _post(self, session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> None:
        async with session.post(url, json=body) as response:
            if response.status != 200:
                raise DsbuildError(
                    f"The server of local/{self.card.name} says: {(await response.text())[:300]}", where=url
                )

    async def _stop(self) -> None:
        process, self._process = self._process, None
        try:
            if process is not None:
                await _end(process)
        finally:
            self._folders.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()  # it leaves at once when its input ends
    try:
        await asyncio.wait_for(process.wait(), 5)
    except TimeoutError:
        process.kill()
        await process.wait()
    except asyncio.CancelledError:
        process.kill()
        raise


def _environment() -> dict[str, str]:
    # Only what a process needs to start: keys in our environment are none of the server's business.
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}


def _next_folder(log_dir: Path, name: str) -> Path:
    log_dir.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = log_dir / f"{name}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
            continue
        return folder


def _prompts(logs: Path | None) -> str:
    """Where the server writes down what it is asked; empty for nowhere, since it would be a file for every item."""
    if logs is None or not os.environ.get("DSBUILD_LOG_PROMPTS"):
        return ""
    (logs / "prompts").mkdir()
    return str(logs / "prompts")


def _open_log(logs: Path | None) -> IO[bytes]:
    return (Path(os.devnull) if logs is None else logs / "server.log").open("wb")
