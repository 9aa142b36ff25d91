"""Bring people's answers from a server into the human store: what changed since the last time, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from annotators.label_studio.client import Client, Record, utc
from annotators.label_studio.human_store import HumanAnswer, HumanStore, Project, Push, answer_fields
from annotators.label_studio.people import People
from annotators.label_studio.session import SessionConfig
from annotators.label_studio.wire import ITEM_HASH, ITEM_ID, parse_result, shown_hash
from schemas.errors import DsbuildError
from schemas.task import Answer

if TYPE_CHECKING:
    from schemas.protocols import Progress

_BATCH = 200  # tasks whose answers are committed together


@dataclass
class Pulled:
    """What a pull found: counts of annotations, by what happened to them since the last pull.

    `new`, `edited` and `deleted` are all of them; `skipped` and `rejected` are those among new and edited ones that
    skip the item or do not answer the question (`reasons` counts why). `strangers` counts those by accounts that are
    none of the session's people, by pseudonym. `foreign` are tasks that dsbuild did not put there; `gone` are tasks
    with answers that somebody deleted from the server: their answers are kept.
    """

    new: int = 0
    edited: int = 0
    deleted: int = 0
    skipped: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    strangers: Counter[str] = field(default_factory=Counter)
    foreign: int = 0
    gone: int = 0


def pull(config: SessionConfig, client: Client, store: HumanStore, *, progress: Progress | None = None) -> Pulled:
    """Read every project of the session on this server, both rounds, into the store.

    What was committed before a crash stays; the next pull goes on from there.

    Raises:
        DsbuildError: the session was never pushed to this server, its project is gone, or two accounts claim a name.
    """
    projects = store.projects(config.name, server=client.url)
    if not projects:
        raise DsbuildError(
            f"The session '{config.name}' has not been pushed to this server.",
            where=client.url,
            fix="Push it first: dsbuild gold push.",
        )
    # A project that was replaced by a newer one may be gone.
    newest = {(one.question.hash, one.round): one.id for one in projects}
    found = Pulled()
    with store.exclusive():
        people = People(config, client.accounts(), store)
        for project in projects:
            if client.has_project(project.project, project.mark):
                _pull_project(project, people, client, store, found, progress)
            elif newest[project.question.hash, project.round] == project.id:
                raise missing_project(project)
    return found


def missing_project(project: Project) -> DsbuildError:
    """The error for a project that was deleted, or that lost the mark dsbuild knows it by."""
    return DsbuildError(
        f"Project {project.project} of the session '{project.session}' is gone, or its description no longer holds "
        f"the mark {project.mark}. The answers read so far are kept.",
        where=project.server,
        fix="Put the mark back into the description, or push with a new project: it asks only what is still missing.",
    )


def _pull_project(
    project: Project,
    people: People,
    client: Client,
    store: HumanStore,
    found: Pulled,
    progress: Progress | None,
) -> None:
    listing = client.listing(project.project)
    seen = store.seen(project)
    gone = [task for task in seen if task not in listing]
    found.gone += sum(1 for task in gone if store.newest(project, [task]))
    # Nothing can be read from a task that nobody touched since it was imported.
    bare = {task: now.updated_at for task, now in listing.items() if task not in seen and not now.annotated}
    store.add(project, [], {**bare, **dict.fromkeys(gone)})
    changed = {
        task: now.updated_at for task, now in listing.items() if task not in bare and seen.get(task) != now.updated_at
    }
    pushes = store.pushes(project)
    done = 0
    for batch in _batches(client.records(project.project, changed)):
        rows: list[HumanAnswer] = []
        for record in batch:
            push = pushes.get((str(record.data.get(ITEM_ID)), str(record.data.get(ITEM_HASH))))
            if push is None:
                found.foreign += 1
            else:
                rows += _revisions(project, record, push, people, store, found)
        store.add(project, rows, {record.ls_task: changed[record.ls_task] for record in batch})
        done += len(batch)
        if progress is not None:
            progress(done, len(changed), new=found.new, edited=found.edited)


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(islice(records, _BATCH)):
        yield batch


def _revisions(
    project: Project, record: Record, push: Push, people: People, store: HumanStore, found: Pulled
) -> Iterable[HumanAnswer]:
    """What of a task's annotations the store does not have yet."""
    # A task's number may have belonged to another item before; that one's answers are not deleted with it.
    before = {
        old.annotation: old
        for old in store.newest(project, [record.ls_task])
        if (old.item_id, old.item_hash) == (push.item_id, push.item_hash)
    }
    tampered = shown_hash(record.data) != push.shown
    live = set()
    for annotation in record.annotations:
        name, known = people.name(_account(annotation.get("completed_by")))
        row = _answer(project, record, push, annotation, name, tampered)
        live.add(row.annotation)
        old = before.get(row.annotation)
        if old is not None and old.state != "deleted" and _skips(old) == _skips(row) and old.result == row.result:
            continue  # somebody starred it, or another annotation of the task changed
        found.new += old is None
        found.edited += old is not None
        found.skipped += row.state == "skip"
        if row.reason is not None:
            found.rejected += 1
            found.reasons[row.reason] += 1
        if not known:
            found.strangers[name] += 1
        yield row
    for key, old in before.items():
        if key not in live and old.state != "deleted":
            found.deleted += 1
            yield replace(old, state="deleted", reason=None, **answer_fields(Answer()))


def _skips(answer: HumanAnswer) -> bool:
    return answer.state == "skip"


def _account(value: Any) -> int | None:
    """An account's number, which some pages give as it is and some inside an object."""
    number = value.get("id") if isinstance(value, dict) else value
    return number if isinstance(number, int) else None


def _answer(
    project: Project, record: Record, push: Push, annotation: Mapping[str, Any], person: str, tampered: bool
) -> HumanAnswer:
    result = annotation.get("result") or []
    state, answer, reason = "answer", Answer(), None
    if annotation.get("was_cancelled"):
        state = "skip"
    else:
        try:
            if tampered:
                raise ValueError("the text was changed in Label Studio")
            author, editor = _account(annotation.get("completed_by")), _account(annotation.get("updated_by"))
            if editor is not None and editor != author:
                raise ValueError("the answer was changed by another account")
            answer = parse_result(project.question, result, record.data)
        except ValueError as error:
            state, reason = "rejected", str(error)
    origins = {str(region["origin"]) for region in result if isinstance(region, dict) and region.get("origin")}
    return HumanAnswer(
        session=project.session,
        task=project.question.task,
        question=project.question.hash,
        round=project.round,
        item_id=push.item_id,
        item_hash=push.item_hash,
        person=person,
        state=state,
        reason=reason,
        server=project.server,
        project=project.project,
        ls_task=record.ls_task,
        ls_annotation=int(annotation["id"]),
        created_at=utc(annotation["created_at"]),
        updated_at=utc(annotation["updated_at"]),
        lead_time=annotation.get("lead_time"),
        suggestion=push.suggestion,
        parent_prediction=annotation.get("parent_prediction"),
        origin=",".join(sorted(origins)) or None,
        result=result,
        **answer_fields(answer),
    )
