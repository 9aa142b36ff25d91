"""A provider's Files and Batches endpoints, in a thread of the test's own process.

Options: polls (looks at a batch before it has ended), expire (how many requests of the first batch are answered before
it expires), status (of the row error for texts that hold a mark: {mark: status}), shuffle (output in another order),
silent (the first so many creations are done and not answered), slow (seconds that a creation takes), queue (the most
requests that a batch may hold, else token_limit_exceeded), key (the only key accepted), formats, cancel, no_api.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from typing import Any

from aiohttp import web

LABELS = ["joy", "sadness", "anger", "fear", "surprise", "disgust", "neutral"]


def answer_to(text: str) -> str:
    return json.dumps({"labels": [LABELS[hashlib.sha256(text.encode()).digest()[0] % len(LABELS)]]})


class BatchStub:
    """`with BatchStub(...) as stub:`; what it saw is in `files`, `batches` and `asked`."""

    def __init__(self, **options: Any) -> None:
        self.options = {
            "polls": 1, "expire": None, "status": {}, "shuffle": True, "silent": 0, "slow": 0.0, "queue": None,
            "key": None, "formats": ["json_schema"], "cancel": False, "no_api": False, "garble": (),
        } | options  # fmt: skip
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.headers: list[dict[str, str]] = []
        self.looks: list[float] = []

    @property
    def asked(self) -> list[str]:
        """The custom id of every request of every batch that was accepted, in order."""
        return [line["custom_id"] for batch in self.batches.values() for line in self.lines(batch["input_file_id"])]

    @property
    def texts(self) -> list[str]:
        return [_text(line) for batch in self.batches.values() for line in self.lines(batch["input_file_id"])]

    def lines(self, file: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.files[file].splitlines()]

    def __enter__(self) -> BatchStub:
        started = threading.Event()
        self._loop = asyncio.new_event_loop()

        def serve() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self._begin())
            started.set()
            self._loop.run_forever()

        self._thread = threading.Thread(target=serve, daemon=True)
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _begin(self) -> None:
        app = web.Application(client_max_size=2**28, middlewares=[self._guard])
        app.add_routes(
            [
                web.post("/v1/files", self._upload),
                web.get("/v1/files/{id}/content", self._content),
                web.post("/v1/batches", self._create),
                web.get("/v1/batches", self._list),
                web.get("/v1/batches/{id}", self._retrieve),
            ]
        )
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        if self.options["no_api"]:
            return _error(404, "not found")
        key = self.options["key"]
        if key is not None and request.headers.get("Authorization") != f"Bearer {key}":
            return _error(401, f"Incorrect API key: {request.headers.get('Authorization')}")
        response: web.StreamResponse = await handler(request)
        return response

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["purpose"] == "batch"
        name = f"file-{len(self.files)}"
        content = form["file"].file.read()  # type: ignore[union-attr]
        self.files[name] = content
        return web.json_response(self._file(name))

    def _file(self, name: str) -> dict[str, Any]:
        return {
            "id": name, "object": "file", "bytes": len(self.files[name]), "created_at": int(time.time()),
            "filename": name, "purpose": "batch", "status": "processed",
        }  # fmt: skip

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["id"]], content_type="application/octet-stream")

    async def _create(self, request: web.Request) -> web.StreamResponse:
        given = await request.json()
        assert given["endpoint"] == "/v1/chat/completions"
        assert given["completion_window"] == "24h"
        name = f"batch_{len(self.batches)}"
        batch = {
            "id": name, "object": "batch", "endpoint": given["endpoint"], "input_file_id": given["input_file_id"],
            "completion_window": "24h", "status": "in_progress", "created_at": int(time.time()),
            "metadata": given["metadata"], "looks": 0,
        }  # fmt: skip
        self.batches[name] = batch
        await asyncio.sleep(self.options["slow"])
        if self.options["silent"] > 0:
            self.options["silent"] -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(_shown(batch))

    async def _list(self, request: web.Request) -> web.Response:
        newest_first = [_shown(batch) for batch in reversed(self.batches.values())]
        return web.json_response({"object": "list", "data": newest_first, "has_more": False})

    async def _retrieve(self, request: web.Request) -> web.Response:
        batch = self.batches[request.match_info["id"]]
        batch["looks"] += 1
        self.looks.append(time.monotonic())
        if batch["looks"] >= self.options["polls"] and batch["status"] == "in_progress":
            self._finish(batch)
        return web.json_response(_shown(batch))

    def _finish(self, batch: dict[str, Any]) -> None:
        lines = self.lines(batch["input_file_id"])
        if self.options["queue"] is not None and len(lines) > self.options["queue"]:
            batch["status"] = "failed"
            data = [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached", "line": None}]
            batch["errors"] = {"object": "list", "data": data}
            return
        expire = self.options["expire"] if batch["id"] == "batch_0" else None
        good, bad = [], []
        for number, line in enumerate(lines):
            reply = {"id": f"r{number}", "custom_id": line["custom_id"], "response": None, "error": None}
            if expire is not None and number >= expire:
                bad.append(reply | {"error": {"code": "batch_expired", "message": "not executed in 24h"}})
                continue
            status, body = self._answer(line)
            reply["response"] = {"status_code": status, "request_id": "x", "body": body}
            (good if status == 200 else bad).append(reply)
        if self.options["shuffle"]:
            good.reverse()
        for kind, replies in (("output_file_id", good), ("error_file_id", bad)):
            if replies:
                batch[kind] = f"file-{len(self.files)}"
                self.files[batch[kind]] = b"".join(
                    json.dumps(reply, ensure_ascii=False).encode() + b"\n" for reply in replies
                )
        batch["status"] = "cancelled" if self.options["cancel"] else "completed" if expire is None else "expired"

    def _answer(self, line: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        body, text = line["body"], _text(line)
        form = (body.get("response_format") or {"type": "tool" if "tools" in body else "text"})["type"]
        if form not in self.options["formats"]:
            return 400, _told(f"response_format {form} is not supported")
        status = next((status for mark, status in self.options["status"].items() if mark in text), 200)
        if status != 200:
            return status, _told("no")
        said = answer_to(text) if not any(mark in text for mark in self.options["garble"]) else "no json\u2028here"
        message: dict[str, Any] = {"role": "assistant", "content": said, "refusal": None}
        return 200, {
            "id": "c", "object": "chat.completion", "created": 0, "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        }  # fmt: skip


def _text(line: dict[str, Any]) -> str:
    text: str = line["body"]["messages"][-1]["content"]
    return text


def _shown(batch: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in batch.items() if name != "looks"}


def _told(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "x", "param": None, "code": None}}


def _error(status: int, message: str) -> web.Response:
    return web.json_response(_told(message), status=status)
