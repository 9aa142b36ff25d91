"""Put a session's items before people: make its project, import what still lacks answers, each item once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from annotators.label_studio.client import CHUNK, Client, Entry
from annotators.label_studio.human_store import HumanAnswer, HumanStore, Project, Push
from annotators.label_studio.outcome import is_complete, outcome
from annotators.label_studio.people import renamed
from annotators.label_studio.pull import missing_project
from annotators.label_studio.question import Question
from annotators.label_studio.session import ADJUDICATION, FIRST, SessionConfig, as_asked, gets_suggestion
from annotators.label_studio.showing import Files, file_of, modality_of, refuse, urls
from annotators.label_studio.suggested import Suggested, suggested
from annotators.label_studio.verdict import in_words
from annotators.label_studio.wire import ITEM_HASH, ITEM_ID, prediction, shown_hash, task_data
from schemas.errors import DsbuildError
from schemas.ids import digest
from schemas.kinds.drawing import NONE_NAMES, word
from schemas.label_studio_config import CANDIDATES, CONTEXT, NONE, OBJECT, Modality, box_names, task_config
from schemas.task import Task

if TYPE_CHECKING:
    import polars as pl

    from schemas.protocols import Progress

# Shown to people, who should not weigh a suggestion by whose it is; and a project shows predictions of one version
# only, so another annotator's suggestions must come under the same.
SUGGESTION = "suggestion"
_TITLE = (3, 50)  # characters that Label Studio takes


@dataclass
class Pushed:
    """What a push did.

    `imported` items went to the server, `suggested` of them with a suggestion; `waiting` were there already and still
    lack answers; `complete` need nothing. `changed` items had been asked about in an older text or question: they are
    asked again only on request (`again`). `reopened` items are put before one more person, because a stranger's answer
    had used up a place. `unsuggestable` suggestions did not fit the question and were left out.
    """

    project: int
    url: str
    imported: int = 0
    suggested: int = 0
    waiting: int = 0
    complete: int = 0
    changed: int = 0
    reopened: int = 0
    unsuggestable: int = 0


@dataclass(frozen=True)
class _Page:
    """One task to import: the item's data, its predictions, what the store notes of them, and its recording or picture,
    {field: path}, which is sent only if the item is."""

    data: dict[str, Any]
    predictions: list[dict[str, Any]]
    suggestion: list[dict[str, Any]] | None
    files: dict[str, str]

    @property
    def push(self) -> Push:
        return Push(self.data[ITEM_ID], self.data[ITEM_HASH], shown_hash(self.data), self.suggestion)


def push(
    config: SessionConfig,
    items: pl.DataFrame,
    task: Task,
    suggestions: pl.DataFrame | None,
    client: Client,
    store: HumanStore,
    *,
    dataset: str = "dsbuild",
    seed: int = 0,
    again: bool = False,
    new_project: bool = False,
    progress: Progress | None = None,
    files: Files | None = None,
) -> Pushed:
    """Ask `task` about `items` (ITEMS, those the session selects, in the order to be shown in).

    `suggestions` (ANNOTATIONS) are the answers of the annotator that the session names; null if it names none. Pushing
    again imports only what is missing. `again` also asks about items whose text or question has changed since;
    `new_project` leaves a project behind that is gone or spoilt. `files` finds an item's recording or picture: (corpus,
    path) to a file, which is uploaded; default: the path as it is.

    Raises:
        DsbuildError: an item has nothing to show or not what the kind of task needs, Label Studio has no control for
            the task, the project is gone, or the server fails (see `Client`).
    """
    asked = as_asked(config, task)
    modality = modality_of(items)
    refuse(items, asked, modality)
    question = Question.of(asked, config.language)
    given = suggested(suggestions, config, task)
    found = Pushed(project=0, url="")
    pages = []
    for item in _rows(items):
        data, shown, predictions = task_data(item, question), None, []
        one = given.get(item["item_id"]) if gets_suggestion(config, item["item_id"], seed) else None
        if one is not None:
            try:
                made = prediction(question, one.answer, version=SUGGESTION, data=data, modality=modality)
                predictions, shown = [made], [one.to_json()]
            except ValueError:
                found.unsuggestable += 1
        pages.append(_Page(data, predictions, shown, file_of(item, modality, files)))
    with store.exclusive():
        project = _project(config, task, FIRST, pages, client, store, modality, dataset=dataset, new=new_project)
        _fill(found, project, pages, config, client, store, again=again, progress=progress)
    return found


def push_adjudication(
    config: SessionConfig,
    items: pl.DataFrame,
    task: Task,
    client: Client,
    store: HumanStore,
    *,
    dataset: str = "dsbuild",
    new_project: bool = False,
    progress: Progress | None = None,
    files: Files | None = None,
) -> Pushed | None:
    """Put the disputed items before the person who decides, in a project of their own; null if nothing is disputed.

    The page lists each different answer and how many gave it, but not who. The answers are there as predictions too,
    but none is ticked to begin with: Label Studio would tick one of them, and favour it.

    Raises:
        DsbuildError: the session names nobody to decide, or see `push`.
    """
    if config.adjudicate.else_ is None:
        raise DsbuildError(
            f"The session '{config.name}' names nobody to decide what is disputed.",
            fix="Add a person to the recipe: adjudicate: {rule: majority, else: NAME}.",
        )
    disputed = {dispute.item_id: dispute for dispute in outcome(store, config, items, task).disputed}
    if not disputed:
        return None
    asked = as_asked(config, task)
    modality = modality_of(items)
    refuse(items, asked, modality)
    question = Question.of(asked, config.language)
    names = {NONE: word(NONE_NAMES, config.language)}
    if task.taxonomy is not None:
        names = box_names(task.taxonomy, config.language)
    found = Pushed(project=0, url="")
    pages = []
    for item in _rows(items):
        dispute = disputed.get(item["item_id"])
        if dispute is None:
            continue
        data = task_data(item, question)
        predictions, shown, lines = [], [], []
        for place, (answer, count) in enumerate(dispute.candidates, start=1):
            version = f"answer {place}, by {count}"
            predictions.append(prediction(question, answer, version=version, data=data, modality=modality))
            shown.append(Suggested(version, None, answer).to_json())
            lines.append(f"{count} × {in_words(task, answer, names)}")
        data[CANDIDATES] = "\n".join(lines)
        pages.append(_Page(data, predictions, shown or None, file_of(item, modality, files)))
    with store.exclusive():
        project = _project(config, task, ADJUDICATION, pages, client, store, modality, dataset=dataset, new=new_project)
        _fill(found, project, pages, config, client, store, again=True, progress=progress)
    return found


def _rows(items: pl.DataFrame) -> list[dict[str, Any]]:
    return items.select("item_id", "corpus", "text", "context", "media").to_dicts()


def _project(
    config: SessionConfig,
    task: Task,
    round: str,
    pages: Sequence[_Page],
    client: Client,
    store: HumanStore,
    modality: Modality,
    *,
    dataset: str,
    new: bool,
) -> Project:
    """The project for this round of the session's question, made if there is none."""
    asked = as_asked(config, task)
    question = Question.of(asked, config.language)
    earlier = [
        one
        for one in store.projects(config.name, task=task.name, round=round, server=client.url)
        if one.question.hash == question.hash
    ]
    adjudicating = round == ADJUDICATION

    # A project that once showed the turns before an item, or its text, goes on to do so.
    def has(name: str) -> bool:
        return any(page.data[name] for page in pages) or any(f'"${name}"' in one.config for one in earlier[-1:])

    layout = task_config(
        asked,
        language=config.language,
        context=has(CONTEXT),
        candidates=adjudicating,
        modality=modality,
        transcript=has(OBJECT),
    )
    if earlier and not new:
        project = earlier[-1]
        if not client.has_project(project.project, project.mark):
            raise missing_project(project)
        if project.config != layout:
            client.set_config(project.project, layout)
            store.set_config(project, layout)
        return project
    identity = [client.url, config.name, task.name, round, question.hash, len(earlier)]
    mark = f"dsbuild-{store.id}-{digest(identity)[:12]}"
    title = f"{dataset}: {config.name} {task.name}{' adjudication' if adjudicating else ''}"
    number = client.create_project(
        title[: _TITLE[1]].ljust(_TITLE[0], "_"),
        layout,
        mark=mark,
        instruction=question.instruction or "",
        overlap=1 if adjudicating else config.answers_wanted,
        suggestions=not adjudicating,
    )
    return store.add_project(config.name, question, round, client.url, number, mark, layout)


def _fill(
    found: Pushed,
    project: Project,
    pages: Sequence[_Page],
    config: SessionConfig,
    client: Client,
    store: HumanStore,
    *,
    again: bool,
    progress: Progress | None,
) -> None:
    found.project, found.url = project.project, project.url
    entries = _without_doubles(client, client.entries(project.project))
    there = {(entry.item_id, entry.item_hash): entry for entry in entries}
    answers = _answers(project, config, store)
    before = _asked_before(project, config, store)
    wanted: list[_Page] = []
    for page in pages:
        key = (page.push.item_id, page.push.item_hash)
        if _done(project, config, answers[key]):
            found.complete += 1
        elif key in there:
            found.waiting += 1
            found.reopened += _reopen(project, config, there[key], answers[key], client)
        elif not again and not _may_ask(before[page.push.item_id], (project.question.hash, page.push.item_hash)):
            found.changed += 1
        else:
            wanted.append(page)
    if again:
        ids = {page.push.item_id: page.push.item_hash for page in wanted}
        for entry in entries:
            # Nobody has answered the older text, so nobody needs to.
            if entry.item_id in ids and entry.item_hash != ids[entry.item_id] and entry.annotations == 0:
                client.delete_task(entry.ls_task)
    if not wanted:
        return
    sent = urls([page.files for page in wanted], project.project, client)
    wanted = [replace(page, data=page.data | more) for page, more in zip(wanted, sent, strict=True)]
    # Noted first: whatever happens from here on, it is known what was shown.
    store.add_pushes(project, [page.push for page in wanted])
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        client.import_tasks(project.project, [{"data": page.data, "predictions": page.predictions} for page in chunk])
        if progress is not None:
            progress(start + len(chunk), len(wanted))
    _without_doubles(client, client.entries(project.project))
    found.imported = len(wanted)
    found.suggested = sum(1 for page in wanted if page.predictions)


def _without_doubles(client: Client, entries: Sequence[Entry]) -> list[Entry]:
    """Delete what an import brought twice because its first try arrived late; a task that has answers stays."""
    groups: dict[tuple[str | None, str | None], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.item_id is not None:
            groups[entry.item_id, entry.item_hash].append(entry)
    kept = []
    for group in groups.values():
        first, *others = sorted(group, key=lambda entry: (-entry.annotations, entry.ls_task))
        kept.append(first)
        for other in others:
            if other.annotations == 0:
                client.delete_task(other.ls_task)
            else:
                kept.append(other)
    return kept


def _answers(
    project: Project, config: SessionConfig, store: HumanStore
) -> dict[tuple[str, str], dict[str, HumanAnswer]]:
    """The answers to the project's question in its round, by (item, item hash) and person."""
    names = renamed(config, store)
    found: dict[tuple[str, str], dict[str, HumanAnswer]] = defaultdict(dict)
    for row in store.current(config.name, project.question.task, project.round):
        if row.question == project.question.hash:
            found[row.item_id, row.item_hash][names.get(row.person, row.person)] = row
    return found


def _done(project: Project, config: SessionConfig, rows: Mapping[str, HumanAnswer]) -> bool:
    valid = {person: row for person, row in rows.items() if row.state != "rejected"}
    if project.round == ADJUDICATION:
        return config.adjudicate.else_ in valid
    return is_complete(config, [row for person, row in valid.items() if person in config.people])


def _reopen(
    project: Project, config: SessionConfig, entry: Entry, rows: Mapping[str, HumanAnswer], client: Client
) -> bool:
    """Have a waiting item asked of as many people as it needs beside the strangers who answered it."""
    adjudicating = project.round == ADJUDICATION
    people = {config.adjudicate.else_} if adjudicating else set(config.people)
    strangers = sum(1 for person, row in rows.items() if person not in people and row.state != "skip")
    needed = strangers + (1 if adjudicating else config.answers_wanted)
    if entry.overlap >= needed:
        return False
    client.set_overlap(entry.ls_task, needed)
    return True


def _may_ask(before: set[tuple[str, str]], now: tuple[str, str]) -> bool:
    """Whether an item is new to people, or has been asked about in just this form."""
    return not before or now in before


def _asked_before(project: Project, config: SessionConfig, store: HumanStore) -> dict[str, set[tuple[str, str]]]:
    """For each item id the (question hash, item hash) it was ever pushed with in this round."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for other in store.projects(config.name, task=project.question.task, round=project.round):
        for item_id, item_hash in store.pushes(other):
            found[item_id].add((other.question.hash, item_hash))
    return found
