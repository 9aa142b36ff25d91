"""Peak memory: above the imported process, at two sizes."""

from __future__ import annotations

import os
import sys

from benchmarks.annotate.bars import Bar, Results
from benchmarks.annotate.measured import measure
from benchmarks.annotate.projects import annotate, checked, project
from benchmarks.annotate.speed import CONCURRENCY, ROOT
from tests.annotators.llm.faults.client import FaultServer

# What a run has imported when it sends its first request, and nothing else done.
IMPORTED = """
import time
import aiohttp, numpy, polars, pyarrow, pyarrow.parquet
import dsbuild, dsbuild.api, dsbuild.cli.main
import annotators.llm.annotator, annotators.llm.build, annotators.llm.config, annotators.llm.questions
import annotators.llm.responses.store, annotators.llm.wire.transport
time.sleep(0.5)
"""


def imported() -> float:
    """MB of a process that has imported what ours imports."""
    ran = measure([sys.executable, "-c", IMPORTED], ROOT, os.environ, timeout=60)
    if ran.code:
        raise RuntimeError(ran.output)
    return ran.peak


def peak(server: FaultServer, rows: int) -> float:
    """MB at most while annotating `rows`."""
    with project(server, rows, concurrency=CONCURRENCY) as here:
        ran = annotate(here)
        checked(here, rows)
        return ran.peak


def compare(results: Results, small: int, large: int) -> None:
    """Hold both sizes against the bars."""
    base = imported()
    with FaultServer(latency=0.02) as server:
        first = peak(server, small) - base
        results.add(Bar("the imported process, MB", base))
        results.add(Bar(f"peak memory above it, {small:,} rows, MB", first, 150))
        second = peak(server, large) - base
        results.add(Bar(f"peak memory above it, {large:,} rows, MB", second))
        results.add(Bar(f"{large:,} rows against {small:,}, peak above the import", second / first, 1.2))
    results.details["memory"] = {"imported": base, str(small): first, str(large): second}
