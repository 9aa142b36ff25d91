"""Several processes annotate as one: the same bytes, one budget, and none of them is ever left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from annotators.llm import Budget, BudgetSpent, LLMConfig, build
from schemas.errors import DsbuildError

HERE = Path(__file__).parent
TEXTS = [f"text number {n} about a day" for n in range(60)]


def settings(server: Any, tmp_path: Path, name: str, **more: Any) -> dict[str, Any]:
    """What annotate_child.py is told."""
    return {
        "texts": TEXTS * 5,
        "config": {"base_url": server.url, "concurrency": 8} | more,
        "store": str(tmp_path / f"{name}.sqlite"),
        "workspace": str(tmp_path),
        "out": str(tmp_path / name),
    }


def together(
    tmp_path: Path, name: str, items: Any, task: Any, budget: Budget | None = None, **config: Any
) -> list[Any]:
    async def annotate() -> list[Any]:
        made = {}
        config_ = LLMConfig(**({"name": "stub", "model": "stub", "max_failed": 1} | config))
        store = tmp_path / f"{name}.sqlite"
        async with build(config_, tasks=[task], store_path=store, workspace=tmp_path, budget=budget) as annotator:
            frame = items([f"text number {n} about a day" for n in range(400)])
            async for number, _, output in annotator.annotate_all(
                lambda: enumerate(frame.iter_slices(50)), [task], 400
            ):
                made[number] = output
        return [made[number] for number in sorted(made)]

    return asyncio.run(annotate())


def test_two_processes_make_what_one_makes_and_ask_nothing_twice(stub, tmp_path, items, task):
    server = stub(garble=["number 13 "], latency=0.01)
    one = together(tmp_path, "one", items, task, base_url=server.url)
    asked = len(server.asked())
    two = together(tmp_path, "two", items, task, base_url=server.url, processes=2, concurrency=9)
    assert len(server.asked()) == 2 * asked
    assert len(one) == len(two) == 8
    for mine, other in zip(one, two, strict=True):
        assert mine.annotations.equals(other.annotations)
        assert mine.dead_letters.equals(other.dead_letters)
        assert mine.figures == other.figures
    again = together(tmp_path, "two", items, task, base_url=server.url, processes=2)
    assert len(server.asked()) == 2 * asked
    assert [output.figures for output in again] == [output.figures for output in one]


def test_one_budget_holds_for_all_processes_and_in_the_next_run_too(stub, tmp_path, items, task):
    server = stub(latency=0.01, tokens=[100, 10])
    config = {
        "base_url": server.url, "price": {"input": 1000.0, "output": 1000.0}, "params": {"max_tokens": 10},
        "processes": 2, "concurrency": 8,
    }  # fmt: skip
    for _ in range(2):
        budget = Budget(12.0, tmp_path / "ledger")
        with pytest.raises(BudgetSpent):
            together(tmp_path, "paid", items, task, budget, **config)
        budget.close()
    assert len(server.asked()) * 0.11 <= 12.0
    assert len(server.asked()) > 60


def test_what_stops_one_process_stops_the_run_with_its_message(stub, tmp_path, items, task):
    server = stub(status=401)
    with pytest.raises(DsbuildError, match=r"401|key"):
        together(tmp_path, "refused", items, task, base_url=server.url, processes=2)


def children_of(pid: int) -> list[int]:
    """The living children of a process, by what each process says of its parent."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, parent, *_ = stat.read_text().rpartition(")")[2].split()
            if int(parent) == pid and state != "Z":
                found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
@pytest.mark.parametrize("victim", ["parent", "child"])
def test_no_process_outlives_a_killed_one_and_nothing_is_lost(stub, tmp_path, victim):
    server = stub(latency=0.05)
    order = settings(server, tmp_path, "killed", processes=2)
    environment = os.environ | {"PYTHONPATH": str(HERE.parents[2])}
    command = [sys.executable, str(HERE / "annotate_child.py"), json.dumps(order)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        # There is one batch, so one of the two has nothing to do and ends.
        while len(server.lines("answered")) < 20 or len(children_of(process.pid)) != 1:
            assert process.poll() is None
            time.sleep(0.01)
        children = children_of(process.pid)
        os.kill(process.pid if victim == "parent" else children[0], signal.SIGKILL)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode != 0
    if victim == "child":
        assert "is gone" in said
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() and _runs(child) for child in children):
        assert time.monotonic() < deadline, "a child outlived its parent"
        time.sleep(0.02)
    stored = sqlite3.connect(tmp_path / "killed.sqlite").execute("SELECT count(*) FROM answers").fetchone()[0]
    assert stored >= 12


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
