"""An annotating run is killed, stopped, robbed of its disk and of its server; nothing answered is asked again, and what
comes out in the end is what comes out of an undisturbed run, to the byte."""

from __future__ import annotations

import contextlib
import json
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.annotators.llm.faults.client import Entry, FaultServer
from tests.e2e.annotating import made, recipe, text_of, write_corpus, write_recipe
from tests.e2e.conftest import Project
from tests.e2e.killing import Killed, Stop, kill, kill_after, nobody_left, said, start, wait_for_requests

LATENCY = 0.05
GARBLE = {"seed": 3, "garble": 0.01}


@dataclass(frozen=True)
class Undisturbed:
    project: Project
    server: FaultServer
    entries: list[Entry]
    seconds: float  # from the first request until the annotator's work was on disk

    def fresh(self, folder: Path, **annotator: int) -> tuple[Project, str]:
        """A project with the same corpus and recipe (but for options named) and a store of its own; the server starts
        counting anew."""
        folder.mkdir(exist_ok=True)
        shutil.copyfile(self.project.folder / "rows.csv", folder / "rows.csv")
        content = json.loads((self.project.folder / "recipe.yaml").read_text(encoding="utf-8"))
        content["annotate"][0] |= annotator
        self.server.reset(log=folder / "requests.jsonl", **GARBLE)
        return Project(folder), write_recipe(Project(folder), content)

    def check(self, project: Project, killed: Killed, *, same_recipe: bool = True) -> None:
        """Nothing lost, nothing answered asked again, no more repeats than may be, and the same bytes."""
        assert not killed.lost(self.entries)
        again = killed.asked_again(self.entries)
        assert not again, again[:10]
        repeats, bound = killed.repeats(self.entries), killed.may_repeat()
        print(f"{len(killed.stops)} times: {repeats} requests repeated, {bound} may have been")
        assert repeats <= bound
        assert made(project).parquet == made(self.project).parquet
        assert made(project).figures == made(self.project).figures
        assert not same_recipe or project.files() == self.project.files()
        assert not list((project.folder / ".dsbuild" / "responses.sqlite.owners").iterdir())


def run_undisturbed(folder: Path, server: FaultServer, rows: int, **annotator: int) -> Undisturbed:
    project = Project(folder)
    write_corpus(folder / "rows.csv", [text_of(number) for number in range(rows)])
    write_recipe(project, recipe(server.url, **annotator))
    server.reset(log=folder / "requests.jsonl", **GARBLE)
    project.run("run", "recipe.yaml", "--until", "annotate", timeout=900)
    ended = time.monotonic()
    project.run("run", "recipe.yaml", timeout=900)
    entries = server.entries()
    first = min(entry.asked for entry in entries)
    return Undisturbed(project, server, entries, ended - first)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    with FaultServer(latency=LATENCY) as server:
        yield run_undisturbed(tmp_path_factory.mktemp("undisturbed"), server, 800, concurrency=16)


def kills_at(
    moments: list[float], undisturbed: Undisturbed, folder: Path, **annotator: int
) -> tuple[list[tuple[Project, Killed]], int]:
    """Kill runs at `moments` (s after the first request of a run that is never disturbed), each going on where the
    one before was killed, its start-up not counted; then let them end. A run that ends by itself before its kill is
    followed by a new one."""
    project, name = undisturbed.fresh(folder / "0", **annotator)
    done: list[tuple[Project, Killed]] = [(project, Killed())]
    before, count = 0.0, 0
    for moment in sorted(moments):
        process = start(project, "run", name)
        at = kill_after(process, moment - before, undisturbed.server)
        if at is None:
            done[-1][1].entries = undisturbed.server.entries()
            project, name = undisturbed.fresh(folder / str(len(done)), **annotator)
            done.append((project, Killed()))
            at = kill_after(start(project, "run", name), moment * 0.7, undisturbed.server)
            assert at is not None
        nobody_left(project.folder)
        done[-1][1].stops.append(at)
        count += 1
        before = moment
    project.run("run", name, timeout=900)
    done[-1][1].entries = undisturbed.server.entries()
    return done, count


def test_4_kills_at_random_moments_change_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    draw = random.Random(404)
    moments = [draw.uniform(0, undisturbed.seconds) for _ in range(4)]
    done, count = kills_at(moments, undisturbed, tmp_path)
    assert count == 4
    for project, killed in done:
        undisturbed.check(project, killed)


def test_kills_while_a_run_starts_change_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    project, name = undisturbed.fresh(tmp_path / "started")
    draw = random.Random(7)
    stops = []
    for _ in range(3):
        process = start(project, "run", name)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0.2, 1.2))
        stops.append(kill(process))
        nobody_left(project.folder)
    project.run("run", name)
    undisturbed.check(project, Killed(stops, undisturbed.server.entries()))


def test_kills_of_two_processes_change_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    draw = random.Random(2)
    moments = [draw.uniform(0, undisturbed.seconds * 0.7) for _ in range(2)]
    done, count = kills_at(moments, undisturbed, tmp_path, processes=2)
    assert count == 2
    for project, killed in done:
        undisturbed.check(project, killed, same_recipe=False)


@pytest.mark.parametrize(
    ("number", "whole_group", "processes"),
    [
        (signal.SIGINT, True, 1),
        (signal.SIGTERM, False, 1),
        pytest.param(signal.SIGINT, True, 2),
        pytest.param(signal.SIGTERM, False, 2),
    ],
)
def test_being_asked_to_stop_is_obeyed_at_once_and_loses_nothing(
    undisturbed: Undisturbed, tmp_path: Path, number: signal.Signals, whole_group: bool, processes: int
) -> None:
    project, name = undisturbed.fresh(tmp_path / "stopped", **({} if processes == 1 else {"processes": processes}))
    process = start(project, "run", name)
    wait_for_requests(undisturbed.server, process, 300)
    stop = kill(process, number, group=whole_group)  # the group, as a terminal does on Ctrl-C
    assert process.returncode == 130
    assert stop.gone - stop.told < 5
    assert "Stopped. What was answered is kept; run the same command to go on." in said(project)
    assert said(project).count("Stopped.") == 1
    assert "Traceback" not in said(project)
    nobody_left(project.folder)
    project.run("run", name)
    undisturbed.check(project, Killed([stop], undisturbed.server.entries()), same_recipe=processes == 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 900 kB, which `mount -o remount,size=` can make larger."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", place], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_is_told_and_costs_nothing(undisturbed: Undisturbed, small_disk: Path) -> None:
    project, name = undisturbed.fresh(small_disk)
    undisturbed.server.reset(log=small_disk.parent / "requests.jsonl", **GARBLE)
    stopped = project.run("run", name, check=False, timeout=60)
    moment = time.monotonic()
    assert stopped.returncode == 1
    assert "disk is full" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    first = len(undisturbed.server.entries())
    assert 50 < first < len(undisturbed.entries), "the disk was to fill up in the middle"
    # Trying again while it is still full says the same and asks next to nothing.
    again = project.run("run", name, check=False, timeout=60)
    assert again.returncode == 1
    assert "disk is full" in again.stderr
    later = time.monotonic()
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    project.run("run", name)
    entries = undisturbed.server.entries()
    undisturbed.check(project, Killed([_last_write(entries, moment), _last_write(entries, later)], entries))


def _last_write(entries: list[Entry], end: float) -> Stop:
    """When the last request before `end` was sent: shortly after, the store had no more room."""
    return Stop(max(entry.asked for entry in entries if entry.asked < end), end)


def test_a_limit_on_the_size_of_files_is_told_and_costs_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    project, name = undisturbed.fresh(tmp_path / "limited")
    limit = 300_000

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    stopped = subprocess.run(
        project.command("run", name),
        cwd=project.folder,
        env=project.env,
        preexec_fn=limited,
        capture_output=True,
        text=True,
        timeout=60,
    )
    moment = time.monotonic()
    assert stopped.returncode == 1
    assert "responses.sqlite" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    entries = undisturbed.server.entries()
    assert 50 < len(entries) < len(undisturbed.entries)
    project.run("run", name)
    entries = undisturbed.server.entries()
    undisturbed.check(project, Killed([_last_write(entries, moment)], entries))


def gone_for(seconds: float, undisturbed: Undisturbed, folder: Path) -> None:
    project, name = undisturbed.fresh(folder)
    server = undisturbed.server
    process = start(project, "run", name)
    wait_for_requests(server, process, len(undisturbed.entries) // 3)
    moment = time.monotonic()
    server.stop()
    before = server.entries()
    time.sleep(seconds)
    assert process.poll() is None, said(project)
    server.options = {"latency": LATENCY, "log": folder / "later.jsonl", **GARBLE}
    stop = Stop(moment, time.monotonic())
    server.start()
    assert process.wait(120) == 0, said(project)
    # Requests that were under way when the server went are in neither log: they had no answer.
    undisturbed.check(project, Killed([stop], before + server.entries()))
    assert made(project).figures["more"]["dead_letters"] == made(undisturbed.project).figures["more"]["dead_letters"]


def test_a_server_that_is_gone_for_some_seconds_costs_no_row(undisturbed: Undisturbed, tmp_path: Path) -> None:
    gone_for(6, undisturbed, tmp_path / "gone")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    with FaultServer(latency=LATENCY) as server:
        yield run_undisturbed(tmp_path_factory.mktemp("large"), server, 20_000, concurrency=64)


@pytest.mark.kills
@pytest.mark.timeout(3600)
def test_50_kills_in_a_run_of_20000_rows_change_nothing(large: Undisturbed, tmp_path: Path) -> None:
    draw = random.Random(50)
    moments = [draw.uniform(0, large.seconds) for _ in range(50)]
    print(f"\nundisturbed: {large.seconds:.1f} s, {len(large.entries)} requests")
    done, count = kills_at(moments, large, tmp_path)
    assert count == 50
    for project, killed in done:
        large.check(project, killed)


@pytest.mark.kills
@pytest.mark.timeout(1200)
def test_a_server_that_is_gone_for_a_minute_costs_no_row(large: Undisturbed, tmp_path: Path) -> None:
    gone_for(60, large, tmp_path / "gone")
