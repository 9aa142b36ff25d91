"""An embedding endpoint whose vectors say how long a text is."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@pytest.fixture
def embeddings() -> Iterator[Callable[..., Any]]:
    """Start a server; its URL, and what it was asked: (Authorization, body). All are stopped at the end."""
    running: list[ThreadingHTTPServer] = []

    def start(*, status: int = 200, short: bool = False, zero: bool = False) -> tuple[str, list[Any]]:
        seen: list[Any] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                seen.append((self.headers.get("Authorization"), body))
                angles = [0.0 if zero else len(text) / 100 for text in body["input"]]
                vectors = [[math.cos(a) * (not zero), math.sin(a)] for a in angles][short:]
                data = [{"index": n, "embedding": v} for n, v in enumerate(vectors)][::-1]
                answer = json.dumps({"data": data}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1", seen

    yield start
    for server in running:
        server.shutdown()
        server.server_close()
