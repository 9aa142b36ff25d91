"""Going on where a run was stopped: seconds until the first new request, with so many answers in the store."""

from __future__ import annotations

import json
import os
import sys

from benchmarks.annotate.bars import Bar, Results
from benchmarks.annotate.measured import measure
from benchmarks.annotate.speed import ROOT


def compare(results: Results, stored: int) -> None:
    """Run `benchmarks/resume.py`, which fills the store, and hold its figures against the bar."""
    ran = measure([sys.executable, "benchmarks/resume.py", "--rows", str(stored)], ROOT, os.environ, timeout=3600)
    if ran.code:
        raise RuntimeError(f"benchmarks/resume.py failed: {ran.output[-1000:]}")
    figures = json.loads(ran.output[ran.output.index("{") :])
    name = f"resume of {stored:,} stored answers"
    note = "from the start of the process to its first new request"
    results.add(Bar(f"{name} in a stopped run, s", figures["kept_s"], 5, note=note))
    results.add(Bar(f"{name} for another recipe with the same question, s", figures["stored_s"]))
    results.details["resume"] = figures
