"""A server that refuses, fails, cuts and drops: every row is labelled or a dead letter, and no request is wasted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import polars as pl
import pytest

from tests.annotators.llm.faults.client import Entry, FaultServer
from tests.annotators.llm.faults.draws import Faults
from tests.annotators.llm.faults.judging import Judged, judge
from tests.e2e.annotating import labels, made, recipe, text_of, write_corpus, write_recipe
from tests.e2e.conftest import Project

ROWS = 3000
CONCURRENCY = 32  # at 50 ms 640 a second: what a machine that does other things beside can keep up
FAULTS = Faults(seed=11, p429=0.05, p500=0.02, cut=0.02, drop=0.01, garble=0.01)
RETRY_AFTER = 1.0
MARKS = [f"row-{number:06d}" for number in range(ROWS)]


@dataclass(frozen=True)
class Outcome:
    project: Project
    entries: list[Entry]
    early: int

    @property
    def judged(self) -> Judged:
        return judge(self.entries, FAULTS, MARKS, RETRY_AFTER)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    folder = tmp_path_factory.mktemp("faults")
    project = Project(folder)
    write_corpus(folder / "rows.csv", [text_of(number) for number in range(ROWS)])
    options = asdict(FAULTS)
    with FaultServer(latency=0.05, retry_after=RETRY_AFTER, log=folder / "requests.jsonl", **options) as server:
        project.run("run", write_recipe(project, recipe(server.url, concurrency=CONCURRENCY)))
        yield Outcome(project, server.entries(), server.stats()["early"])


def garbled() -> set[str]:
    return {row for row in MARKS if FAULTS.garbled(row)}


def dead_rows(project: Project) -> set[str]:
    letters = made(project).table("dead_letters")["item_id"]
    return {row for row, item in marks(project).items() if item in set(letters)}


def marks(project: Project) -> dict[str, str]:
    parts = sorted((project.folder / ".dsbuild/nodes").glob("items/*/items/*.parquet"))
    items = pl.concat([pl.read_parquet(part) for part in parts])
    return dict(items.select(pl.col("text").str.extract(r"(row-\d+)"), "item_id").iter_rows())


def test_the_garbled_rows_are_dead_letters_with_their_reason_and_hardly_another(outcome: Outcome) -> None:
    dead, expected = dead_rows(outcome.project), garbled()
    assert 15 < len(expected) < 60
    assert expected <= dead
    assert len(dead - expected) <= 3
    letters = made(outcome.project).table("dead_letters")
    assert letters["reason"].is_in(["invalid", "http"]).all()
    assert letters.filter(letters["reason"] == "invalid")["raw"].str.len_chars().min() > 0
    assert (letters["detail"].str.len_chars() > 0).all()


def test_every_other_row_has_the_label_that_the_server_gave_it_last(outcome: Outcome) -> None:
    found, dead = labels(outcome.project), dead_rows(outcome.project)
    assert len(found) + len(dead) == ROWS
    assert not set(found) & dead
    given = {entry.row: entry.label for entry in outcome.entries if entry.outcome == "200"}
    assert {row: [given[row]] for row in found} == found


def test_dead_letters_are_absent_from_the_labels_of_the_release(outcome: Outcome) -> None:
    dead = {marks(outcome.project)[row] for row in dead_rows(outcome.project)}
    release = outcome.project.folder / "releases" / "rows" / "1.0.0"
    silver = pl.concat([pl.read_parquet(path) for path in sorted(release.glob("labels/*.parquet"))])
    assert silver.height == ROWS - len(dead)
    assert not set(silver["item_id"]) & dead
    assert silver["labels"].list.len().min() == 1


def test_nobody_comes_back_before_the_time_that_was_said(outcome: Outcome) -> None:
    assert outcome.judged.refused > ROWS * 0.03
    assert outcome.judged.early == 0
    assert outcome.early == 0  # as the server counted it


def test_extra_requests_are_within_a_tenth_of_the_least_possible(outcome: Outcome) -> None:
    assert outcome.judged.least > ROWS * 0.1
    assert outcome.judged.waste <= 0.1
    assert {entry.row for entry in outcome.entries} == set(MARKS)


def test_faults_slow_a_few_rows_and_never_the_run(outcome: Outcome) -> None:
    assert len(outcome.judged.answers) >= 4
    assert outcome.judged.steadiness > 1 / 3, outcome.judged.answers
