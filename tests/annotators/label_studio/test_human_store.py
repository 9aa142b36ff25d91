from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annotators.label_studio.human_store import FORMAT, HumanAnswer, HumanStore, Project, Push, answer_fields
from annotators.label_studio.question import Question
from schemas.errors import DsbuildError
from schemas.task import Answer, Span, Task


def _project(store: HumanStore, task: Task) -> Project:
    return store.add_project("main", Question.of(task), "first", "http://ls.example", 7, "mark", "<View/>")


def _answer(project: Project, **more: Any) -> HumanAnswer:
    known = HumanAnswer(
        session="main",
        task="emotion",
        question=project.question.hash,
        round="first",
        item_id="i0",
        item_hash="h0",
        person="p1",
        state="answer",
        labels=["joy"],
        text=None,
        reason=None,
        server=project.server,
        project=project.project,
        ls_task=1,
        ls_annotation=1,
        created_at="2026-01-01T00:00:00.000000+00:00",
        updated_at="2026-01-01T00:00:00.000000+00:00",
        lead_time=3.5,
        suggestion=None,
        parent_prediction=None,
        origin=None,
        result=[{"value": "what the server said"}],
    )
    return replace(known, **more)


def test_an_answer_comes_back_as_it_went_in(store: HumanStore, task: Task) -> None:
    project = _project(store, task)
    answer = _answer(project, labels=[], suggestion=[{"annotator": "gpt", "labels": ["joy"]}], text="क्षि 😀")
    store.add(project, [answer], {1: "t"})
    assert store.current("main", "emotion", "first") == [answer]
    assert store.seen(project) == {1: "t"}


def test_none_of_these_and_no_answer_are_kept_apart(store: HumanStore, task: Task) -> None:
    project = _project(store, task)
    skip = _answer(project, person="p2", ls_annotation=2, state="skip", labels=None)
    store.add(project, [_answer(project, labels=[]), skip], {})
    assert [row.labels for row in store.current("main", "emotion", "first")] == [[], None]


def test_no_answer_is_ever_changed_or_dropped(store: HumanStore, task: Task) -> None:
    project = _project(store, task)
    store.add(project, [_answer(project)], {})
    with sqlite3.connect(store.path) as other:
        for statement in ("DELETE FROM answers", "UPDATE answers SET labels = '[]'"):
            with pytest.raises(sqlite3.IntegrityError, match="answers are kept"):
                other.execute(statement)


def test_the_newest_revision_counts_and_a_deleted_one_does_not(store: HumanStore, task: Task) -> None:
    project = _project(store, task)
    first = _answer(project)
    edited = replace(first, labels=["sadness"], updated_at="2026-01-02T00:00:00.000000+00:00")
    store.add(project, [first], {})
    store.add(project, [edited], {})
    assert store.current("main", "emotion", "first") == [edited]
    store.add(project, [replace(edited, state="deleted", labels=None)], {})
    assert store.current("main", "emotion", "first") == []
    assert len(store.history("main", "emotion")) == 3


def test_a_number_that_the_server_gave_out_again_is_another_annotation(store: HumanStore, task: Task) -> None:
    project = _project(store, task)
    first = _answer(project)
    again = _answer(project, item_id="i1", created_at="2026-02-01T00:00:00.000000+00:00")
    store.add(project, [first], {})
    store.add(project, [again], {})
    assert store.current("main", "emotion", "first") == [first, again]


def test_answers_and_the_cursor_are_committed_together(store: HumanStore, task: Task) -> None:
    project = _project(store, task)
    with pytest.raises(sqlite3.IntegrityError):
        store.add(project, [_answer(project), _answer(project, ls_annotation=2, state="nonsense")], {1: "t"})
    assert store.history("main", "emotion") == []
    assert store.seen(project) == {}


def test_everything_is_there_after_opening_again(store: HumanStore, task: Task) -> None:
    project = _project(store, task)
    store.add(project, [_answer(project)], {1: "t"})
    store.add_pushes(project, [Push("i0", "h0", "s0", None)])
    with HumanStore(store.path) as again:
        assert again.id == store.id
        assert again.pseudonym("who") == store.pseudonym("who")
        assert again.projects("main") == [project]
        assert again.pushes(project) == {("i0", "h0"): Push("i0", "h0", "s0", None)}
        assert again.current("main", "emotion", "first") == [_answer(project)]


def test_a_pseudonym_cannot_be_told_without_the_stores_key(store: HumanStore, tmp_path: Path) -> None:
    assert store.pseudonym("Ann") == store.pseudonym("ann")
    with HumanStore(tmp_path / "other.sqlite") as other:
        assert other.pseudonym("ann") != store.pseudonym("ann")


def test_a_store_of_a_later_format_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "human.sqlite"
    HumanStore(path).close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = 'dsbuild.human/99'")
    with pytest.raises(DsbuildError, match=FORMAT):
        HumanStore(path)


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at as one" * 20])
def test_another_file_is_not_taken_for_a_store(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "human.sqlite"
    path.write_bytes(content)
    with pytest.raises(DsbuildError, match="human store"):
        HumanStore(path)
    assert path.read_bytes() == content


def test_another_database_is_not_taken_for_a_store(tmp_path: Path) -> None:
    path = tmp_path / "human.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE responses (x)")
    with pytest.raises(DsbuildError, match="no human store"):
        HumanStore(path)


def test_two_processes_do_not_push_at_once(store: HumanStore) -> None:
    with (
        HumanStore(store.path) as other,
        store.exclusive(),
        pytest.raises(DsbuildError, match="Another process"),
        other.exclusive(),
    ):
        pass


ANSWERS = {
    "a ranking": Answer(labels=["joy", "sadness"], scores=[1.0, 2.0]),
    "attributes": Answer(labels=["scene:sea", "light"], scores=[None, 0.4], asked=["scene", "light"]),
    "words": Answer(labels=["relief"], originals=["Relief"]),
    "a number": Answer(value=0.1),
    "spans": Answer(spans=[Span("i0", 0, 2, "joy", "😀!"), Span(None)]),
    "no spans": Answer(spans=[]),
    "a trace": Answer(trace=[(0.1, -1.0), (0.2, 1.0)]),
    "a text": Answer(text="क्षि"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_of_any_kind_comes_back_as_it_went_in(store: HumanStore, task: Task, name: str) -> None:
    project = _project(store, task)
    store.add(project, [_answer(project, **answer_fields(ANSWERS[name]))], {})
    [row] = store.current("main", "emotion", "first")
    assert row.answer == ANSWERS[name]


# As dsbuild.human/1 made it.
_FORMAT_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE projects (
  id INTEGER PRIMARY KEY, session TEXT NOT NULL, task TEXT NOT NULL, question TEXT NOT NULL, round TEXT NOT NULL,
  server TEXT NOT NULL, project INTEGER NOT NULL, mark TEXT NOT NULL UNIQUE, asked TEXT NOT NULL,
  config TEXT NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE INDEX projects_of ON projects (session, task, round, server);
CREATE TABLE pushes (
  project INTEGER NOT NULL REFERENCES projects (id), item_id TEXT NOT NULL, item_hash TEXT NOT NULL,
  shown TEXT NOT NULL, suggestion TEXT, pushed_at TEXT NOT NULL, PRIMARY KEY (project, item_id, item_hash)
) STRICT;
CREATE TABLE seen (
  project INTEGER NOT NULL REFERENCES projects (id), ls_task INTEGER NOT NULL, updated_at TEXT NOT NULL,
  PRIMARY KEY (project, ls_task)
) STRICT;
CREATE TABLE answers (
  revision INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL, task TEXT NOT NULL, question TEXT NOT NULL, round TEXT NOT NULL,
  item_id TEXT NOT NULL, item_hash TEXT NOT NULL, person TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('answer', 'skip', 'rejected', 'deleted')),
  labels TEXT, text TEXT, reason TEXT,
  server TEXT NOT NULL, project INTEGER NOT NULL, ls_task INTEGER NOT NULL, ls_annotation INTEGER NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, lead_time REAL,
  suggestion TEXT, parent_prediction INTEGER, origin TEXT, result TEXT NOT NULL, pulled_at TEXT NOT NULL
) STRICT;
CREATE INDEX answers_of ON answers (session, task, round, item_id);
CREATE INDEX answers_at ON answers (server, project, ls_task);
CREATE TRIGGER answers_never_change BEFORE UPDATE ON answers BEGIN SELECT RAISE(ABORT, 'answers are kept'); END;
CREATE TRIGGER answers_never_go BEFORE DELETE ON answers BEGIN SELECT RAISE(ABORT, 'answers are kept'); END;
INSERT INTO meta VALUES ('format', 'dsbuild.human/1'), ('store', 'abcd'), ('pseudonym_key', '00ff');
INSERT INTO projects VALUES (1, 'main', 'emotion', '6c9908b2b2a35086', 'first', 'http://ls.example', 7, 'mark',
  '{"exclusive": [], "instruction": null, "kind": "choice", "labels": [["joy", ""]], "perspective": "reader",
    "task": "emotion"}', '<View/>', 't');
INSERT INTO pushes VALUES (1, 'i0', 'h0', 's0', '[{"annotator": "gpt", "labels": ["joy"]}]', 't');
INSERT INTO answers VALUES (5, 'main', 'emotion', '6c9908b2b2a35086', 'first', 'i0', 'h0', 'p1', 'answer', '["joy"]',
  NULL, NULL, 'http://ls.example', 7, 1, 1, 't', 't', 3.5, NULL, NULL, NULL, '[]', 't');
"""


def test_a_store_of_format_1_is_read_and_written_on(tmp_path: Path) -> None:
    path = tmp_path / "human.sqlite"
    with sqlite3.connect(path) as old:
        old.executescript(_FORMAT_1)
    before = sqlite3.connect(path).execute("SELECT * FROM answers").fetchall()
    with HumanStore(path) as store:
        assert store.id == "abcd"
        [project] = store.projects("main")
        assert project.question.label_ids == ["joy"]
        [answer] = store.current("main", "emotion", "first")
        assert answer.answer == Answer(labels=["joy"])
        assert store.pushes(project)["i0", "h0"].suggestion == [{"annotator": "gpt", "labels": ["joy"]}]
        more = replace(
            answer, item_id="i1", ls_annotation=2, **answer_fields(Answer(spans=[Span("i1", 0, 1, None, "x")]))
        )
        store.add(project, [more], {})
    with HumanStore(path) as again:
        assert again.history("main", "emotion") == [answer, more]
    after = sqlite3.connect(path)
    assert after.execute("SELECT value FROM meta WHERE key = 'format'").fetchone() == (FORMAT,)
    [first, second] = after.execute("SELECT * FROM answers").fetchall()
    assert first[: len(before[0])] == before[0]
    assert second[0] == 6, "a revision's number is never given out again"
    with pytest.raises(sqlite3.IntegrityError, match="answers are kept"):
        after.execute("UPDATE answers SET value = 1")
