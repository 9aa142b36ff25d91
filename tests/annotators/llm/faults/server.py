"""A fast OpenAI-compatible server that misbehaves on purpose, run as a process of its own.

`python server.py '{"port": 0, "log": "requests.jsonl", ...}'` prints its port and serves until standard input is
closed. About 0.1 CPU-s per 1,000 requests, so that it may share a machine with what it tests.

What it answers is a function of the bytes of the request: the label is drawn from their hash, so an answer that was
kept for another question is seen. A text is known as a row by `row-<digits>` in it. Faults come from draws.py.

Options: latency (s), log, those of `Faults`, retry_after (s), obey (answer with any JSON object found in the last
message, in the message itself or in a JSON string in it: a model that does what a text tells it).

Log: one JSON array a request when it is over, [row, hash, number, asked, answered, outcome, label]: times in seconds on
the machine's monotonic clock, outcome 200, cut, garbled, 429, 500, drop, or gone (the client went before its answer).
It is written twelve times a second, on GET /flush, and at the end.

GET /stats: counters as JSON, with the body of the first request about a row as `example`.
POST /reset: {"log": path or null, ...} another log, counters from zero, other options.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import re
import signal
import sys
import time
from pathlib import Path
from typing import IO, Any

sys.path.insert(0, str(Path(__file__).parent))

from draws import Faults  # found beside this script, which is no part of a package

ROW = re.compile(rb"row-\d+")
LABELS = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
WORDS = {200: b"OK", 404: b"Not Found", 429: b"Too Many Requests", 500: b"Internal Server Error"}
FLUSH_SECONDS = 0.08
ERRORS = {
    429: b'{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}',
    500: b'{"error":{"message":"the server had an error","type":"server_error","param":null,"code":null}}',
}


class State:
    """What all connections share."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.port: int = options.pop("port", 0)
        self.lines: list[str] = []
        self.file: IO[str] | None = None
        self.latency, self.retry_after, self.obey = 0.0, 1.0, False
        self.in_flight = 0
        self.reset(options)

    def reset(self, options: dict[str, Any]) -> None:
        """Other options, another log, counters from zero."""
        self.flush()
        if self.file is not None:
            self.file.close()
        log = options.pop("log", None)
        self.file = Path(log).open("a", encoding="utf-8") if log else None  # noqa: SIM115  # as long as we live
        self.latency = options.pop("latency", self.latency)
        self.retry_after = options.pop("retry_after", self.retry_after)
        self.obey = options.pop("obey", self.obey)
        self.faults = Faults(**options)
        self.times: dict[bytes, int] = {}
        self.not_before: dict[bytes, float] = {}
        self.early = self.requests = self.most = 0
        self.outcomes: dict[str, int] = {}
        self.first: float | None = None
        self.example = b""
        self.cpu = time.process_time()

    def flush(self) -> None:
        """Write what was noted."""
        if self.lines and self.file is not None:
            lines, self.lines = self.lines, []
            self.file.write("".join(lines))
            self.file.flush()

    def stats(self) -> dict[str, Any]:
        """Counters since the last reset."""
        return {
            "requests": self.requests,
            "rows": len(self.times),
            "outcomes": self.outcomes,
            "early": self.early,
            "most_in_flight": self.most,
            "first": self.first,
            "example": self.example.decode(),
            "cpu": time.process_time() - self.cpu,
            "faults": dataclasses.asdict(self.faults),
        }


class Asked:
    """One request that waits for its answer."""

    __slots__ = ("at", "body", "fault", "hash", "number", "row")


class Connection(asyncio.Protocol):
    """One connection; requests on it are answered in the order in which their time is up."""

    def __init__(self, state: State, loop: asyncio.AbstractEventLoop) -> None:
        self.state, self.loop = state, loop
        self.buffer = b""
        self.waiting: set[Asked] = set()
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        for asked in self.waiting:
            self.over(asked, "gone", "")
        self.waiting.clear()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            length = 0
            place = head.lower().find(b"content-length:")
            if place >= 0:
                length = int(head[place + 15 :].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            self.request(head.split(b" ", 2)[1], body)

    def send(self, status: int, payload: bytes, extra: bytes = b"") -> None:
        self.transport.write(
            b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s"
            % (status, WORDS[status], len(payload), extra, payload)
        )

    def request(self, path: bytes, body: bytes) -> None:
        state = self.state
        if not path.endswith(b"/chat/completions"):
            if path == b"/reset":
                state.reset(json.loads(body))
            elif path == b"/flush":
                state.flush()
            elif path != b"/stats":
                return self.send(404, b'{"error":{"message":"no such path"}}')
            return self.send(200, json.dumps(state.stats()).encode())
        asked = Asked()
        asked.at = time.monotonic()
        asked.body = body
        asked.hash = hashlib.blake2b(body, digest_size=12).digest()
        rows = ROW.findall(body)
        asked.row = rows[-1] if rows else asked.hash.hex().encode()
        asked.number = state.times.get(asked.row, 0)
        state.times[asked.row] = asked.number + 1
        if asked.at < state.not_before.get(asked.row, 0.0):
            state.early += 1
        if state.first is None and rows:  # else a client that tries whether we are there
            state.first, state.example = asked.at, body
        asked.fault = state.faults.draw(asked.row.decode(), asked.number)
        state.requests += 1
        state.in_flight += 1
        state.most = max(state.most, state.in_flight)
        self.waiting.add(asked)
        if state.latency:
            self.loop.call_later(state.latency, self.answer, asked)
        else:
            self.answer(asked)
        return None

    def answer(self, asked: Asked) -> None:
        if self.closed:
            return
        self.waiting.discard(asked)
        state, fault = self.state, asked.fault
        if fault == "drop":
            self.over(asked, "drop", "")
            self.transport.abort()
        elif fault == "429":
            self.over(asked, "429", "")
            state.not_before[asked.row] = time.monotonic() + state.retry_after
            self.send(429, ERRORS[429], b"Retry-After: %g\r\n" % state.retry_after)
        elif fault == "500":
            self.over(asked, "500", "")
            self.send(500, ERRORS[500])
        else:
            request = json.loads(asked.body)
            label = LABELS[asked.hash[0] % len(LABELS)]
            said = content(request, asked.hash, label, state.obey)
            outcome = "200"
            if state.faults.garble and state.faults.garbled(asked.row.decode()):
                said, outcome = "}{ this is no JSON", "garbled"
            elif fault == "cut":
                said, outcome = said[: len(said) // 2], "cut"
            self.over(asked, outcome, label)
            self.send(200, completion(request, asked, said))

    def over(self, asked: Asked, outcome: str, label: str) -> None:
        state = self.state
        state.in_flight -= 1
        state.outcomes[outcome] = state.outcomes.get(outcome, 0) + 1
        if state.file is not None:
            state.lines.append(
                f'["{asked.row.decode()}","{asked.hash.hex()}",{asked.number},{asked.at:.6f},{time.monotonic():.6f},'
                f'"{outcome}","{label}"]\n'
            )


def completion(request: dict[str, Any], asked: Asked, said: str) -> bytes:
    """A chat completion that says `said`; a tool call where the request has tools."""
    prompt, answer = len(asked.body) // 4 + 1, len(said) // 4 + 1
    message: dict[str, Any] = {"role": "assistant", "content": said, "refusal": None}
    if tools := request.get("tools"):
        call = {"name": tools[0]["function"]["name"], "arguments": said}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_0", "type": "function", "function": call}],
        }
    return (
        b'{"id":"chatcmpl-%s","object":"chat.completion","created":0,"model":%s,"choices":[{"index":0,"message":%s,'
        b'"finish_reason":"stop","logprobs":null}],"usage":{"prompt_tokens":%d,"completion_tokens":%d,'
        b'"total_tokens":%d}}'
        % (
            asked.hash.hex().encode(),
            json.dumps(request.get("model")).encode(),
            json.dumps(message).encode(),
            prompt,
            answer,
            prompt + answer,
        )
    )


def content(request: dict[str, Any], drawn: bytes, label: str, obey: bool) -> str:
    """What the model says: what it is told in its last message if it obeys, else an answer of the form asked for."""
    if obey and (told := told_by(request["messages"][-1]["content"])) is not None:
        return told
    form = request.get("response_format") or {}
    schema = form.get("json_schema", {}).get("schema") if form.get("type") == "json_schema" else None
    if tools := request.get("tools"):
        schema = tools[0]["function"]["parameters"]
    if schema is None:
        return f'{{"label":"{label}","labels":["{label}"],"confidence":{drawn[1] / 255:.3f}}}'
    said = value(schema, drawn, label, schema.get("$defs", {}))
    if "code" in said:  # of a list of texts, to be repeated
        said["code"] = request["messages"][-1]["content"].partition("[code] ")[2].split()[0]
    return json.dumps(said)


def value(part: dict[str, Any], drawn: bytes, label: str, defs: dict[str, Any]) -> Any:
    """A value of a JSON Schema; what it is depends on `drawn` alone."""
    if "$ref" in part:
        return value(defs[part["$ref"].rpartition("/")[2]], drawn, label, defs)
    if "properties" in part:
        return {name: value(one, drawn, label, defs) for name, one in part["properties"].items()}
    if "anyOf" in part:
        return value(part["anyOf"][-1], drawn, label, defs)
    if "enum" in part:
        return label if label in part["enum"] else part["enum"][drawn[1] % len(part["enum"])]
    kind = part.get("type")
    if kind == "array":
        return [value(part.get("items", {}), drawn, label, defs)]
    if kind in ("number", "integer"):
        low, high = part.get("minimum", 0), part.get("maximum", 1)
        return low + drawn[1] % (high - low + 1) if kind == "integer" else round(low + (high - low) * drawn[1] / 255, 3)
    return f"in words: {drawn.hex()[:8]}"


def told_by(message: str) -> str | None:
    """The first JSON object in one of the JSON strings in `message`, else in `message` itself."""
    decoder = json.JSONDecoder()
    texts, place = [], message.find('"')
    while place >= 0:
        try:
            text, end = decoder.raw_decode(message, place)
        except ValueError:
            end = place + 1
        else:
            texts.append(text)
        place = message.find('"', end)
    for text in [*texts, message]:
        for begin in re.finditer(r"\{", text):
            try:
                found, _ = decoder.raw_decode(text, begin.start())
            except (ValueError, RecursionError):
                continue
            return json.dumps(found)
    return None


async def main() -> None:
    state = State(json.loads(sys.argv[1]))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(state, loop), "127.0.0.1", state.port, backlog=2048)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C is for whoever talks to us
    loop.add_reader(sys.stdin.fileno(), lambda: sys.stdin.buffer.read1(1) or ended.set())
    print(server.sockets[0].getsockname()[1], flush=True)

    async def now_and_then() -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            state.flush()

    flushing = asyncio.create_task(now_and_then())
    await ended.wait()
    flushing.cancel()
    state.flush()


if __name__ == "__main__":
    asyncio.run(main())
