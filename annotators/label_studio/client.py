"""What dsbuild does with a Label Studio server, over its own SDK: projects, imports that never double, reading back."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from annotators.label_studio.wire import ITEM_HASH, ITEM_ID
from schemas.errors import DsbuildError
from schemas.extras import need

URL_VARIABLE = "LABEL_STUDIO_URL"
KEY_VARIABLE = "LABEL_STUDIO_API_KEY"
CHUNK = 500  # tasks in one import: about 2 s of the server's time
_PAGE = 1000
_ONCE = {"max_retries": 0}  # what changes the server is sent once: whether it arrived is looked up, never guessed


@dataclass(frozen=True)
class Account:
    """A user of the server. `login` is the part of the e-mail address before the @."""

    id: int
    login: str
    username: str


@dataclass(frozen=True)
class Entry:
    """A task in a project, as far as it matters before an import."""

    ls_task: int
    item_id: str | None
    item_hash: str | None
    overlap: int
    annotations: int


@dataclass(frozen=True)
class Change:
    """When a task last changed (ISO 8601 in UTC) and whether it has annotations or skips."""

    updated_at: str
    annotated: bool


@dataclass(frozen=True)
class Record:
    """A task as read back: its data, and its annotations as the server's JSON."""

    ls_task: int
    data: Mapping[str, Any]
    annotations: Sequence[Mapping[str, Any]]


class Client:
    """A Label Studio server at `url`, used with the access token `key` (personal or legacy).

    `timeout` is how long one request may take and `settle` how long to look for an import whose answer was lost before
    it is sent again, both in seconds.

    Raises (every method): DsbuildError if the server is not reachable, refuses the key, or has no such project. No
    message holds the key.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 120.0,
        settle: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DsbuildError(
                "The address of the Label Studio server is no http(s) URL.", fix=f"Set {URL_VARIABLE} to one."
            )
        # A name and password inside a URL are a secret too.
        host = parts.netloc.rpartition("@")[2]
        self.url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._key = key.strip()
        self._timeout = timeout
        self._settle = settle
        self._sleep = sleep
        self._sdk: Any = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **options: Any) -> Client:
        """The server at LABEL_STUDIO_URL with the token in LABEL_STUDIO_API_KEY.

        Raises:
            DsbuildError: one of the two is not set.
        """
        for name, meaning in ((URL_VARIABLE, "the address of the server"), (KEY_VARIABLE, "your access token there")):
            if not environment.get(name, "").strip():
                raise DsbuildError(
                    f"{name} is not set: it holds {meaning}.",
                    fix="Both kinds of token work; see Account & Settings in Label Studio.",
                )
        return cls(environment[URL_VARIABLE].strip(), environment[KEY_VARIABLE], **options)

    def _connect(self) -> Any:
        # Any: the SDK's types are generated for the paid server and do not say what this one takes and gives.
        if self._sdk is None:
            sdk = need("label_studio_sdk", "gold")
            if not (self._key.isascii() and self._key.isprintable() and self._key):
                raise self._refused()
            self._sdk = sdk.LabelStudio(base_url=self._base, api_key=self._key, timeout=self._timeout)
        return self._sdk

    def _refused(self) -> DsbuildError:
        return DsbuildError(
            "Label Studio refuses the access token.",
            where=self.url,
            fix=f"Set {KEY_VARIABLE} to one from Account & Settings; a legacy token works only where it is enabled.",
        )

    def _another_site(self) -> DsbuildError:
        return DsbuildError(
            "What answers there is not Label Studio's API.", where=self.url, fix=f"Set {URL_VARIABLE} to the server."
        )

    @contextmanager
    def _clear_errors(self, missing: str = "There is no Label Studio at this address.") -> Iterator[None]:
        httpx = need("httpx", "gold")
        api_error = _api_error()
        parse_error = need("label_studio_sdk.core.parse_error", "gold").ParsingError
        # `from None`: what was caught may quote headers, and those hold the key.
        try:
            yield
        except httpx.TimeoutException:
            raise DsbuildError(
                f"Label Studio did not answer within {self._timeout:g} s.", where=self.url, fix="Try again later."
            ) from None
        except httpx.TransportError as error:
            raise DsbuildError(
                f"Label Studio cannot be reached ({type(error).__name__}).",
                where=self.url,
                fix=f"Start the server, or set {URL_VARIABLE} to where it runs.",
            ) from None
        except api_error as error:
            if error.status_code in (401, 403):
                raise self._refused() from None
            if error.status_code == 404:
                raise DsbuildError(missing, where=self.url) from None
            if error.status_code is not None and error.status_code < 400:  # what it said could not be read
                raise self._another_site() from None
            said = (error.body if isinstance(error.body, str) else json.dumps(error.body, default=str))[:300]
            raise DsbuildError(
                f"Label Studio answered {error.status_code}: {said.replace(self._key, '***')}", where=self.url
            ) from None
        except (parse_error, json.JSONDecodeError):
            raise self._another_site() from None

    def check(self) -> str:
        """The e-mail address of the token's owner; shows that server and token work."""
        with self._clear_errors():
            return str(self._connect().users.whoami(request_options=_ONCE).email or "")

    def accounts(self) -> dict[int, Account]:
        """Everyone who has an account, by its number."""
        with self._clear_errors():
            users = self._connect().users.list()
        found = {}
        for user in users:
            if user.id is not None:
                login = (user.email or user.username or "").partition("@")[0]
                found[user.id] = Account(user.id, login, user.username or "")
        return found

    def find_project(self, mark: str) -> int | None:
        """The project whose description holds `mark`: how a project is found again whose creation was cut off."""
        with self._clear_errors():
            for project in self._connect().projects.list(page_size=100):
                if mark in (project.description or "").split():
                    return int(project.id)
        return None

    def has_project(self, project: int, mark: str) -> bool:
        """Whether `project` is there and is the one marked `mark`, not another that got the same number."""
        with self._clear_errors():
            try:
                found = self._connect().projects.get(project)
            except _api_error() as error:
                if error.status_code == 404:
                    return False
                raise
        return mark in (found.description or "").split()

    def create_project(
        self, title: str, config: str, *, mark: str, instruction: str, overlap: int, suggestions: bool
    ) -> int:
        """Make a project (`title` 3 to 50 characters) or find the one with this `mark`; its number.

        `instruction` is plain text. Each task is asked of `overlap` people. With `suggestions` a page
        begins with the item's prediction, if it has one; without, never.
        """
        found = self.find_project(mark)
        if found is not None:
            return found
        from html import escape

        with self._clear_errors():
            project = self._connect().projects.create(
                title=title,
                description=f"Made by dsbuild, which knows it by this mark: {mark}",
                label_config=config,
                expert_instruction=escape(instruction),
                show_instruction=False,  # it stands on every page; a dialogue before the first would only be in the way
                maximum_annotations=overlap,
                show_collab_predictions=suggestions,
                show_skip_button=True,
                enable_empty_annotation=False,
                request_options=_ONCE,
            )
        return int(project.id)

    def set_config(self, project: int, config: str) -> None:
        """Draw a project's pages in another way; its questions and their choices must be the same."""
        with self._clear_errors():
            self._connect().projects.update(project, label_config=config, request_options=_ONCE)

    def entries(self, project: int) -> list[Entry]:
        """Every task of a project, in the order of their numbers."""
        fields = "id,data,overlap,total_annotations,cancelled_annotations"
        return [
            Entry(
                task.id,
                task.data.get(ITEM_ID),
                task.data.get(ITEM_HASH),
                task.overlap or 1,
                (task.total_annotations or 0) + (task.cancelled_annotations or 0),
            )
            for task in self._list(project, include=fields)
        ]

    def listing(self, project: int) -> dict[int, Change]:
        """When each task of a project last changed; costs about 1 s for 1,000 tasks."""
        fields = "id,updated_at,total_annotations,cancelled_annotations"
        return {
            task.id: Change(utc(task.updated_at), bool(task.total_annotations or task.cancelled_annotations))
            for task in self._list(project, include=fields)
        }

    def _list(self, project: int, *, include: str) -> list[Any]:
        found: dict[int, Any] = {}
        # The SDK takes a 404 on any page for the end of the list, and a task deleted meanwhile shifts the others.
        for _ in range(3):
            pager = self._pages(project, {"ordering": ["tasks:id"]}, fields="task_only", include=include)
            total = getattr(pager.response, "total", None)
            with self._clear_errors():
                found |= {task.id: task for task in pager}
            if total is None or len(found) >= total:
                return [found[number] for number in sorted(found)]
        raise DsbuildError(
            f"Project {project} changes faster than it can be listed.", where=self.url, fix="Try again later."
        )

    def _pages(self, project: int, query: Mapping[str, Any], **options: Any) -> Any:
        with self._clear_errors(f"There is no project {project}, or the token's owner may not see it."):
            return self._connect().tasks.list(project=project, query=json.dumps(query), page_size=_PAGE, **options)

    def records(self, project: int, changes: Mapping[int, str]) -> Iterator[Record]:
        """These tasks ({number: when it changed}) with their annotations, skips among them; those gone are left out."""
        if not changes:
            return
        since = {
            "filter": "filter:tasks:updated_at",
            "operator": "greater_or_equal",
            "type": "Datetime",
            "value": min(changes.values()).replace("+00:00", "Z"),  # the only form of UTC that it reads
        }
        query = {"filters": {"conjunction": "and", "items": [since]}, "ordering": ["tasks:id"]}
        left = dict.fromkeys(changes)
        with self._clear_errors():
            for task in self._pages(project, query, fields="all"):
                if task.id in left:
                    del left[task.id]
                    yield Record(task.id, task.data, task.annotations or [])
        # A task that is deleted while the pages are read shifts the others: what was missed is fetched by itself.
        for number in left:
            task = self._task(number)
            if task is not None and task.project == project:
                yield Record(number, task.data, task.annotations or [])

    def _task(self, number: int) -> Any:
        """A task as the SDK gives it, null if there is none."""
        with self._clear_errors():
            try:
                return self._connect().tasks.get(str(number))
            except _api_error() as error:
                if error.status_code == 404:
                    return None
                raise

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Import tasks ({data, predictions}), each once; at most CHUNK of them fit a time-out comfortably.

        If an answer is lost, the server may have the tasks, may get them later, or never: so the project is looked at
        for `settle` seconds, and only what has not arrived by then is sent again, once.
        """
        if self._send(project, tasks):
            return
        left = self._not_arrived(project, tasks)
        if left and not self._send(project, left):
            left = self._not_arrived(project, left)
            if left:
                raise DsbuildError(
                    f"An import of {len(tasks)} items was cut off twice, and {len(left)} have not arrived.",
                    where=self.url,
                    fix="Push again later: what has arrived by then is not sent again.",
                )

    def _send(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> bool:
        """Send one chunk; False if it is not known whether it arrived."""
        httpx = need("httpx", "gold")
        api_error = _api_error()
        with self._clear_errors(f"There is no project {project}."):
            try:
                self._connect().projects.import_tasks(project, request=tasks, request_options=_ONCE)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                raise  # nothing was sent
            except httpx.TransportError:
                return False
            except api_error as error:
                # A gateway's time-out says nothing about what is behind it.
                if error.status_code is not None and error.status_code >= 500:
                    return False
                raise
        return True

    def _not_arrived(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        left = list(tasks)
        pause, waited = 0.5, 0.0
        while True:
            there = {(entry.item_id, entry.item_hash) for entry in self.entries(project)}
            left = [task for task in tasks if (task["data"][ITEM_ID], task["data"][ITEM_HASH]) not in there]
            if not left or waited >= self._settle:
                return left
            self._sleep(pause)
            waited += pause
            pause = min(pause * 2, 10.0)

    def upload(self, project: int, path: Path) -> str:
        """Put a recording or picture on the server; the address that its pages show it under.

        It is named by its content: people see the address, and a file's name may say what they are asked.
        """
        content = path.read_bytes()
        name = f"{hashlib.sha256(content).hexdigest()[:16]}{path.suffix.lower()}"
        with self._clear_errors(f"There is no project {project}."):
            sdk = self._connect()
            answer = sdk._client_wrapper.httpx_client.request(
                f"api/projects/{project}/import",
                method="POST",
                params={"commit_to_project": "false"},
                files={"file": (name, content)},
                request_options=_ONCE,
            )
            if answer.status_code >= 300:
                raise _api_error()(status_code=answer.status_code, body=answer.text)
            [number] = answer.json()["file_upload_ids"]
            return f"/data/{sdk.files.get(number).file}"

    def delete_task(self, task: int) -> None:
        """Delete a task from the server."""
        with self._clear_errors():
            self._connect().tasks.delete(str(task), request_options=_ONCE)

    def set_overlap(self, task: int, people: int) -> None:
        """Ask `people` people about this task."""
        with self._clear_errors():
            # The server does not look again by itself whether the task is done.
            self._connect().tasks.update(str(task), overlap=people, is_labeled=False, request_options=_ONCE)


def _api_error() -> type[Any]:
    error: type[Any] = need("label_studio_sdk.core.api_error", "gold").ApiError
    return error


def utc(moment: datetime | str) -> str:
    """A moment as ISO 8601 in UTC with microseconds, so that text order is time order."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
