"""A proxy that loses the answers to imports, in the ways networks do."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self

import httpx

Way = Literal["before", "after", "late"]


class CuttingProxy:
    """Stands before `target` and treats the next imports in these ways, then lets everything through:

    `before`: the import never reaches the server; `after`: the server has it, its answer is lost; `late`: the server
    gets it only when `release` is called.
    """

    def __init__(self, target: str, ways: list[Way]) -> None:
        self.imports = 0
        self._released = threading.Event()
        self._late: list[threading.Thread] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding")}

                def forward() -> httpx.Response:
                    with httpx.Client(timeout=120, trust_env=False) as client:
                        return client.request(self.command, target + self.path, headers=headers, content=body)

                way = None
                if self.command == "POST" and "/import" in self.path:
                    outer.imports += 1
                    way = ways.pop(0) if ways else None
                if way == "late":

                    def wait() -> None:
                        outer._released.wait(60)
                        forward()

                    outer._late.append(threading.Thread(target=wait))
                    outer._late[-1].start()
                elif way == "after":
                    forward()
                if way is not None:
                    self.close_connection = True
                    return
                answer = forward()
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PATCH = do_DELETE = _pass

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def release(self) -> None:
        """Let what is late arrive, and wait until it has."""
        self._released.set()
        for thread in self._late:
            thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
