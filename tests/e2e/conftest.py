"""The command line as a person uses it, in a folder of its own."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DSBUILD = [str(Path(sys.executable).with_name("dsbuild"))]

# The quick start with few enough LLM answers to run many times.
QUICK = ("--set", "annotate.gemma.on.sample=5", "--set", "annotate.gemma-cotr.on.sample=5")


@dataclass(frozen=True)
class Project:
    """A folder with a workspace and releases, and the command line in it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *words: str) -> list[str]:
        """The words of a dsbuild command."""
        return [*DSBUILD, *words]

    @property
    def env(self) -> dict[str, str]:
        """The environment of its commands: no key, no hub, no network."""
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "HF_", "LABEL_STUDIO_", "DSBUILD_"))
        }
        ours = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(self.folder / "hf"), "DSBUILD_LOG_PROMPTS": "1"}
        return kept | ours | self.environment

    def run(self, *words: str, check: bool = True, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(
            self.command(*words), cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=timeout
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command, its standard error readable line by line."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def files(self, under: str = "releases") -> dict[str, str]:
        """The SHA-256 of every file below a folder, by its path."""
        top = self.folder / under
        return {
            path.relative_to(top).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(top.rglob("*"))
            if path.is_file() and path.name != ".lock"
        }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder of one's own."""
    return Project(tmp_path)


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The quick start, run once without disturbance, with few LLM answers."""
    made = Project(tmp_path_factory.mktemp("undisturbed"))
    made.run("run", str(ROOT / "examples" / "quickstart.yaml"), *QUICK)
    return made


def processes() -> dict[int, str]:
    """The command line of every process that runs, by its number."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue  # it ended while we looked
            if state != "Z":
                found[int(entry.name)] = line
    return found


def servers_below(folder: Path) -> list[str]:
    """The bundled models' servers that were started by a command in `folder`."""
    found = []
    for pid, line in processes().items():
        try:
            place = Path(f"/proc/{pid}/cwd").readlink()
        except OSError:
            continue
        if "annotators.llm.local.serve" in line and place.is_relative_to(folder):
            found.append(line)
    return found


def wait_until(true: object, seconds: float, what: str) -> None:
    """Wait for `true()`, or fail."""
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


def kill_when(process: subprocess.Popen[str], line: str, delay: float) -> bool:
    """SIGKILL a command `delay` seconds after it writes a line that starts with `line`; whether it came so far."""
    assert process.stderr is not None
    seen = False
    for written in process.stderr:
        if written.startswith(line):
            seen = True
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            break
    process.stderr.close()
    process.wait(60)
    return seen and process.returncode == -signal.SIGKILL


def drained(process: subprocess.Popen[str]) -> tuple[threading.Thread, list[str]]:
    """Read a command's standard error away, so that it never waits for us; the lines are there when the thread ends."""
    lines: list[str] = []

    def read() -> None:
        assert process.stderr is not None
        lines.extend(process.stderr)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread, lines


def readme_row(annotator: str) -> list[str]:
    """The cells that the README gives to an annotator."""
    [row] = [
        line
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{annotator}` |")
    ]
    return [cell.strip() for cell in row.strip("|").split("|")[1:]]


def figures_row(metrics: dict[str, Any], annotator: str) -> list[str]:
    """What these cells have to be: macro-F1 with its interval and the number of texts, overall and by language."""

    def share(value: float) -> str:
        return f"{value:.2f}".removeprefix("0") if value < 0.995 else "1.0"

    found = {}
    for entry in metrics["scores"]:
        if entry["of"] == annotator:
            f1 = entry["macro_f1"]
            cell = f"{share(f1['value'])} ({share(f1['low'])} to {share(f1['high'])}), {entry['n']}"
            found[entry["by"].get("language", "all")] = cell
    return [found[language] for language in ("all", "en", "mr", "hi", "es", "de")]
