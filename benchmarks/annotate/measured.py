"""One command, measured from outside: seconds, CPU and memory of it and its children."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Measured:
    """`begun` and `ended` are on the monotonic clock; `cpu` in seconds, children that ended included; `peak` is the
    greatest resident memory of the process itself and `tree` of it with its children (shared pages counted once each,
    by their share), both in MB."""

    begun: float
    ended: float
    cpu: float
    peak: float
    tree: float
    code: int
    output: str

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return self.ended - self.begun


def measure(
    command: Sequence[str], folder: Path, env: Mapping[str, str], *, timeout: float, memory: bool = False
) -> Measured:
    """Run `command` in `folder` to its end. `memory` samples the whole tree, which costs some CPU itself.

    Raises:
        TimeoutError: it did not end in time; it and its children are gone.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        begun = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env=dict(env), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        over = threading.Timer(timeout, lambda: os.killpg(process.pid, 9))
        over.start()
        peaks = [0.0, 0.0]
        ended = threading.Event()
        watching = threading.Thread(target=_watch, args=(process.pid, peaks, ended, memory))
        watching.start()
        _, status, usage = os.wait4(process.pid, 0)
        end = time.monotonic()
        process.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        watching.join()
        if not over.is_alive():
            raise TimeoutError(f"{' '.join(command)} did not end within {timeout:g} s")
        over.cancel()
        output.seek(0)
        said = output.read()
    return Measured(begun, end, usage.ru_utime + usage.ru_stime, peaks[0], peaks[1], process.returncode, said)


def _watch(pid: int, peaks: list[float], ended: threading.Event, tree: bool) -> None:
    while not ended.wait(SAMPLE_SECONDS if not tree else 5 * SAMPLE_SECONDS):
        # The kernel keeps the peak itself, so that only its last moments can be missed.
        peaks[0] = max(peaks[0], _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM:") / 1024)
        if tree:
            total = sum(_kilobytes(Path(f"/proc/{one}/smaps_rollup"), "Pss:") for one in [pid, *_below(pid)])
            peaks[1] = max(peaks[1], total / 1024)


def _below(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_below(int(child))]
    except OSError:
        return found  # it ended while we looked
    return found


def _kilobytes(file: Path, name: str) -> float:
    try:
        for line in file.read_text().splitlines():
            if line.startswith(name):
                return float(line.split()[1])
    except OSError:
        return 0.0  # it ended while we looked
    return 0.0
