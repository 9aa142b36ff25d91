"""The human store: every answer a person ever gave, in one SQLite file that no change of a recipe invalidates.

Format `dsbuild.human/2`, SQLite in WAL mode; JSON columns are UTF-8 JSON, times ISO 8601 in UTC. A store of format 1,
which lacks the last six columns of `answers`, is given them when it is opened; nothing in it changes.

- `meta(key, value)`: `format`; `store`, a random id that marks the store's projects on a server; `pseudonym_key`, a
  random key that never leaves the file.
- `projects`: the Label Studio projects of each (session, question hash, round, server), the newest being the one in
  use; with the `mark` in its description, the question (`asked`) and the labelling config.
- `pushes`: each item pushed into a project: the hash of the item, the hash of what the page shows, and the
  suggestions shown with it, [{annotator, annotation_id, labels, text, and what else the answer has}], or null.
- `answers`: append-only (triggers refuse anything else), a row for each revision of each annotation. `state` is
  `answer`, `skip`, `rejected` (with `reason`: it does not answer the question) or `deleted`. `labels` is a JSON list,
  [] for "none of these", null for no answer, with `scores` and `originals` (JSON lists as long as it) where there are
  any; `value`, `spans`, `trace` and `text` are as in `Answer`, spans as JSON objects, `asked` a JSON list.
  `person` is a name of the session's people, else a pseudonym.
  `suggestion` is what that page showed; `parent_prediction` is set if the person started from it, `origin` says
  whether they changed it. An annotation is known by server, project, its id and its creation time, since Label
  Studio gives ids out again after a deletion.
- `seen`: the last `updated_at` read of each Label Studio task: a cursor, which may be lost without harm.

What counts is, of each annotation, the newest revision; of those that are not deleted, the newest of each (session,
task, question, round, item, item hash, person).
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from annotators.label_studio.question import Question
from schemas.errors import DsbuildError
from schemas.task import Answer, Span

FORMAT = "dsbuild.human/2"
_BEFORE = "dsbuild.human/1"

_SCHEMA = """
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
  suggestion TEXT, parent_prediction INTEGER, origin TEXT, result TEXT NOT NULL, pulled_at TEXT NOT NULL,
  scores TEXT, originals TEXT, value REAL, spans TEXT, trace TEXT, asked TEXT
) STRICT;
CREATE INDEX answers_of ON answers (session, task, round, item_id);
CREATE INDEX answers_at ON answers (server, project, ls_task);
CREATE TRIGGER answers_never_change BEFORE UPDATE ON answers BEGIN SELECT RAISE(ABORT, 'answers are kept'); END;
CREATE TRIGGER answers_never_go BEFORE DELETE ON answers BEGIN SELECT RAISE(ABORT, 'answers are kept'); END;
"""

# Columns are added without a word to the triggers: no row changes.
_UPGRADE = [
    f"ALTER TABLE answers ADD COLUMN {column}"
    for column in ("scores TEXT", "originals TEXT", "value REAL", "spans TEXT", "trace TEXT", "asked TEXT")
]


@dataclass(frozen=True)
class Project:
    """A Label Studio project of a session; `id` is the store's own number, `project` the server's."""

    id: int
    session: str
    round: str
    server: str
    project: int
    mark: str
    config: str
    question: Question

    @property
    def url(self) -> str:
        return f"{self.server}/projects/{self.project}"


@dataclass(frozen=True)
class Push:
    """An item in a project, the hash of what its page shows, and the suggestions shown there (null for none)."""

    item_id: str
    item_hash: str
    shown: str
    suggestion: list[dict[str, Any]] | None


@dataclass(frozen=True)
class HumanAnswer:
    """One revision of one annotation; the columns of `answers` without the numbers that the store gives.

    The fields of the answer are null where there is none, and what the column says otherwise: `spans` as objects with
    the keys of `Span`, `trace` as [seconds, value].
    """

    session: str
    task: str
    question: str
    round: str
    item_id: str
    item_hash: str
    person: str
    state: str
    labels: list[str] | None
    text: str | None
    reason: str | None
    server: str
    project: int
    ls_task: int
    ls_annotation: int
    created_at: str
    updated_at: str
    lead_time: float | None
    suggestion: list[dict[str, Any]] | None
    parent_prediction: int | None
    origin: str | None
    result: Any
    scores: list[float | None] | None = None
    originals: list[str] | None = None
    value: float | None = None
    spans: list[dict[str, Any]] | None = None
    trace: list[list[float]] | None = None
    asked: list[str] | None = None

    @property
    def answer(self) -> Answer:
        """What was answered; without anything where the state is not `answer`."""
        return Answer(
            labels=self.labels,
            originals=self.originals,
            scores=self.scores,
            value=self.value,
            spans=None if self.spans is None else [Span(**span) for span in self.spans],
            trace=None if self.trace is None else [(t, value) for t, value in self.trace],
            text=self.text,
            asked=self.asked,
        )

    @property
    def annotation(self) -> tuple[str, int, int, str]:
        """Which annotation on which server this is a revision of."""
        return (self.server, self.project, self.ls_annotation, self.created_at)


_COLUMNS = [field.name for field in fields(HumanAnswer)]
_JSON = ("labels", "suggestion", "result", "scores", "originals", "spans", "trace", "asked")


def answer_fields(answer: Answer) -> dict[str, Any]:
    """The fields of `HumanAnswer` that hold an answer."""
    return {
        "labels": answer.labels,
        "text": answer.text,
        "scores": answer.scores,
        "originals": answer.originals,
        "value": answer.value,
        "spans": None if answer.spans is None else [asdict(span) for span in answer.spans],
        "trace": None if answer.trace is None else [[t, value] for t, value in answer.trace],
        "asked": answer.asked,
    }


def _now() -> datetime:
    return datetime.now(UTC)


class HumanStore:
    """The store in the file `path`, made if it is not there. One process may write at a time, any number may read.

    Raises:
        DsbuildError: the file is no human store, is one of a later format, or cannot be written.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = _now) -> None:
        self.path = path
        self._clock = clock
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")  # an answer that was read back survives a power cut
            self._db.execute("PRAGMA foreign_keys=ON")
            with self._transaction():
                self._set_up()
        except (OSError, sqlite3.Error) as error:
            raise DsbuildError(f"The human store cannot be opened: {error}.", where=str(path)) from error

    def _set_up(self) -> None:
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            for statement in _statements(_SCHEMA):
                self._db.execute(statement)
            entries = {"format": FORMAT, "store": secrets.token_hex(8), "pseudonym_key": secrets.token_hex(32)}
            self._db.executemany("INSERT INTO meta VALUES (?, ?)", entries.items())
            tables = {"meta"}
        self._meta: dict[str, str] = dict(self._db.execute("SELECT key, value FROM meta")) if "meta" in tables else {}
        if self._meta.get("format") == _BEFORE:
            for statement in _UPGRADE:
                self._db.execute(statement)
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'format'", (FORMAT,))
            self._meta["format"] = FORMAT
        if self._meta.get("format") != FORMAT:
            raise DsbuildError(
                f"This is no human store of the format {FORMAT}.",
                where=str(self.path),
                fix="Use the version of dsbuild that wrote it, or another file.",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @property
    def id(self) -> str:
        """A random id of this store; it marks the store's projects on a server."""
        return self._meta["store"]

    def pseudonym(self, login: str) -> str:
        """A name for an account that is none of a session's people: a hash keyed with the store's secret."""
        key = bytes.fromhex(self._meta["pseudonym_key"])
        return "stranger-" + hmac.new(key, login.casefold().encode(), hashlib.sha256).hexdigest()[:12]

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """While this lasts nobody else pushes or pulls with this store.

        Raises:
            DsbuildError: somebody else does already.
        """
        with self.path.with_name(self.path.name + ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DsbuildError(
                    "Another process is pushing or pulling with this human store.",
                    where=str(self.path),
                    fix="Wait until it is done.",
                ) from None
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def projects(
        self, session: str, *, task: str | None = None, round: str | None = None, server: str | None = None
    ) -> list[Project]:
        """The projects of a session, oldest first; of one task, round or server if asked."""
        rows = self._db.execute(
            "SELECT id, session, round, server, project, mark, config, asked FROM projects WHERE session = ? "
            "AND task = coalesce(?, task) AND round = coalesce(?, round) AND server = coalesce(?, server) ORDER BY id",
            (session, task, round, server),
        )
        return [
            Project(id, name, round_, server_, project, mark, config, Question.from_json(asked))
            for id, name, round_, server_, project, mark, config, asked in rows
        ]

    def add_project(
        self, session: str, question: Question, round: str, server: str, project: int, mark: str, config: str
    ) -> Project:
        """Remember the project that was made on `server` for a session's question."""
        row = (session, question.task, question.hash, round, server, project, mark, question.to_json(), config)
        with self._transaction():
            cursor = self._db.execute(
                "INSERT INTO projects (session, task, question, round, server, project, mark, asked, config, "
                "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, self._time()),
            )
        assert cursor.lastrowid is not None
        return Project(cursor.lastrowid, session, round, server, project, mark, config, question)

    def set_config(self, project: Project, config: str) -> None:
        """Remember that the project is drawn in another way now."""
        with self._transaction():
            self._db.execute("UPDATE projects SET config = ? WHERE id = ?", (config, project.id))

    def pushes(self, project: Project) -> dict[tuple[str, str], Push]:
        """What was pushed into a project, by item id and item hash."""
        rows = self._db.execute(
            "SELECT item_id, item_hash, shown, suggestion FROM pushes WHERE project = ? ORDER BY rowid", (project.id,)
        )
        return {(row[0], row[1]): Push(row[0], row[1], row[2], _load(row[3])) for row in rows}

    def add_pushes(self, project: Project, pushes: Iterable[Push]) -> None:
        """Remember what is about to be pushed; what was noted before but never arrived is replaced."""
        time = self._time()
        rows = [(project.id, one.item_id, one.item_hash, one.shown, _dump(one.suggestion), time) for one in pushes]
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO pushes VALUES (?, ?, ?, ?, ?, ?)", rows)

    def seen(self, project: Project) -> dict[int, str]:
        """The `updated_at` of each Label Studio task when it was last read."""
        return dict(self._db.execute("SELECT ls_task, updated_at FROM seen WHERE project = ?", (project.id,)))

    def add(self, project: Project, answers: Iterable[HumanAnswer], seen: Mapping[int, str | None]) -> None:
        """Append revisions and move the cursor (null: the task is gone), both or neither."""
        time = self._time()
        rows = [
            [_dump(value) if name in _JSON else value for name, value in asdict(one).items()] + [time]
            for one in answers
        ]
        places = ", ".join("?" * (len(_COLUMNS) + 1))
        with self._transaction():
            self._db.executemany(f"INSERT INTO answers ({', '.join(_COLUMNS)}, pulled_at) VALUES ({places})", rows)
            for task, updated_at in seen.items():
                if updated_at is None:
                    self._db.execute("DELETE FROM seen WHERE project = ? AND ls_task = ?", (project.id, task))
                else:
                    self._db.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", (project.id, task, updated_at))

    def newest(self, project: Project, ls_tasks: Iterable[int]) -> list[HumanAnswer]:
        """The newest revision of every annotation of these Label Studio tasks, deleted ones included."""
        found: list[HumanAnswer] = []
        for task in ls_tasks:
            found += self._read(
                "SELECT {columns} FROM answers WHERE revision IN (SELECT max(revision) FROM answers WHERE server = ? "
                "AND project = ? AND ls_task = ? GROUP BY ls_annotation, created_at) ORDER BY revision",
                (project.server, project.project, task),
            )
        return found

    def current(self, session: str, task: str, round: str) -> list[HumanAnswer]:
        """What counts: see the module's last paragraph. Ordered by item, person and time."""
        return self._read(
            "WITH newest AS (SELECT max(revision) AS revision FROM answers "
            "WHERE session = ? AND task = ? AND round = ? GROUP BY server, project, ls_annotation, created_at), "
            "ranked AS (SELECT a.*, row_number() OVER (PARTITION BY item_id, item_hash, question, person "
            "ORDER BY updated_at DESC, a.revision DESC) AS place "
            "FROM answers a JOIN newest USING (revision) WHERE state != 'deleted') "
            "SELECT {columns} FROM ranked WHERE place = 1 ORDER BY item_id, person, updated_at, revision",
            (session, task, round),
        )

    def history(self, session: str, task: str) -> list[HumanAnswer]:
        """Every revision ever, in the order of reading."""
        return self._read(
            "SELECT {columns} FROM answers WHERE session = ? AND task = ? ORDER BY revision", (session, task)
        )

    def _read(self, query: str, parameters: tuple[Any, ...]) -> list[HumanAnswer]:
        with closing(self._db.execute(query.format(columns=", ".join(_COLUMNS)), parameters)) as rows:
            return [
                HumanAnswer(*(_load(value) if name in _JSON else value for name, value in pairs))
                for pairs in (zip(_COLUMNS, row, strict=True) for row in rows)
            ]

    def _time(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="microseconds")


def _dump(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _load(value: str | None) -> Any:
    return None if value is None else json.loads(value)


def _statements(script: str) -> Iterator[str]:
    """The statements of a script: `executescript` would commit the transaction they belong in."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
