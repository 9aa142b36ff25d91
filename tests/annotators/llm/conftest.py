"""A stub server in a process of its own, items, and a shorthand for one run of an LLM annotator."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotators.llm import Budget, LLMConfig, build
from schemas.ids import item_id
from schemas.protocols import AnnotatorOutput
from schemas.tables import ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

HERE = Path(__file__).parent


@dataclass
class Stub:
    url: str
    port: int
    log: Path
    process: subprocess.Popen[str]

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def lines(self, event: str = "asked") -> list[dict[str, Any]]:
        if not self.log.exists():
            return []
        return [entry for line in self.log.read_text().splitlines() if (entry := json.loads(line))["event"] == event]

    def asked(self) -> list[str]:
        return [line["text"] for line in self.lines()]


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[Callable[..., Stub]]:
    """Start a stub server with the given options; all are stopped at the end."""
    running: list[Stub] = []

    def start(**options: Any) -> Stub:
        log = tmp_path / f"requests-{len(running)}.jsonl"
        process = subprocess.Popen(
            [sys.executable, str(HERE / "stub_server.py"), json.dumps({"log": str(log), **options})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        port = int(process.stdout.readline())
        running.append(Stub(f"http://127.0.0.1:{port}/v1", port, log, process))
        return running[-1]

    yield start
    for server in running:
        server.stop()


def make_items(texts: list[str], **columns: Any) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "item_id": [item_id("made", str(number)) for number in range(len(texts))],
            "corpus": "made",
            "modality": "text",
            "text": texts,
            **columns,
        }
    )
    return conform(frame, ITEMS)


@pytest.fixture
def items() -> Callable[..., pl.DataFrame]:
    return make_items


@pytest.fixture
def task() -> Task:
    return Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="intended")


@pytest.fixture
def run(tmp_path: Path, task: Task) -> Callable[..., AnnotatorOutput]:
    """Annotate texts (or a frame of items) once, with the configuration given as keywords."""

    def once(
        what: list[str] | pl.DataFrame,
        *,
        put: list[Task] | None = None,
        store: str = "responses.sqlite",
        retry_failed: bool = False,
        budget: Budget | None = None,
        progress: Any = None,
        folder: Path | None = None,
        **config: Any,
    ) -> AnnotatorOutput:
        frame = what if isinstance(what, pl.DataFrame) else make_items(what)
        asked = [task] if put is None else put
        settings = LLMConfig(**({"name": "stub", "model": "stub", "max_failed": 1} | config))

        async def annotate() -> AnnotatorOutput:
            async with build(
                settings,
                tasks=asked,
                store_path=tmp_path / store,
                workspace=tmp_path / "cache",
                retry_failed=retry_failed,
                budget=budget,
                progress=progress,
                **({} if folder is None else {"folder": lambda corpus: folder}),
            ) as annotator:
                return await annotator.annotate(frame, asked)

        return asyncio.run(annotate())

    return once
