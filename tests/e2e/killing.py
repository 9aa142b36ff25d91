"""Killing an annotating run from outside, and what the server's log says about it afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.annotators.llm.faults.client import Entry, FaultServer
from tests.e2e.conftest import Project, processes, wait_until

PROMISED = 0.2  # seconds that an answer may be in memory only
LATE = 0.2  # by how much a busy machine may bring an answer to the client after the server has sent it


class Stop(NamedTuple):
    """When a run was told to end and when it was gone, on the monotonic clock: a busy machine takes its time."""

    told: float
    gone: float


@dataclass
class Killed:
    """The kills, and what the server had seen when all was done."""

    stops: list[Stop] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def lost(self, undisturbed: Sequence[Entry]) -> set[str]:
        """Requests that the undisturbed run sent and the killed one never did."""
        return {entry.hash for entry in undisturbed} - {entry.hash for entry in self.entries}

    def asked_again(self, undisturbed: Sequence[Entry]) -> list[str]:
        """Requests that were sent although the client had held every answer to them for long enough: each with how long
        before the next kill."""
        needed = Counter(entry.hash for entry in undisturbed)
        held: dict[str, list[tuple[float, float]]] = {}
        for entry in self.entries:
            # From when it was sent: what is answered after the end of whoever sent it reaches nobody.
            kill = min((stop.told for stop in self.stops if stop.gone >= entry.asked), default=float("inf"))
            if entry.paid and kill - entry.answered > PROMISED + LATE:
                held.setdefault(entry.hash, []).append((entry.answered, kill - entry.answered))
        wrong = []
        for entry in self.entries:
            before = [long for at, long in held.get(entry.hash, ()) if at < entry.asked]
            if len(before) >= needed[entry.hash]:
                wrong.append(f"{entry.row} ({entry.number}): answered {min(before):.3f} s before a kill")
        return wrong

    def repeats(self, undisturbed: Sequence[Entry]) -> int:
        """How many requests more than the undisturbed run's were sent."""
        needed = Counter(entry.hash for entry in undisturbed)
        return sum(max(0, count - needed[key]) for key, count in Counter(entry.hash for entry in self.entries).items())

    def may_repeat(self) -> int:
        """How many may have been: what was in flight at each kill, and the answers of the last 0.2 s before it."""
        return sum(
            entry.asked <= stop.gone
            and (entry.answered > stop.told or (entry.paid and entry.answered > stop.told - PROMISED))
            for stop in self.stops
            for entry in self.entries
        )


def start(project: Project, *words: str) -> subprocess.Popen[bytes]:
    """A command in a process group of its own, as a shell starts it."""
    return subprocess.Popen(
        project.command(*words),
        cwd=project.folder,
        env=project.env,
        stdout=subprocess.DEVNULL,
        stderr=(project.folder / "stderr.txt").open("wb"),
        start_new_session=True,
    )


def said(project: Project) -> str:
    """What the last command wrote to standard error."""
    return (project.folder / "stderr.txt").read_text(encoding="utf-8", errors="replace")


def kill(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL, *, group: bool = False) -> Stop:
    """Send a signal to a command, or to its whole process group as a terminal does, and wait for its end."""
    told = time.monotonic()
    if group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    process.wait(30)
    return Stop(told, time.monotonic())


def kill_after(process: subprocess.Popen[bytes], seconds: float, server: FaultServer) -> Stop | None:
    """SIGKILL so many seconds after the command's first request; None if it had ended by itself."""
    had = server.stats()["requests"]
    patience = time.monotonic() + 20  # a run that has nothing to ask any more is killed later
    while process.poll() is None and server.stats()["requests"] == had and time.monotonic() < patience:
        time.sleep(0.01)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return kill(process)
    assert process.returncode == 0
    return None


def nobody_left(folder: Path) -> None:
    """Wait until no process works in `folder` any more: a killed run's children end with it."""

    def gone() -> bool:
        for pid in processes():
            try:
                place = Path(f"/proc/{pid}/cwd").readlink()
            except OSError:
                continue
            if pid != os.getpid() and place.is_relative_to(folder):
                return False
        return True

    wait_until(gone, 5, "the end of every process of the killed run")


def wait_for_requests(server: FaultServer, process: subprocess.Popen[bytes], count: int) -> None:
    """Wait until the server has had so many requests since its last reset."""
    end = time.monotonic() + 60
    while server.stats()["requests"] < count:
        assert process.poll() is None, "the run ended before"
        assert time.monotonic() < end
        time.sleep(0.02)
