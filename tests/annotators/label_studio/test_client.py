"""What a user is told when the server, the key or the address is wrong; tests/live has the real server."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from annotators.label_studio.client import Client
from schemas.errors import DsbuildError

SECRET = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def stub() -> Iterator[dict[str, object]]:
    """A server that answers every request with `status` and `body`; `seen` holds the paths."""
    state: dict[str, object] = {"status": 200, "body": "{}", "seen": []}

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            seen = state["seen"]
            assert isinstance(seen, list)
            seen.append(self.path)
            body = str(state["body"]).encode()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(int(str(state["status"])))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    state["url"] = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def _told(client: Client) -> str:
    with pytest.raises(DsbuildError) as caught:
        client.check()
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in str(error)
        error = None if error.__suppress_context__ else error.__context__
    return str(caught.value)


@pytest.mark.parametrize("missing", ["LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"])
def test_what_is_not_set_is_named(missing: str) -> None:
    environment = {"LABEL_STUDIO_URL": "http://127.0.0.1:1", "LABEL_STUDIO_API_KEY": SECRET}
    del environment[missing]
    with pytest.raises(DsbuildError, match=f"{missing} is not set"):
        Client.from_environment(environment)


def test_an_unreachable_server_is_said_with_its_address_and_without_the_key() -> None:
    said = _told(Client("http://user:password@127.0.0.1:1/", SECRET))
    assert said.startswith("http://127.0.0.1:1: Label Studio cannot be reached")
    assert "password" not in said


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x.example", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(DsbuildError, match=r"no http\(s\) URL"):
        Client(url, SECRET)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_said(stub: dict[str, object], status: int) -> None:
    stub |= {"status": status, "body": json.dumps({"detail": f"Token {SECRET} is wrong"})}
    assert "refuses the access token" in _told(Client(str(stub["url"]), SECRET))


def test_an_expired_token_is_said_without_asking_the_server(stub: dict[str, object]) -> None:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, {"exp": 1})]
    said = _told(Client(str(stub["url"]), ".".join([*parts, "c2ln"])))
    assert "refuses the access token" in said
    assert stub["seen"] == []


@pytest.mark.parametrize("key", ["two\nlines", "ключ", " "])
def test_a_key_that_cannot_be_one_is_not_sent(stub: dict[str, object], key: str) -> None:
    assert "refuses the access token" in _told(Client(str(stub["url"]), key))
    assert stub["seen"] == []


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, "{}", "There is no Label Studio at this address"),
        (200, "<html>Some other site</html>", "not Label Studio's API"),
        (400, json.dumps({"detail": f"key {SECRET}"}), "Label Studio answered 400"),
    ],
)
def test_another_answer_is_one_clear_error(stub: dict[str, object], status: int, body: str, said: str) -> None:
    stub |= {"status": status, "body": body}
    assert said in _told(Client(str(stub["url"]), SECRET))
