"""The HTTP side of a local server: a log of every request, and faults put in its way on purpose."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hub_repos import Refused


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object, status: int = 200, **headers: str) -> Answer:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Logged:
    """One line of the log. `status` 0 is an answer that never left; a token is only noted as present or not."""

    method: str
    path: str
    status: int
    authorised: bool
    bytes: int

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status or 'lost'}"


@dataclass
class Fault:
    """What happens to the next `times` requests of `method` whose path `pattern` finds."""

    method: str
    pattern: str
    kind: str
    times: int
    answer: Answer | None = None
    seconds: float = 0.0
    action: Callable[[], object] | None = None


class Faults:
    """The faults that wait for their request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self.closing = threading.Event()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self._waiting:
                if fault.method == method and re.search(fault.pattern, path) and fault.times:
                    fault.times -= 1
                    return fault
        return None


Handle = Callable[[Request], Answer]


class Served(ThreadingHTTPServer):
    """A server on a free port of this machine, in threads of its own until `stop`."""

    daemon_threads = True

    def __init__(self, handle: Handle, faults: Faults, log: list[Logged]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.handle, self.faults, self.log = handle, faults, log
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle of an exchange is what the faults are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Served

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        fault = self.server.faults.take(self.command, path)
        kind = fault.kind if fault else ""
        if kind == "cut":
            self.rfile.read(min(int(self.headers.get("Content-Length") or 0) // 2, 65536))
            self._hang_up(path, 0)
            return
        body = self._body()
        if fault and fault.action:
            fault.action()
        if fault and fault.answer:
            answer = fault.answer
        elif kind != "hang":
            headers = {name.lower(): text for name, text in self.headers.items()}
            try:
                answer = self.server.handle(Request(self.command, path, parse_qs(parts.query), headers, body))
            except Refused as refused:
                answer = _refusal(refused)
        if kind == "garble":
            answer = Answer(200, b"<html>Welcome to this hotel</html>", {"Content-Type": "text/html"})
        if fault and kind in ("hang", "drop"):
            self._hang_up(path, len(body), fault.seconds)
            return
        self._send(answer, path, body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, answer: Answer, path: str, body: bytes) -> None:
        # Logged first: who has read the answer must find the request in the log.
        self._log(path, answer.status, len(body))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _hang_up(self, path: str, size: int, seconds: float = 0.0) -> None:
        self._log(path, 0, size)
        self.server.faults.closing.wait(seconds)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _log(self, path: str, status: int, size: int) -> None:
        self.server.log.append(Logged(self.command, path, status, "Authorization" in self.headers, size))

    def log_message(self, format: str, *args: object) -> None:
        """The log is a list, not standard error."""


def _refusal(refused: Refused) -> Answer:
    headers = {"Content-Type": "application/json", "X-Error-Message": refused.message}
    if refused.code:
        headers["X-Error-Code"] = refused.code
    body: dict[str, object] = {"error": refused.message}
    if refused.errors:
        body = {"errors": [{"message": message} for message in refused.errors], "warnings": []}
    return Answer(refused.status, json.dumps(body).encode(), headers)


def ranged(content: bytes, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers for `content` under the request's Range header (one range, as `bytes=a-b`)."""
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
    if not found:
        return 200, content, {"Accept-Ranges": "bytes"}
    start, last = int(found[1]), min(int(found[2] or len(content)), len(content) - 1)
    if start >= len(content):
        return 416, b"", {"Content-Range": f"bytes */{len(content)}"}
    part = content[start : last + 1]
    return 206, part, {"Accept-Ranges": "bytes", "Content-Range": f"bytes {start}-{last}/{len(content)}"}
