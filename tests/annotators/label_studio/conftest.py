"""A small task, a few items, and a server that lives in memory."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotators.label_studio.client import Account, Change, Entry, Record
from annotators.label_studio.human_store import HumanStore
from schemas.label_studio_config import CONTROL, OBJECT
from schemas.tables import ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import Label, Taxonomy

EMOTIONS = Taxonomy(
    name="three",
    title="Three and neutral",
    source="this test",
    exclusive=("neutral",),
    labels=tuple(
        Label(id=id, definition=f"a person shows {id}", names={"mr": name}, tone_note="a test")
        for id, name in (("joy", "आनंद"), ("anger/disgust", "राग"), ("sadness", "दुःख"), ("neutral", "तटस्थ"))
    ),
)


@pytest.fixture
def task() -> Task:
    return Task(
        name="emotion",
        kind="multi",
        taxonomy=EMOTIONS,
        perspective="reader",
        instructions={"en": "Which emotions do you see?", "mr": "तुम्हाला कोणत्या भावना दिसतात?"},
    )


@pytest.fixture
def items() -> pl.DataFrame:
    texts = ("आज खूप आनंद झाला!", "leave me alone", "it rained on my birthday")
    rows = [{"item_id": f"i{n}", "corpus": "c", "modality": "text", "text": text} for n, text in enumerate(texts)]
    return conform(pl.DataFrame(rows), ITEMS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HumanStore]:
    with HumanStore(tmp_path / "human.sqlite", clock=lambda: datetime(2026, 1, 2, tzinfo=UTC)) as opened:
        yield opened


class Server:
    """What a Client sees of a Label Studio, without one: projects, tasks, and annotations by people."""

    def __init__(self, url: str = "http://label-studio.example") -> None:
        self.url = url
        self.projects: dict[int, dict[str, Any]] = {}
        self.tasks: dict[int, dict[str, Any]] = {}
        self.users = {1: Account(1, "admin", "")}
        self.imports = 0
        self.uploads: list[Path] = []
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._annotations = 0

    def tick(self) -> str:
        self._now += timedelta(seconds=1)
        return self._now.isoformat(timespec="microseconds")

    # What people do.

    def user(self, name: str) -> int:
        for account in self.users.values():
            if account.login == name:
                return account.id
        self.users[len(self.users) + 1] = Account(len(self.users) + 1, name, name)
        return len(self.users)

    def task_of(self, item: str, project: int | None = None) -> dict[str, Any]:
        found = [
            task
            for task in self.tasks.values()
            if task["data"].get("dsbuild_id") == item and project in (None, task["project"])
        ]
        return found[-1]

    def answer(
        self, who: str, item: str, *labels: str, skip: bool = False, project: int | None = None, **more: Any
    ) -> dict[str, Any]:
        """Tick these boxes, or store the whole `result` where one is given."""
        self._annotations += 1
        time, task = self.tick(), self.task_of(item, project)
        value = {"from_name": CONTROL, "to_name": OBJECT, "type": "choices", "value": {"choices": list(labels)}}
        annotation = {
            "id": self._annotations,
            "completed_by": self.user(who),
            "updated_by": self.user(who),
            "was_cancelled": skip,
            "created_at": time,
            "updated_at": time,
            "lead_time": 4.5,
            "parent_prediction": None,
            "result": [value] if labels else [],
        } | more
        task["annotations"].append(annotation)
        task["updated_at"] = time
        return annotation

    def change(self, annotation: dict[str, Any], *labels: str, by: str | None = None) -> None:
        annotation["result"] = copy.deepcopy(annotation["result"])
        annotation["result"][0]["value"]["choices"] = list(labels)
        if by is not None:
            annotation["updated_by"] = self.user(by)
        self._touch(annotation)

    def delete(self, annotation: dict[str, Any]) -> None:
        self._touch(annotation)
        for task in self.tasks.values():
            task["annotations"] = [one for one in task["annotations"] if one is not annotation]

    def _touch(self, annotation: dict[str, Any]) -> None:
        annotation["updated_at"] = self.tick()
        for task in self.tasks.values():
            if any(one is annotation for one in task["annotations"]):
                task["updated_at"] = annotation["updated_at"]

    # What the client does.

    def accounts(self) -> dict[int, Account]:
        return dict(self.users)

    def has_project(self, project: int, mark: str) -> bool:
        return project in self.projects and self.projects[project]["mark"] == mark

    def create_project(self, title: str, config: str, **options: Any) -> int:
        for number, project in self.projects.items():
            if project["mark"] == options["mark"]:
                return number
        number = len(self.projects) + 1
        self.projects[number] = {"title": title, "config": config, **options}
        return number

    def set_config(self, project: int, config: str) -> None:
        self.projects[project]["config"] = config

    def entries(self, project: int) -> list[Entry]:
        return [
            Entry(n, t["data"].get("dsbuild_id"), t["data"].get("dsbuild_hash"), t["overlap"], len(t["annotations"]))
            for n, t in self.tasks.items()
            if t["project"] == project
        ]

    def listing(self, project: int) -> dict[int, Change]:
        return {
            n: Change(t["updated_at"], bool(t["annotations"])) for n, t in self.tasks.items() if t["project"] == project
        }

    def records(self, project: int, changes: Mapping[int, str]) -> Iterator[Record]:
        for number in changes:
            yield Record(number, self.tasks[number]["data"], copy.deepcopy(self.tasks[number]["annotations"]))

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        self.imports += 1
        for task in tasks:
            self.add_task(project, task["data"], task["predictions"])

    def add_task(self, project: int, data: Mapping[str, Any], predictions: Sequence[Any] = ()) -> int:
        number = max(self.tasks, default=0) + 1
        self.tasks[number] = {
            "project": project,
            "data": dict(data),
            "predictions": list(predictions),
            "annotations": [],
            "overlap": self.projects[project]["overlap"],
            "updated_at": self.tick(),
        }
        return number

    def upload(self, project: int, path: Path) -> str:
        self.uploads.append(path)
        return f"/data/upload/{project}/{len(self.uploads)}{path.suffix}"

    def delete_task(self, task: int) -> None:
        del self.tasks[task]

    def set_overlap(self, task: int, people: int) -> None:
        self.tasks[task]["overlap"] = people


@pytest.fixture
def server() -> Any:
    return Server()
