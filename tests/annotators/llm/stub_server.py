"""A small OpenAI-compatible server for tests and benchmarks, run as a process of its own.

`python stub_server.py '{"port": 0, "log": "requests.jsonl", ...}'` prints its port on one line and serves until it is
told to stop. Its answer is a function of the request: the label is drawn from a hash of the last user message. Faults
are drawn from a hash of the request and how often it has been seen. Every request is written to `log`, one JSON
object when it comes (`"event": "asked"`) and one when it is answered (`"event": "answered"`, with its outcome).

Options: latency (s); p429 (with retry_after, s), p500, pbad (JSON cut in half), pdrop (connection aborted): shares of
requests; rpm: a real limit, as a bucket that holds a second's worth; headers: sent with every answer; garble: texts
whose answers are never JSON; truncate, refuse: texts; formats: response formats understood; knows: {what a question
holds: {field: what to answer there}}; key: the only key accepted; status: answer everything with this status and
`message`; labels.
"""

import asyncio
import hashlib
import json
import sys
import time
from pathlib import Path

LABELS = ["joy", "sadness", "anger", "fear", "surprise", "disgust", "neutral"]
DEFAULTS = {
    "port": 0, "log": None, "latency": 0.0, "p429": 0.0, "retry_after": 0.3, "p500": 0.0, "pbad": 0.0, "pdrop": 0.0,
    "garble": [], "truncate": [], "refuse": [], "formats": ["json_schema", "tool", "json_object", "text"], "key": None,
    "knows": {}, "rpm": 0, "headers": {},
    "status": None, "message": "no", "code": None, "labels": LABELS, "tokens": [100, 10],
}  # fmt: skip
WORDS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests", 500: "Error"}


class Server:
    def __init__(self, options):
        self.options = DEFAULTS | options
        # Open for as long as the process lives.
        self.log = Path(self.options["log"]).open("a", buffering=1) if self.options["log"] else None  # noqa: SIM115
        self.seen = {}
        self.in_flight = self.most = self.count = 0
        self.bucket, self.filled = max(1, self.options["rpm"] / 60), time.monotonic()

    def allows(self):
        rate, now = self.options["rpm"] / 60, time.monotonic()
        self.bucket = min(max(1, rate), self.bucket + (now - self.filled) * rate)
        self.filled = now
        if self.bucket < 1:
            return False
        self.bucket -= 1
        return True

    def note(self, event, **more):
        if self.log:
            self.log.write(json.dumps({"event": event, "at": time.time(), **more}) + "\n")

    def fault(self, request_hash, times):
        drawn = hashlib.sha256(f"{request_hash}/{times}".encode()).digest()
        share = int.from_bytes(drawn[:6], "big") / 2**48
        for name in ("p429", "p500", "pbad", "pdrop"):
            if share < self.options[name]:
                return name[1:]
            share -= self.options[name]
        return None


def content(schema, text, labels):
    """An answer of the schema's form, as JSON; which label and which number is drawn from the text."""
    schema = schema if (schema or {}).get("properties") else {"properties": {"labels": {"type": "array"}}}
    if "$defs" in schema:  # several items in one prompt: the same form under each number
        one = schema["$defs"]["answer"]
        code = {"code": text.partition("[code] ")[2].split()[0]}
        numbers = [name for name in schema["properties"] if name != "code"]
        return json.dumps(code | {number: value(one, f"{number} {text}", labels) for number in numbers})
    return json.dumps(value(schema, text, labels))


def value(part, text, labels, name=""):
    draw = hashlib.sha256(text.encode()).digest()[0]
    label, kind = labels[draw % len(labels)], part.get("type", ())
    if "properties" in part:
        return {name: value(one, text, part.get("labels", labels), name) for name, one in part["properties"].items()}
    if "anyOf" in part:
        return value(part["anyOf"][-1], text, labels, name)
    if kind == "array":
        items = part.get("items", {})
        if "properties" in items or items.get("type") == "string":
            return [value(items, text, labels, name)]
        allowed = items.get("enum") or (items.get("anyOf") or [{}])[0].get("enum") or labels
        return [label if label in allowed else allowed[0]]
    if name == "turn":
        return "text"
    if "enum" in part:
        return label if label in part["enum"] else part["enum"][0 if None in part["enum"] else draw % len(part["enum"])]
    if "minimum" in part:
        low, high = part["minimum"], part["maximum"]
        return low + draw % (high - low + 1) if kind == "integer" else round(low + (high - low) * draw / 255, 3)
    if name == "quote":
        return json.loads(text.rpartition("Text: ")[2] or '""').split()[0]
    return f"in English: {len(text)}"


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self.server = server
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1").lower()
            length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            asyncio.get_running_loop().create_task(self.handle(head, body))

    def send(self, status, payload, extra=""):
        if self.transport.is_closing():
            return
        raw = json.dumps(payload).encode()
        head = (
            f"HTTP/1.1 {status} {WORDS.get(status, 'Status')}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(raw)}\r\n{extra}"
            + "".join(f"{name}: {value}\r\n" for name, value in self.server.options["headers"].items())
            + "\r\n"
        )
        self.transport.write(head.encode() + raw)

    async def handle(self, head, body):
        server, options = self.server, self.server.options
        if head.startswith("get"):
            self.send(200, {"most_in_flight": server.most, "requests": server.count})
            return
        request = json.loads(body)
        request_hash = hashlib.sha256(body).hexdigest()
        times = server.seen[request_hash] = server.seen.get(request_hash, -1) + 1
        asked = [m["content"] for m in request["messages"] if m["role"] == "user"]
        # Of content parts the last is the text.
        users = [one if isinstance(one, str) else one[-1]["text"] for one in asked]
        more = {} if isinstance(asked[-1], str) else {"parts": asked[-1]}
        text = users[-1]
        wanted = "tool" if "tools" in request else (request.get("response_format") or {"type": "text"})["type"]
        server.note("asked", hash=request_hash, text=text, turns=len(request["messages"]), format=wanted, **more)
        server.count += 1
        server.in_flight += 1
        server.most = max(server.most, server.in_flight)
        await asyncio.sleep(options["latency"])
        server.in_flight -= 1
        outcome = self.answer(request, users, text, wanted, head, server.fault(request_hash, times))
        server.note("answered", hash=request_hash, text=text, outcome=outcome)

    def answer(self, request, users, text, wanted, head, fault):
        options = self.server.options

        def error(status, message, code=None, extra=""):
            self.send(status, {"error": {"message": message, "type": "x", "param": None, "code": code}}, extra)
            return str(status)

        if options["key"] and f"authorization: bearer {options['key'].lower()}" not in head:
            return error(401, f"Incorrect API key provided: {head.partition('bearer ')[2].partition(chr(13))[0]}")
        if options["status"]:
            return error(options["status"], options["message"], options["code"])
        if wanted not in options["formats"]:
            name = "tools" if wanted == "tool" else f"response_format of type {wanted}"
            return error(400, f"{name} is not supported")
        if options["rpm"] and not self.server.allows():
            return error(429, "too many requests a minute", "rate_limit_exceeded", "Retry-After: 1\r\n")
        if fault == "429":
            return error(429, "slow down", "rate_limit_exceeded", f"Retry-After: {options['retry_after']}\r\n")
        if fault == "500":
            return error(500, "the server had an error")
        if fault == "drop":
            self.transport.abort()
            return "drop"
        schema = request["response_format"]["json_schema"]["schema"] if wanted == "json_schema" else None
        if wanted == "tool":
            schema = request["tools"][0]["function"]["parameters"]
        asked = users[-2] if "cannot be used" in text and len(users) > 1 else text
        said, finish, refusal = content(schema, asked, options["labels"]), "stop", None
        for mark, known in options["knows"].items():
            fields = (schema or {}).get("properties", {})
            if mark in asked and fields.keys() & known.keys():
                said = json.dumps(json.loads(said) | {name: known[name] for name in fields if name in known})
        if fault == "bad":
            said = said[: len(said) // 2]
        if any(mark in asked for mark in options["garble"]):
            said = "}{ no json " + asked[:20]
        if any(mark in asked for mark in options["truncate"]):
            said, finish = said[:8], "length"
        if any(mark in asked for mark in options["refuse"]):
            said, refusal = None, "I cannot help with that."
        message = {"role": "assistant", "content": said, "refusal": refusal}
        if wanted == "tool" and refusal is None:
            call = {"name": request["tools"][0]["function"]["name"], "arguments": said}
            message |= {"content": None, "tool_calls": [{"id": "call_0", "type": "function", "function": call}]}
            finish = "tool_calls" if finish == "stop" else finish
        prompt, completion = options["tokens"]
        self.send(200, {
            "id": "chatcmpl-stub", "object": "chat.completion", "created": 0, "model": request["model"],
            "choices": [{"index": 0, "finish_reason": finish, "logprobs": None,
                         "message": message}],
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion,
                      "total_tokens": (prompt or 0) + (completion or 0)},
        })  # fmt: skip
        return fault or "200"


async def main():
    server = Server(json.loads(sys.argv[1]))
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Connection(server), "127.0.0.1", server.options["port"], backlog=1024)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # the parent closes the pipe, or is gone


if __name__ == "__main__":
    asyncio.run(main())
