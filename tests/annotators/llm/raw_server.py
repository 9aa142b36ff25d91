"""A server that writes whatever bytes a test wants, and remembers what came to it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from types import TracebackType

Reply = Callable[["RawServer", asyncio.StreamWriter], Awaitable[None]]

COMPLETION = {
    "id": "c", "object": "chat.completion", "created": 0, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                 "message": {"role": "assistant", "content": "{}", "refusal": None}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}  # fmt: skip
GOOD = json.dumps(COMPLETION).encode()


def http(status: int, body: bytes = b"{}", *headers: str, length: int | None = None) -> bytes:
    """A whole answer; `length` overrides Content-Length."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class RawServer:
    """`async with RawServer(reply, ...) as server:` the n-th request is answered by the n-th reply, the last repeats.

    A reply is bytes, or a function that is given the server and the connection. `requests` holds head and body of each
    request, `times` when it came, `connections` how many were opened.
    """

    def __init__(self, *replies: bytes | Reply, host: str = "127.0.0.1") -> None:
        self.replies = replies
        self.host = host
        self.requests: list[tuple[str, bytes]] = []
        self.times: list[float] = []
        self.connections = 0

    async def __aenter__(self) -> RawServer:
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        shown = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"http://{shown}:{self.port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next(
                    (
                        int(line.split(":")[1])
                        for line in head.splitlines()
                        if line.lower().startswith("content-length")
                    ),
                    0,
                )
                self.requests.append((head, await reader.readexactly(length)))
                self.times.append(time.monotonic())
                reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
                if isinstance(reply, bytes):
                    writer.write(reply)
                    await writer.drain()
                else:
                    await reply(self, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is gone
        finally:
            writer.close()
