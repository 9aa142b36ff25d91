"""Rows per second and CPU: the bare loop, one process, two processes, in turns against the same server."""

from __future__ import annotations

import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from annotators.llm.config import LLMConfig
from benchmarks.annotate.bars import Bar, Results
from benchmarks.annotate.measured import measure
from benchmarks.annotate.projects import annotate, checked, project
from tests.annotators.llm.faults.client import FaultServer

ROOT = Path(__file__).resolve().parents[2]
LATENCY, CONCURRENCY = 0.05, 256
SERVER_CPU = 0.15  # what the server may use itself, in CPU-s per 1,000 requests


@dataclass(frozen=True)
class Run:
    """Rows per second from the first request to the end of the process, which includes writing the answers; seconds
    from the start of the process to the first request; CPU-s per 1,000 rows, all of the process and its children."""

    rate: float
    before: float
    cpu: float


def loop(server: FaultServer, rows: int, body: str) -> Run:
    """The bare loop, its labels counted."""
    server.reset()
    with TemporaryDirectory() as folder:
        Path(folder, "body.json").write_text(body, encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.annotate.loop", server.url, str(rows), str(CONCURRENCY)]
        ran = measure([*command, str(Path(folder, "body.json"))], ROOT, os.environ, timeout=1800)
    if ran.code or ran.output.strip() != str(rows):
        raise RuntimeError(f"the bare loop failed: {ran.output[-500:]}")
    return _run(ran.begun, ran.ended, ran.cpu, server, rows)


def ours(server: FaultServer, rows: int, **annotator: Any) -> Run:
    """One run of ours, store and validation on, every label held against the server's log."""
    with project(server, rows, concurrency=CONCURRENCY, **annotator) as here:
        server.reset(log=here.folder / "requests.jsonl")
        ran = annotate(here)
        checked(here, rows, {entry.row: entry.label for entry in server.entries()})
        stats = server.stats()
        if stats["requests"] != rows:
            raise RuntimeError(f"{stats['requests']} requests for {rows} rows")
        return _run(ran.begun, ran.ended, ran.cpu, server, rows)


def _run(begun: float, ended: float, cpu: float, server: FaultServer, rows: int) -> Run:
    stats = server.stats()
    return Run(rows / (ended - stats["first"]), stats["first"] - begun, cpu / rows * 1000)


def example(server: FaultServer) -> str:
    """The body of a request of ours, for the bare loop to send."""
    with project(server, 10) as here:
        server.reset()
        annotate(here)
        return str(server.stats()["example"])


def compare(results: Results, rows: int, times: int) -> dict[str, list[Run]]:
    """Measure all in turns and hold them against the bars."""
    runs: dict[str, list[Run]] = {"loop": [], "one": [], "two": []}
    several = "processes" in LLMConfig.model_fields
    with FaultServer(latency=LATENCY) as server:
        body = example(server)
        for _ in range(times):
            runs["loop"].append(loop(server, rows, body))
            used = server.stats()["cpu"] / rows * 1000
            runs["one"].append(ours(server, rows))
            if several:
                runs["two"].append(ours(server, rows, processes=2))
            results.say("  " + ", ".join(f"{name} {done[-1].rate:,.0f}/s" for name, done in runs.items() if done))
    ratio = _median(b.rate / a.rate for a, b in zip(runs["loop"], runs["one"], strict=True))
    note = f"{rows:,} rows, 50 ms, 256 in flight, {times} turns"
    results.add(Bar("bare loop, rows/s", _median(run.rate for run in runs["loop"]), note=note))
    results.add(Bar("bare loop, CPU-s per 1,000 rows", _median(run.cpu for run in runs["loop"])))
    results.add(Bar("the server itself, CPU-s per 1,000 requests", used, SERVER_CPU))
    results.add(Bar("one process, rows/s", _median(run.rate for run in runs["one"])))
    results.add(Bar("one process, share of the bare loop's rows/s", ratio, 0.6, at_least=True))
    results.add(Bar("one process, CPU-s per 1,000 rows", _median(run.cpu for run in runs["one"]), 0.8))
    if several:
        faster = _median(b.rate / a.rate for a, b in zip(runs["one"], runs["two"], strict=True))
        results.add(Bar("two processes, rows/s", _median(run.rate for run in runs["two"])))
        results.add(Bar("two processes, rows/s as a multiple of one's", faster, 1.0, at_least=True))
        results.add(Bar("two processes, CPU-s per 1,000 rows", _median(run.cpu for run in runs["two"])))
    results.details["speed"] = {name: [vars(run) for run in done] for name, done in runs.items()}
    return runs


def start_up(results: Results, times: int) -> None:
    """Seconds from starting the command to its first request."""
    with FaultServer() as server:
        waits = [ours(server, 100).before for _ in range(times)]
    results.add(Bar("start-up to the first request, s", _median(waits), 1.0, note=f"median of {times}"))
    results.details["start_up"] = waits


def _median(values: Any) -> float:
    return float(statistics.median(values))
