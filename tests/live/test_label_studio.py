"""Gold sessions against a real Label Studio server: real accounts, real projects, real answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cutting_proxy import CuttingProxy, Way
from label_studio_server import ADMIN_TOKEN, LabelStudioServer

from annotators.label_studio import SessionConfig
from annotators.label_studio.client import Client
from annotators.label_studio.human_store import HumanStore
from annotators.label_studio.outcome import Outcome, outcome
from annotators.label_studio.pull import pull
from annotators.label_studio.push import push, push_adjudication
from schemas.errors import DsbuildError
from schemas.label_studio_config import NONE
from schemas.tables import ITEMS, conform, polars_schema
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

SESSION = SessionConfig.model_validate(
    {"name": "main", "people": ["p1", "p2", "p3"], "adjudicate": {"rule": "majority", "else": "p0"}}
)
ITEMS_CONTEXT = polars_schema(ITEMS)["context"]
HOSTILE = [
    "<b>bold</b><script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">",
    "$text ${text} {{ text }} {% raw %} %s $context[0] $dsbuild_id",
    "</Text></View><Choices name='x' toName='text'><Choice value='y'/></Choices> &lt;b&gt; &amp; ]]> <!--",
    "s3://bucket/secret.png",
    "/data/upload/1/x.png",
    "https://example.org/x.mp3",
    "  two\nlines\tand a tail  ",
    "null",
    '{"text": "json"}',
    "क्षि \u200d😀 \u202eabc \ufeff",
]


@pytest.fixture
def task() -> Task:
    return Task(
        name="emotion",
        kind="multi",
        taxonomy=load_taxonomy("ekman-neutral"),
        perspective="reader",
        instructions={"en": "Which emotions do you see in this text?"},
    )


@pytest.fixture
def items() -> pl.DataFrame:
    return _items("आज मला खूप आनंद झाला!", "Leave me alone.", "It rained all day, on my birthday.", "The bus is at nine.")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HumanStore]:
    with HumanStore(tmp_path / "human.sqlite") as opened:
        yield opened


@pytest.fixture
def client(label_studio: LabelStudioServer) -> Client:
    return Client(label_studio.url, ADMIN_TOKEN)


def _items(*texts: str) -> pl.DataFrame:
    rows = [{"item_id": f"item-{n}", "corpus": "c", "modality": "text", "text": text} for n, text in enumerate(texts)]
    return conform(pl.DataFrame(rows), ITEMS)


def _tasks(server: LabelStudioServer, project: int) -> dict[str, dict[str, Any]]:
    with server.client() as api:
        page = api.get("/api/tasks", params={"project": project, "fields": "all", "page_size": 1000})
        listed = page.raise_for_status().json()["tasks"]
    found = {task["data"]["dsbuild_id"]: task for task in listed}
    assert len(found) == len(listed), "an item was imported twice"
    return found


def _labels(found: Outcome) -> dict[tuple[str, str, str], list[str] | None]:
    return {
        (row["item_id"], row["round"], row["annotator"]): row["labels"] and [one["label"] for one in row["labels"]]
        for row in found.annotations.to_dicts()
    }


def test_both_kinds_of_token_work(label_studio: LabelStudioServer) -> None:
    person = label_studio.person("p1")
    assert Client(label_studio.url, person.token).check() == person.email
    assert Client(label_studio.url, person.personal_access_token).check() == person.email


def test_a_wrong_key_is_one_clear_error_without_the_key(label_studio: LabelStudioServer) -> None:
    pat = label_studio.person("p1").personal_access_token
    forged = pat[:-4] + ("aaaa" if not pat.endswith("aaaa") else "bbbb")
    for key in ("a-wrong-key", forged, "line\nbreak"):
        with pytest.raises(DsbuildError, match="refuses the access token") as caught:
            Client(label_studio.url, key).check()
        assert key not in str(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_project_deleted_on_the_server_is_one_clear_error(
    items: pl.DataFrame, task: Task, client: Client, store: HumanStore, label_studio: LabelStudioServer
) -> None:
    pushed = push(SESSION, items, task, None, client, store)
    with label_studio.client() as api:
        api.delete(f"/api/projects/{pushed.project}/").raise_for_status()
    with pytest.raises(DsbuildError, match="is gone"):
        pull(SESSION, client, store)
    with pytest.raises(DsbuildError, match="is gone"):
        push(SESSION, items, task, None, client, store)
    assert push(SESSION, items, task, None, client, store, new_project=True).imported == 4
    assert pull(SESSION, client, store).new == 0


def test_three_people_answer_what_the_server_puts_before_them(
    items: pl.DataFrame, task: Task, client: Client, store: HumanStore, label_studio: LabelStudioServer
) -> None:
    session = SESSION.model_copy(update={"overlap": 2})
    pushed = push(session, items, task, None, client, store)
    given: dict[str, list[str]] = {}
    for name, label in (("p1", "joy"), ("p2", "sadness"), ("p3", "anger")):
        person = label_studio.person(name)
        while (page := person.next_task(pushed.project)) is not None:
            assert page["predictions"] == [], "a blind session shows no predictions"
            person.answer(page["id"], label)
            given.setdefault(name, []).append(page["data"]["dsbuild_id"])
    assert {name: len(done) for name, done in given.items()} == {"p1": 4, "p2": 4}, "the overlap is two"
    assert pull(session, client, store).new == 8
    result = outcome(store, session, items, task)
    assert result.missing == 0
    assert result.people == {"p1": (4, 0), "p2": (4, 0), "p3": (0, 0)}
    assert _labels(result)["item-0", "first", "p2"] == ["sadness"]
    assert set(result.annotations["lead_time"]) == {5.5}
    kept, rejects = task.validate_annotations(result.annotations)
    assert (kept.height, rejects.height) == (8, 0)


def test_skips_edits_and_deletions_are_read_back(
    items: pl.DataFrame, task: Task, client: Client, store: HumanStore, label_studio: LabelStudioServer
) -> None:
    pushed = push(SESSION, items, task, None, client, store)
    there = {item: one["id"] for item, one in _tasks(label_studio, pushed.project).items()}
    p1, p2 = label_studio.person("p1"), label_studio.person("p2")
    edited = p1.answer(there["item-0"], "joy")
    deleted = p1.answer(there["item-1"], "anger")
    p1.answer(there["item-2"], skip=True)
    p2.answer(there["item-2"], NONE)
    p2.answer(there["item-3"], "no such label")  # the server takes it
    found = pull(SESSION, client, store)
    assert (found.new, found.skipped, found.rejected) == (5, 1, 1)
    assert (pull(SESSION, client, store).new, len(store.history("main", "emotion"))) == (0, 5)

    value = {"from_name": "answer", "to_name": "text", "type": "choices", "value": {"choices": ["surprise", "joy"]}}
    p1.api.patch(f"/api/annotations/{edited}/", json={"result": [value]}).raise_for_status()
    p1.api.delete(f"/api/annotations/{deleted}/").raise_for_status()
    found = pull(SESSION, client, store)
    assert (found.new, found.edited, found.deleted) == (0, 1, 1)
    result = outcome(store, SESSION, items, task)
    assert _labels(result) == {
        ("item-0", "first", "p1"): ["joy", "surprise"],
        ("item-2", "first", "p1"): None,
        ("item-2", "first", "p2"): [],
    }
    assert result.rejected == (("p2", "item-3", "'no such label' is no label of this question"),)
    assert len(store.history("main", "emotion")) == 7


def test_what_another_account_changed_does_not_count(
    items: pl.DataFrame, task: Task, client: Client, store: HumanStore, label_studio: LabelStudioServer
) -> None:
    pushed = push(SESSION, items, task, None, client, store)
    number = _tasks(label_studio, pushed.project)["item-0"]["id"]
    annotation = label_studio.person("p1").answer(number, "joy")
    value = {"from_name": "answer", "to_name": "text", "type": "choices", "value": {"choices": ["fear"]}}
    intruder = label_studio.person("p2").api
    intruder.patch(f"/api/annotations/{annotation}/", json={"result": [value]}).raise_for_status()
    found = pull(SESSION, client, store)
    assert found.reasons == {"the answer was changed by another account": 1}


def test_pushing_twice_imports_nothing_twice(
    items: pl.DataFrame, task: Task, client: Client, store: HumanStore, label_studio: LabelStudioServer
) -> None:
    first = push(SESSION, items.head(2), task, None, client, store)
    second = push(SESSION, items, task, None, client, store)
    third = push(SESSION, items, task, None, client, store)
    assert (first.imported, second.imported, third.imported) == (2, 2, 0)
    assert first.project == second.project == third.project
    assert len(_tasks(label_studio, first.project)) == 4


@pytest.mark.parametrize("way", ["after", "before", "late"])
def test_an_import_whose_answer_is_lost_is_neither_lost_nor_doubled(
    items: pl.DataFrame, task: Task, store: HumanStore, label_studio: LabelStudioServer, way: Way
) -> None:
    with CuttingProxy(label_studio.url, [way]) as proxy:
        client = Client(proxy.url, ADMIN_TOKEN, settle=1.0)
        pushed = push(SESSION, items, task, None, client, store)
        assert pushed.imported == 4
        if way == "late":
            # After the second try has succeeded the first one arrives as well. The next push clears it away.
            proxy.release()
            with label_studio.client() as api:
                there = api.get("/api/tasks", params={"project": pushed.project}).json()["total"]
            assert there == 8
            assert push(SESSION, items, task, None, client, store).imported == 0
        assert proxy.imports == (1 if way == "after" else 2)
    assert len(_tasks(label_studio, pushed.project)) == 4


def test_an_import_that_fails_twice_is_taken_up_by_the_next_push(
    items: pl.DataFrame, task: Task, store: HumanStore, label_studio: LabelStudioServer
) -> None:
    with CuttingProxy(label_studio.url, ["before", "before"]) as proxy:
        client = Client(proxy.url, ADMIN_TOKEN, settle=0.5)
        with pytest.raises(DsbuildError, match="cut off twice"):
            push(SESSION, items, task, None, client, store)
        pushed = push(SESSION, items, task, None, client, store)
    assert len(_tasks(label_studio, pushed.project)) == 4


def test_a_stranger_takes_nobodys_place(
    items: pl.DataFrame, task: Task, client: Client, store: HumanStore, label_studio: LabelStudioServer
) -> None:
    session = SESSION.model_copy(update={"overlap": 1})
    pushed = push(session, items.head(1), task, None, client, store)
    stranger, p1 = label_studio.person("passer-by"), label_studio.person("p1")
    stranger.answer(_tasks(label_studio, pushed.project)["item-0"]["id"], "fear")
    assert p1.next_task(pushed.project) is None
    [name] = pull(session, client, store).strangers
    assert "passer" not in name
    assert push(session, items.head(1), task, None, client, store).reopened == 1
    page = p1.next_task(pushed.project)
    assert page is not None
    p1.answer(page["id"], "joy")
    pull(session, client, store)
    assert _labels(outcome(store, session, items.head(1), task)) == {("item-0", "first", "p1"): ["joy"]}


def test_one_label_and_free_text_are_asked_too(
    items: pl.DataFrame, task: Task, client: Client, store: HumanStore, label_studio: LabelStudioServer
) -> None:
    choice = task.model_copy(update={"name": "strongest", "kind": "choice"})
    text = Task(name="why", kind="text", perspective="reader", instructions={"en": "Why?"})
    for one in (choice, text):
        pushed = push(SESSION, items.head(1), one, None, client, store)
        number = _tasks(label_studio, pushed.project)["item-0"]["id"]
        person = label_studio.person("p1")
        if one is choice:
            person.answer(number, "fear")
        else:
            region = {"from_name": "answer", "to_name": "text", "type": "textarea", "value": {"text": ["because"]}}
            person.api.post(f"/api/tasks/{number}/annotations/", json={"result": [region]}).raise_for_status()
    assert pull(SESSION, client, store).new == 2, "a pull reads all of a session's tasks"
    assert _labels(outcome(store, SESSION, items.head(1), choice)) == {("item-0", "first", "p1"): ["fear"]}
    assert outcome(store, SESSION, items.head(1), text).annotations["text"].to_list() == ["because"]


def test_a_page_can_begin_to_show_what_was_said_before(
    items: pl.DataFrame, task: Task, client: Client, store: HumanStore, label_studio: LabelStudioServer
) -> None:
    pushed = push(SESSION, items.head(1), task, None, client, store)
    turn = [{"item_id": "x", "speaker": "A", "text": "Where were you?"}]
    talk = conform(items.tail(1).with_columns(context=pl.Series([turn], dtype=ITEMS_CONTEXT)), ITEMS)
    assert push(SESSION, talk, task, None, client, store).project == pushed.project
    assert _tasks(label_studio, pushed.project)["item-3"]["data"]["context"] == "A: Where were you?"
    with label_studio.client() as api:
        assert "$context" in api.get(f"/api/projects/{pushed.project}/").json()["label_config"]


def test_hostile_texts_come_back_as_they_were(
    task: Task, client: Client, store: HumanStore, label_studio: LabelStudioServer
) -> None:
    items = _items(*HOSTILE)
    pushed = push(SESSION, items, task, None, client, store)
    there = _tasks(label_studio, pushed.project)
    assert [there[f"item-{n}"]["data"]["text"] for n in range(len(HOSTILE))] == HOSTILE
    for one in there.values():
        label_studio.person("p1").answer(one["id"], "fear")
    found = pull(SESSION, client, store)
    assert (found.new, found.rejected) == (len(HOSTILE), 0)


def test_disputes_go_to_one_person_in_a_project_of_their_own(
    items: pl.DataFrame, task: Task, client: Client, store: HumanStore, label_studio: LabelStudioServer
) -> None:
    pushed = push(SESSION, items.head(2), task, None, client, store)
    there = {item: one["id"] for item, one in _tasks(label_studio, pushed.project).items()}
    for name, label in (("p1", "joy"), ("p2", "sadness"), ("p3", "anger")):
        label_studio.person(name).answer(there["item-0"], label)
        label_studio.person(name).answer(there["item-1"], "joy")
    pull(SESSION, client, store)
    round_two = push_adjudication(SESSION, items.head(2), task, client, store)
    assert round_two is not None
    assert round_two.project != pushed.project
    p0 = label_studio.person("p0")
    page = p0.next_task(round_two.project)
    assert page is not None
    assert page["predictions"] == [], "nothing is ticked to begin with"
    there_too = _tasks(label_studio, round_two.project)["item-0"]["predictions"]
    assert sorted(one["result"][0]["value"]["choices"] for one in there_too) == [["anger"], ["joy"], ["sadness"]]
    p0.answer(page["id"], "sadness")
    assert label_studio.person("p1").next_task(round_two.project) is None
    pull(SESSION, client, store)
    result = outcome(store, SESSION, items.head(2), task)
    assert result.waiting == 0
    assert {item: answer.labels for item, answer in result.adjudicated.items()} == {
        "item-0": ["sadness"],
        "item-1": ["joy"],
    }
    assert _labels(result)["item-0", "adjudication", "p0"] == ["sadness"]
    assert _labels(result)["item-0", "first", "p1"] == ["joy"]
