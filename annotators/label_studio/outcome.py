"""What a session's answers come to: the annotations, what is missing or stale, and where people differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from annotators.label_studio.human_store import HumanAnswer, HumanStore, answer_fields
from annotators.label_studio.people import renamed
from annotators.label_studio.question import Question
from annotators.label_studio.session import ADJUDICATION, FIRST, SessionConfig, as_asked
from annotators.label_studio.verdict import UNDISPUTED, decide, same
from annotators.label_studio.wire import MEDIA, hash_of
from schemas.ids import annotation_id, digest
from schemas.tables import ANNOTATIONS, PROVENANCE, conform, empty
from schemas.task import Answer, Task

if TYPE_CHECKING:
    import polars as pl

_CODE = "label_studio/1"


@dataclass(frozen=True)
class Dispute:
    """An item where the people's answers have no majority: each different answer and how many gave it."""

    item_id: str
    candidates: tuple[tuple[Answer, int], ...]


@dataclass(frozen=True)
class Outcome:
    """What a session has brought for one task on the items it is about.

    - `annotations` (ANNOTATIONS) and their `provenance` (PROVENANCE): every current answer and skip of the session's
      people, round `first`, and of the adjudicator, round `adjudication`; in the order of items and people.
    - `missing`: items that wait for people: fewer than `overlap` answered, and not everyone has answered or skipped.
    - `unpushed`: those of them that were never put before people in their present form: pushing comes before waiting.
    - `waiting`: the missing ones, and the disputed ones if the session names someone to decide them.
    - `stale`: answers to an older text or question that their person has not given again.
    - `disputed`: complete items without a majority that the adjudicator has not looked at yet.
    - `adjudicated`: {item_id: answer}, what the session says: the adjudicator's answer, else what `verdict.decide` says
      of the people's. Items that are incomplete, disputed, or skipped by the adjudicator are not in it, and texts only
      where somebody decided.
    - `people`: {name: (answers, skips)}; `rejected`: (person, item_id, reason) of answers that are none and have to be
      given again; `strangers`: answers by accounts that are none of the session's people.
    """

    annotations: pl.DataFrame
    provenance: pl.DataFrame
    missing: int
    unpushed: int
    waiting: int
    stale: int
    disputed: tuple[Dispute, ...]
    adjudicated: dict[str, Answer]
    people: dict[str, tuple[int, int]]
    rejected: tuple[tuple[str, str, str], ...]
    strangers: Counter[str] = field(default_factory=Counter)


@dataclass
class _Rows:
    """Answers of one round that count: of each (item, person) the newest to today's item and question."""

    current: dict[tuple[str, str], HumanAnswer] = field(default_factory=dict)
    older: Counter[tuple[str, str]] = field(default_factory=Counter)

    def stale(self, people: Collection[str]) -> int:
        """How many older answers by `people` have no current one beside them."""
        return sum(n for place, n in self.older.items() if place[1] in people and place not in self.current)


def _sort_out(
    rows: Sequence[HumanAnswer], question: Question, hashes: Mapping[str, str], names: Mapping[str, str]
) -> _Rows:
    found = _Rows()
    for row in sorted(rows, key=lambda one: one.updated_at):
        if row.item_id not in hashes:
            continue
        place = (row.item_id, names.get(row.person, row.person))
        if row.question == question.hash and row.item_hash == hashes[row.item_id]:
            found.current[place] = row
        elif row.state != "rejected":
            found.older[place] += 1
    return found


def outcome(store: HumanStore, session: SessionConfig, items: pl.DataFrame, task: Task) -> Outcome:
    """What the store holds of `session` about `items` (ITEMS, those the session selects) and `task`."""
    asked = as_asked(session, task)
    question = Question.of(asked, session.language)
    hashes = {item["item_id"]: hash_of(item) for item in items.select("item_id", "text", "context", "media").to_dicts()}
    names = renamed(session, store)
    first = _sort_out(store.current(session.name, task.name, FIRST), question, hashes, names)
    last = _sort_out(store.current(session.name, task.name, ADJUDICATION), question, hashes, names)
    judge = session.adjudicate.else_

    by_item: dict[str, dict[str, HumanAnswer]] = {item: {} for item in hashes}
    strangers: Counter[str] = Counter()
    rejected: list[tuple[str, str, str]] = []
    for (item, person), row in first.current.items():
        if person not in session.people:
            strangers[person] += 1
        elif row.state == "rejected":
            rejected.append((person, item, row.reason or ""))
        else:
            by_item[item][person] = row
    decisions: dict[str, HumanAnswer] = {}
    for (item, person), row in last.current.items():
        if person != judge:
            strangers[person] += 1
        elif row.state == "rejected":
            rejected.append((person, item, row.reason or ""))
        else:
            decisions[item] = row

    asked_about = {
        item
        for project in store.projects(session.name, task=task.name, round=FIRST)
        if project.question.hash == question.hash
        for item, shown in store.pushes(project)
        if hashes.get(item) == shown
    }
    missing = unpushed = 0
    disputed: list[Dispute] = []
    adjudicated: dict[str, Answer] = {}
    counted: list[HumanAnswer] = []
    for item, rows in by_item.items():
        counted += [rows[person] for person in session.people if person in rows]
        decision = decisions.get(item)
        if decision is not None:
            counted.append(decision)
        if not is_complete(session, rows.values()):
            missing += 1
            unpushed += item not in asked_about
        elif decision is not None:
            if decision.state == "answer":
                adjudicated[item] = decision.answer
        elif task.kind not in UNDISPUTED:
            given = [rows[person].answer for person in session.people if person in rows and _answered(rows[person])]
            answer = decide(task, given)
            if answer is None:
                disputed.append(Dispute(item, _candidates(task, given)))
            else:
                adjudicated[item] = answer
    shown = {item: name for item, name in items.select("item_id", "modality").iter_rows() if name in MEDIA}
    annotations, provenance = _tables(session, asked, question, counted, names, shown)
    states = Counter(
        (names.get(row.person, row.person), row.state) for rows in by_item.values() for row in rows.values()
    )
    return Outcome(
        annotations=annotations,
        provenance=provenance,
        missing=missing,
        unpushed=unpushed,
        waiting=missing + (len(disputed) if judge is not None else 0),
        stale=first.stale(session.people) + last.stale([judge] if judge is not None else []),
        disputed=tuple(disputed),
        adjudicated=adjudicated,
        people={person: (states[person, "answer"], states[person, "skip"]) for person in session.people},
        rejected=tuple(rejected),
        strangers=strangers,
    )


def _answered(row: HumanAnswer) -> bool:
    return row.state == "answer"


def _candidates(task: Task, given: Sequence[Answer]) -> tuple[tuple[Answer, int], ...]:
    counts = Counter(same(task, answer) for answer in given)
    found = [(answer, counts.pop(same(task, answer))) for answer in given if same(task, answer) in counts]
    # By what they say, not by whose they are: the order must not give that away.
    return tuple(sorted(found, key=lambda one: (-one[1], json.dumps(answer_fields(one[0]), sort_keys=True))))


def is_complete(session: SessionConfig, rows: Any) -> bool:
    """Whether an item waits for nobody, given the answers and skips of the session's people, one each."""
    rows = list(rows)
    answered = sum(1 for row in rows if row.state == "answer")
    return answered >= session.answers_wanted or len(rows) == len(session.people)


def _tables(
    session: SessionConfig,
    task: Task,
    question: Question,
    rows: Sequence[HumanAnswer],
    names: Mapping[str, str],
    media: Mapping[str, str],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    import polars as pl

    if not rows:
        return empty(ANNOTATIONS), empty(PROVENANCE)
    sources: dict[tuple[str, str], dict[str, Any]] = {}
    annotations = []
    for row in rows:
        person = names.get(row.person, row.person)
        if (person, row.round) not in sources:
            sources[person, row.round] = _source(session, question, person, row.round)
        begun = row.suggestion[0]["annotation_id"] if row.suggestion and row.round == FIRST else None
        annotations.append(
            {
                # The session is part of it: one person may answer one question in two sessions.
                "annotation_id": annotation_id(row.item_id, task.name, f"{session.name}/{person}", 0, row.round),
                "item_id": row.item_id,
                "item_hash": row.item_hash,
                "task": task.name,
                "perspective": task.perspective,
                "annotator": person,
                "annotator_kind": "human",
                "sample": 0,
                "round": row.round,
                "parent": begun,
                "shown": media.get(row.item_id, "text"),
                **row.answer.columns(),
                "skipped": row.state == "skip",
                "created_at": datetime.fromisoformat(row.created_at),
                "lead_time": row.lead_time,
                "provenance": sources[person, row.round]["provenance"],
            }
        )
    schema = {name: dtype for name, dtype in empty(ANNOTATIONS).schema.items() if name in annotations[0]}
    frame = pl.DataFrame(annotations, schema=schema)
    return conform(frame, ANNOTATIONS), conform(pl.DataFrame(list(sources.values())), PROVENANCE)


def _source(session: SessionConfig, question: Question, person: str, round: str) -> dict[str, Any]:
    suggest = session.suggest.model_dump(by_alias=True) if session.suggest and round == FIRST else None
    params = {"session": session.name, "round": round, "overlap": session.answers_wanted, "suggest": suggest}
    row = {
        "annotator": person,
        "kind": "human",
        "model": None,
        "identity": None,
        "params": json.dumps(params | {"language": session.language}, sort_keys=True, ensure_ascii=False),
        "prompt": question.instruction,
        "prompt_hash": question.hash,
        "strategy": None,
        "code": _CODE,
    }
    return {"provenance": digest(row)[:16], **row}
