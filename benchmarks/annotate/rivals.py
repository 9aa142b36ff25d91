"""Curator and distilabel on the same rows against the same server, each in an environment of its own."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.annotate.bars import Bar, Results
from benchmarks.annotate.measured import measure
from benchmarks.annotate.speed import CONCURRENCY, LATENCY, example, ours
from tests.annotators.llm.faults.client import FaultServer
from tests.e2e.annotating import text_of

SCRIPTS = Path(__file__).with_name("peers")


@dataclass(frozen=True)
class Peer:
    """A peer: what to install, its script, and how many times its rows per second ours have to be."""

    name: str
    packages: tuple[str, ...]
    times: float

    @property
    def script(self) -> Path:
        """What runs in its environment."""
        return SCRIPTS / f"{self.name}_rows.py"


PEERS = (
    Peer("curator", ("bespokelabs-curator==0.1.31",), 5),
    # The newest openai breaks it, and it does not say that it needs requests.
    Peer("distilabel", ("distilabel==1.5.3", "openai==1.61.1", "requests"), 20),
)


class NotInstalled(Exception):
    """The peer's environment could not be made."""


def python_of(peer: Peer, folder: Path) -> Path:
    """The interpreter of the peer's environment below `folder`, made where there is none.

    Raises:
        NotInstalled: it could not be made.
    """
    place = folder / f"{peer.name}-{'-'.join(peer.packages[0].partition('==')[2:])}"
    python = place / "bin" / "python"
    if (place / "complete").exists():
        return python
    commands = [[sys.executable, "-m", "venv", "--clear", str(place)]]
    commands.append([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.packages])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise NotInstalled((done.stderr.strip() or done.stdout.strip()).splitlines()[-1])
    (place / "complete").touch()
    return python


def compare(results: Results, rows: int, times: int, folder: Path, names: Sequence[str]) -> None:
    """Ours and each peer in turns, medians of the ratios against the bars."""
    for peer in PEERS:
        if peer.name not in names:
            continue
        try:
            python = python_of(peer, folder.absolute())
        except NotInstalled as error:
            results.say(f"{peer.name}: skipped, its environment cannot be made: {error}")
            continue
        with FaultServer(latency=LATENCY) as server:
            system = json.loads(example(server))["messages"][0]["content"]
            ratios, theirs = [], []
            for _ in range(times):
                mine = ours(server, rows)
                theirs.append(_run(peer, python, server, rows, system))
                ratios.append(mine.rate / theirs[-1]["rate"])
        note = f"{rows:,} rows, median of {times}; start-ups are not counted"
        for figure in ("rate", "before", "cpu"):
            words = {"rate": "rows/s", "before": "start-up to the first request, s", "cpu": "CPU-s per 1,000 rows"}
            results.add(Bar(f"{peer.name}, {words[figure]}", statistics.median(run[figure] for run in theirs)))
        times_as_fast = statistics.median(ratios)
        results.add(Bar(f"times as many rows/s as {peer.name}", times_as_fast, peer.times, at_least=True, note=note))
        results.details[peer.name] = theirs


def _environment(python: Path, work: str) -> dict[str, str]:
    """No telemetry, no hub, caches in a folder that goes away, and for what wants to download tiktoken's encoding (as
    Curator does before its first request) the copy that litellm ships."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    tokenizers = next(python.parents[1].glob("lib/python*/site-packages/litellm/litellm_core_utils/tokenizers"), None)
    return kept | {
        "CURATOR_CACHE_DIR": f"{work}/cache",
        "CURATOR_VIEWER": "0",
        "TELEMETRY_ENABLED": "false",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HOME": f"{work}/hf",
        "OPENAI_API_KEY": "sk-none",
        "TIKTOKEN_CACHE_DIR": f"{work}/tiktoken" if tokenizers is None else str(tokenizers),
    }


def _run(peer: Peer, python: Path, server: FaultServer, rows: int, system: str) -> dict[str, float]:
    server.reset()
    with TemporaryDirectory(prefix="bench-peer-") as work:
        lines = (json.dumps({"text": text_of(number), "system": system}) for number in range(rows))
        Path(work, "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [str(python), str(peer.script), server.url, str(rows), str(CONCURRENCY), work]
        ran = measure(command, Path(work), _environment(python, work), timeout=1800)
    said = re.search(r"LABELLED (\d+)", ran.output)
    if ran.code or said is None or int(said[1]) != rows:
        raise RuntimeError(f"{peer.name} did not label all rows: {ran.output[-1500:]}")
    first = float(server.stats()["first"])
    return {"rate": rows / (ran.ended - first), "before": first - ran.begun, "cpu": ran.cpu / rows * 1000}
