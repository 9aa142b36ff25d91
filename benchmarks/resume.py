"""How soon a run of an LLM annotator that goes on asks its first new request, with very many answers stored.

    python benchmarks/resume.py --rows 1000000

The answers to all rows but the last are put into a response store of a scratch workspace. Then the annotator's node
runs twice, each time in a process of its own, against a server that refuses everything, which stops it at its first new
request: first with the stored answers alone (as for another recipe that asks the same), which leaves its finished
batches behind; then with these, as a run does that was stopped. Prints one JSON object: `stored_s` and `kept_s` are
seconds from the start of the process, imports and all, to that request; `stored_us` is microseconds a stored row.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl

ROOT = Path(__file__).resolve().parents[1]
PART = 50_000
RECIPE = """dataset: resumed
tasks: [{{name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: reader}}]
corpora: [{{name: rows, path: rows.csv, columns: {{id: id, text: text}}, language: en}}]
annotate: [{{name: stub, kind: llm, model: stub, base_url: "{url}", concurrency: 64}}]
"""
ANSWER = json.dumps(
    {
        "id": "chatcmpl-0123456789", "object": "chat.completion", "created": 0, "model": "stub",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                     "message": {"role": "assistant", "content": '{"labels": ["joy"]}', "refusal": None}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }
).encode()  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        run_node(options.child)
    else:
        print(json.dumps(measure(options.rows), indent=1))


def measure(rows: int) -> dict[str, Any]:
    """The figures for `rows` rows; takes about two minutes a million."""
    with tempfile.TemporaryDirectory() as scratch, refusing() as (url, asked):
        folder = Path(scratch)
        (folder / "recipe.yaml").write_text(RECIPE.format(url=url), encoding="utf-8")
        (folder / "rows.csv").write_text("id,text\n0,nobody reads this\n", encoding="utf-8")
        make_items(folder / "items" / "items", rows)
        asyncio.run(fill(folder, rows))
        seconds = []
        for _ in range(2):
            asked.clear()
            begun = time.time()
            subprocess.run([sys.executable, __file__, "--child", scratch], check=True, cwd=ROOT)
            assert asked, "nothing was asked"
            seconds.append(asked[0] - begun)
    stored, kept = seconds
    return {
        "rows": rows,
        "stored_s": round(stored, 2),
        "stored_us": round(stored / rows * 1e6, 1),
        "kept_s": round(kept, 2),
    }


@contextmanager
def refusing() -> Iterator[tuple[str, list[float]]]:
    """A server that refuses everything with 401; its URL, and when it was asked (seconds since 1970)."""
    asked: list[float] = []

    class Refuses(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(time.time())
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()


def make_items(folder: Path, rows: int) -> None:
    from schemas.tables import ITEMS, conform

    folder.mkdir(parents=True)
    for number, start in enumerate(range(0, rows, PART)):
        mine = range(start, min(rows, start + PART))
        frame = pl.DataFrame(
            {
                "item_id": [hashlib.sha256(b"%d" % row).hexdigest()[:16] for row in mine],
                "corpus": "rows",
                "modality": "text",
                "language": "en",
                "text": [f"row {row}: we walked home in the rain and nobody said a word about it" for row in mine],
            }
        )
        conform(frame, ITEMS).write_parquet(folder / f"part-{number:05d}.parquet")


def node_of(folder: Path) -> tuple[Any, Any, Any]:
    """The annotator's node, its context, and the items that it is given."""
    from dsbuild.engine.graph import graph_of
    from dsbuild.engine.setup import context
    from dsbuild.engine.workspace import Output

    ctx = context(folder / "recipe.yaml", workspace=folder / "workspace")
    ctx.workspace.prepare()
    (node,) = [node for node in graph_of(ctx) if node.name == "annotate:stub"]
    return node, ctx, Output(folder / "items", "0" * 64, "items", {})


async def fill(folder: Path, rows: int) -> None:
    """Store an answer for every row but the last."""
    from annotators.llm.questions import Questions, items_of
    from annotators.llm.responses.answers import Arrived
    from annotators.llm.responses.store import ResponseStore

    node, ctx, items = node_of(folder)
    (questions,) = Questions.groups(node.entry, node.tasks(ctx))
    async with ResponseStore(ctx.workspace.responses) as store:
        left = rows - 1
        for batch in items.batches("items"):
            for item in items_of(batch.head(left)):
                key = questions.ask(item, 0).key
                store.add(Arrived(key, ANSWER, 100, 10, "stub", "stub", item.item_id or "", 0.0, 0.05, "json_schema"))
            left -= batch.height
            await store.flush()


def run_node(folder: Path) -> None:
    """Run the node until the server refuses."""
    from dsbuild.engine.node import node_key
    from schemas.errors import DsbuildError

    node, ctx, items = node_of(folder)
    writer = ctx.workspace.begin(node.name, node_key(node, ctx, {"items": items}))
    with suppress(DsbuildError):  # the refusal; that it came is seen at the server
        node.run(ctx, {"items": items}, writer)
    writer.discard()


if __name__ == "__main__":
    main()
