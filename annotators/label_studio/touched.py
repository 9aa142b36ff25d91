"""Which items people have answered or been asked about, in the form that they have today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from annotators.label_studio.human_store import HumanStore
from annotators.label_studio.question import Question
from annotators.label_studio.session import FIRST, SessionConfig, as_asked
from annotators.label_studio.wire import hash_of
from schemas.task import Task

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Touched:
    """Item ids: `answered` by at least one of the session's people, or skipped; `pushed` before people."""

    answered: frozenset[str]
    pushed: frozenset[str]


def touched(store: HumanStore, session: SessionConfig, items: pl.DataFrame, tasks: Sequence[Task]) -> Touched:
    """What the store holds about `items` (ITEMS) in the first round of `session`, to any of `tasks`; answers about an
    older text or to an older question do not count."""
    answered: set[str] = set()
    pushed: set[str] = set()
    hashes: Mapping[str, str] | None = None
    for task in tasks:
        question = Question.of(as_asked(session, task), session.language)
        rows = [
            (row.item_id, row.item_hash)
            for row in store.current(session.name, task.name, FIRST)
            if row.question == question.hash and row.state in ("answer", "skip")
        ]
        pages = [
            page
            for project in store.projects(session.name, task=task.name, round=FIRST)
            if project.question.hash == question.hash
            for page in store.pushes(project)
        ]
        if hashes is None and (rows or pages):
            shown = items.select("item_id", "text", "context", "media").to_dicts()
            hashes = {item["item_id"]: hash_of(item) for item in shown}
        known = hashes or {}
        answered |= {item for item, form in rows if known.get(item) == form}
        pushed |= {item for item, form in pages if known.get(item) == form}
    return Touched(frozenset(answered), frozenset(pushed))
