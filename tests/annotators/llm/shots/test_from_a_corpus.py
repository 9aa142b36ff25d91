"""Examples from a corpus of the recipe, through a whole run: the prompts that reach the server hold nothing scored."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dsbuild
from audits.report.sections.annotators import annotators as shown_annotators

RECIPE = """dataset: d
title: t
licence: CC0-1.0
tasks:
  - {{name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: intended, instructions: {{en: Which one}}}}
corpora:
  - name: quickstart
build:
  - split: {{test: 0.2, validation: 0.1, stratify: emotion, seed: 7}}
annotate:
  - name: near
    kind: llm
    model: m
    base_url: "{url}"
    shots: {{from: quickstart, splits: [train], pick: nearest, k: 3, pool: 60}}
    on: {{splits: [test], sample: 12}}
  - name: drawn
    kind: llm
    model: m
    base_url: "{url}"
    shots: {{from: quickstart, splits: [train], pick: random, k: 7, pool: 60}}
    on: {{splits: [train], sample: 40}}
aggregate:
  - {{name: silver, task: emotion, from: [near, drawn]}}
"""


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[list[dict[str, str]]]]]:
    """A server that says joy, and the messages it was sent."""
    seen: list[list[dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"])
            message = {"role": "assistant", "content": '{"labels": ["joy"]}'}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            answer = json.dumps({"object": "chat.completion", "choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", seen
    server.shutdown()
    server.server_close()


def test_only_other_items_of_train_are_examples(endpoint: tuple[str, Any], tmp_path: Path) -> None:
    url, seen = endpoint
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE.format(url=url), encoding="utf-8")
    result = dsbuild.run(path, workspace=tmp_path / "ws", out=tmp_path / "out")
    release = result.release
    assert release is not None
    items = pl.concat([pl.read_parquet(file) for file in sorted((release / "items").rglob("*.parquet"))])
    split_of = {text: split or "train" for text, split in items.select("text", "split").iter_rows()}
    asked: dict[str, list[int]] = {"test": [], "train": []}
    heads = set()
    for messages in seen:
        *shots, question = [json.loads(m["content"].removeprefix("Text: ")) for m in messages if m["role"] == "user"]
        assert question not in shots
        assert {split_of[shot] for shot in shots} == {"train"}
        asked[split_of[question]].append(len(shots))
        heads.add((split_of[question], *shots))
    assert sorted(asked["test"]) == [3] * 12
    assert sorted(asked["train"]) == [7] * 40
    assert len([head for head in heads if head[0] == "test"]) > 6, "each item has its own"
    again = dsbuild.run(path, workspace=tmp_path / "ws", out=tmp_path / "other")
    assert again.release is not None
    assert len(seen) == 52


def test_a_warning_of_an_annotator_stands_in_the_report() -> None:
    entry = {"name": "a", "kind": "llm", "asked": 1, "answered": 1, "dead_letters": 0, "reasons": {}}
    (shown,) = shown_annotators({"annotators": [entry | {"warnings": ["Something changed."]}]}).shown
    assert shown.warnings == ("Something changed.",)
