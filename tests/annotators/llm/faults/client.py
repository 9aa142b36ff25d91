"""Starting the misbehaving server from a test or a benchmark, and reading its log."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.annotators.llm.faults.draws import Faults

SERVER = Path(__file__).with_name("server.py")


@dataclass(frozen=True)
class Entry:
    """One request as the server saw it; see server.py."""

    row: str
    hash: str
    number: int
    asked: float
    answered: float
    outcome: str
    label: str

    @property
    def paid(self) -> bool:
        """Whether it had an answer, of whatever use."""
        return self.outcome in ("200", "cut", "garbled")


class FaultServer:
    """`with FaultServer(latency=0.05, p429=0.05, log=path) as server:`; options as in server.py."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self._log: str | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL for a recipe."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def pid(self) -> int:
        """The number of the server's process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, on the port it had before if it had one."""
        self._log = self.options.get("log")
        options = {name: str(value) if isinstance(value, Path) else value for name, value in self.options.items()}
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER), json.dumps({**options, "port": self.port})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        """End it, its log complete."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._process = None

    def stats(self) -> dict[str, Any]:
        """The server's counters."""
        return self._call("stats")

    def reset(self, **options: Any) -> None:
        """Other options, another log, counters from zero."""
        self._log = options.get("log")
        self._call("reset", {k: str(v) if isinstance(v, Path) else v for k, v in options.items()})

    def entries(self) -> list[Entry]:
        """Every request that is over."""
        if self._process is not None:
            self._call("flush")
        assert self._log is not None
        path = Path(self._log)
        return [Entry(*json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]

    def _call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", data=data, timeout=20) as answer:
            stats: dict[str, Any] = json.load(answer)
        return stats


__all__ = ["Entry", "FaultServer", "Faults"]
