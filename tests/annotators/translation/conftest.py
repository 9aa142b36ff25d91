"""A translation server in a thread, with faults, that speaks LibreTranslate's, Apertium's and Google's page's way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, **faults: Any) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults = faults
        self.asked: list[tuple[str, str, list[str]]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def say(self, status: int, body: Any, **headers: str) -> None:
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        said = self.translated(query["sl"], query["tl"], [query["q"]])
        if said is not None:
            self.say(200, f'<html><body><div class="result-container">{said[0]}</div></body></html>')

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.headers["Content-Type"].startswith("application/json"):
            body = json.loads(raw)
            wanted = self.server.faults.get("key")
            if wanted and body.get("api_key") != wanted:
                self.say(403, {"error": f"Invalid API key {body.get('api_key')}"})
                return
            said = self.translated(body["source"], body["target"], body["q"])
            if said is not None:
                self.say(200, {"translatedText": said})
            return
        form = {name: values[0] for name, values in parse_qs(raw, keep_blank_values=True).items()}
        source, _, target = form["langpair"].partition("|")
        said = self.translated(source, target, [form["q"]])
        if said is not None:
            self.say(200, {"responseData": {"translatedText": said[0]}, "responseStatus": 200})

    def translated(self, source: str, target: str, texts: list[str]) -> list[str] | None:
        """`[en] text`, and back again; or a fault, told to the client."""
        server = self.server
        server.asked.append((source, target, texts))
        faults = server.faults
        times = sum(one[2] == texts for one in server.asked)
        if faults.get("busy", 0) >= times:
            self.say(429, {"error": "slow down"}, Retry_After="0")
            return None
        if any(bad in text for bad in faults.get("refuses", ()) for text in texts):
            self.say(400, {"error": "this text I do not take"})
            return None
        if faults.get("short"):
            return texts[1:]
        return [text.partition("] ")[2] if text.startswith("[") else f"[{target}] {text}" for text in texts]


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    """Start a server with the given faults; all are stopped at the end."""
    running: list[Server] = []

    def start(**faults: Any) -> Server:
        made = Server(**faults)
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        running.append(made)
        return made

    yield start
    for one in running:
        one.shutdown()
        one.server_close()
