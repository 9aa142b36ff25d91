"""The bare loop that all is measured against: aiohttp posts, json reads, nothing is kept.

`python -m benchmarks.annotate.loop URL ROWS CONCURRENCY BODY` sends what is in the file BODY once for each row, with
the text of that row in its last message, and prints how many answers held a label.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp

from tests.e2e.annotating import text_of


async def main(url: str, rows: int, concurrency: int, body: bytes) -> int:
    request = json.loads(body)
    before, after = _around(request)
    rest = iter(range(rows))
    labels: list[str] = []

    async def work(session: aiohttp.ClientSession) -> None:
        for number in rest:
            message = json.dumps("Text: " + json.dumps(text_of(number)))
            async with session.post(f"{url}/chat/completions", data=before + message.encode() + after) as response:
                answer = json.loads(await response.read())
            labels.append(json.loads(answer["choices"][0]["message"]["content"])["labels"][0])

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": "application/json"}) as session:
        await asyncio.gather(*(work(session) for _ in range(concurrency)))
    return len(labels)


def _around(request: dict[str, object]) -> tuple[bytes, bytes]:
    """The body before and behind the text of its last message."""
    messages = request["messages"]
    assert isinstance(messages, list)
    messages[-1]["content"] = "\0"
    before, after = json.dumps(request).split(json.dumps("\0"))
    return before.encode(), after.encode()


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]).read_bytes())))
