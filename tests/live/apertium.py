"""Apertium's translation server with the pairs that the system has, on a port of its own."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXECUTABLE = Path("/usr/bin/apertium-apy")
MODES = Path("/usr/share/apertium/modes")


@contextmanager
def apertium() -> Iterator[str]:
    """The URL of a running server; it is stopped when the context ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [str(EXECUTABLE), "-p", str(port), str(MODES)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                raise RuntimeError(f"apertium-apy ended with {process.returncode}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
