"""The benchmark of the annotation engine works; whether its bars are kept is for a machine that does nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.annotate.bars import Bar
from tests.annotators.llm.faults.client import Entry
from tests.annotators.llm.faults.draws import Faults
from tests.annotators.llm.faults.judging import judge
from tests.e2e.conftest import ROOT


def test_the_quick_run_prints_every_bar_and_its_outputs_are_right(tmp_path: Path) -> None:
    file = tmp_path / "bars.json"
    command = [sys.executable, "-m", "benchmarks.annotate", "--quick", "--only", "speed,start,faults", "--json", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode in (0, 1), done.stderr
    bars = {bar["name"]: bar for bar in json.loads(file.read_text(encoding="utf-8"))["bars"]}
    assert {"one process, share of the bare loop's rows/s", "start-up to the first request, s"} <= set(bars)
    # What depends on nothing but the code has to hold on any machine.
    for name in ("labels that are not the server's", "rows neither labelled nor recorded"):
        assert bars[f"faults: {name}"]["value"] == 0
    assert bars["faults: retries before Retry-After"]["value"] == 0
    assert len(re.findall(r"\) (?:PASS|FAIL)(?=\s)", done.stdout)) >= 8
    assert done.returncode == (0 if all(bar["passed"] for bar in bars.values()) else 1)


@pytest.mark.parametrize(("value", "at_least", "passed"), [(2, False, True), (3, False, False), (3, True, True)])
def test_a_bar_says_whether_its_limit_is_kept(value: float, at_least: bool, passed: bool) -> None:
    bar = Bar("rows", value, 2.5, at_least=at_least)
    assert bar.passed is passed
    assert bar.line() == f"rows: {value} ({'>=' if at_least else '<='} 2.5) {'PASS' if passed else 'FAIL'}"


def test_the_judge_counts_what_is_early_and_what_is_too_much() -> None:
    faults = Faults(seed=1, p429=0.3)
    rows = [f"row-{number:06d}" for number in range(50)]
    entries, now = [], 0.0
    for row in rows:
        for number in range(faults.least(row)):
            outcome = faults.draw(row, number) or "200"
            entries.append(Entry(row, row, number, now, now + 0.1, outcome, "joy"))
            now += 1.2 if outcome == "429" else 0.1
    judged = judge(entries, faults, rows, 1.0)
    assert judged.extra == judged.least == judged.refused > 5
    assert (judged.waste, judged.early) == (0, 0)
    hasty = [replace(entry, asked=entry.asked / 3, answered=entry.answered / 3) for entry in entries]
    assert judge(hasty, faults, rows, 1.0).early == judged.refused
    more = [*entries, *(Entry("row-000000", "x", 99, 0, 1, "200", "joy") for _ in range(judged.least))]
    assert judge(more, faults, rows, 1.0).waste == 1
