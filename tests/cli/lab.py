"""A small lab: one file, one recipe, the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl

DSBUILD = str(Path(sys.executable).with_name("dsbuild"))

RECIPE = """dataset: lab
tasks:
  - {{name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: reader}}
corpora:
  - name: tweets
    path: {path}
    columns: {columns}
    language: en
    labels: [{{task: emotion, columns: label, annotator: author, kind: author}}]
build: {build}
annotate: [{annotate}]
aggregate: [{{name: stated, task: emotion, from: [tweets]}}]
{more}
"""


@dataclass(frozen=True)
class Lab:
    """A folder with `tweets.csv` and `recipe.yaml`."""

    folder: Path

    def file(self, content: str | bytes) -> None:
        """Write the file of texts."""
        data = content if isinstance(content, bytes) else content.encode()
        (self.folder / "tweets.csv").write_bytes(data)

    def recipe(
        self,
        path: str = "tweets.csv",
        columns: dict[str, str] | None = None,
        build: str = "[normalise]",
        annotate: str = "",
        more: str = "",
    ) -> Path:
        """Write the recipe."""
        written = self.folder / "recipe.yaml"
        columns = columns or {"id": "id", "text": "text"}
        text = RECIPE.format(path=path, columns=json.dumps(columns), build=build, annotate=annotate, more=more)
        written.write_text(text, encoding="utf-8")
        return written

    def run(self, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the recipe (or the one that is named)."""
        recipe = () if words and words[0].endswith(".yaml") else ("recipe.yaml",)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "HF_", "LABEL_STUDIO_"))}
        return subprocess.run(
            [DSBUILD, "run", *recipe, *words],
            cwd=self.folder,
            env=kept | (env or {}),
            capture_output=True,
            text=True,
            timeout=120,
        )

    def releases(self) -> list[Path]:
        """The releases that were made."""
        return sorted(path for path in (self.folder / "releases" / "lab").glob("[0-9]*") if path.is_dir())

    def release(self) -> Path:
        """The only release."""
        [one] = self.releases()
        return one

    def items(self) -> pl.DataFrame:
        """The items of the release."""
        return pl.read_parquet(sorted(self.release().glob("items/*.parquet")))


@contextmanager
def serve_once(status: int, body: dict[str, Any]) -> Iterator[str]:
    """A server that answers every POST with `status` and `body`; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
