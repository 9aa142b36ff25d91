"""A folder of one's own for the commands of a page, and an endpoint for those that ask one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Project

STUB = ROOT / "tests" / "annotators" / "llm" / "stub_server.py"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The command line in a folder of its own."""
    return Project(tmp_path)


@pytest.fixture
def endpoint() -> Iterator[Callable[[], str]]:
    """Start a stub of OpenAI's endpoint and get its base URL."""
    running: list[subprocess.Popen[str]] = []

    def start() -> str:
        process = subprocess.Popen(
            [sys.executable, str(STUB), "{}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout is not None
        return f"http://127.0.0.1:{int(process.stdout.readline())}/v1"

    yield start
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
