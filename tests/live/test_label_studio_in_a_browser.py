"""What a person sees and does, in a real browser: the page, the suggestion, a click, an answer that is read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from label_studio_server import ADMIN_TOKEN, PASSWORD, LabelStudioServer, Person

from annotators.label_studio import SessionConfig
from annotators.label_studio.client import Client
from annotators.label_studio.human_store import HumanStore
from annotators.label_studio.outcome import outcome
from annotators.label_studio.pull import pull
from annotators.label_studio.push import push, push_adjudication
from schemas.tables import ANNOTATIONS, ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

TEXTS = [
    "आज सकाळी निकाल लागला आणि आई रडायलाच लागली, इतका आनंद झाला!",
    "<b>bold</b><script>document.title='pwned'</script> $text {{ text }} &lt;i&gt; </View>",
]


@pytest.fixture
def task() -> Task:
    return Task(
        name="emotion",
        kind="multi",
        taxonomy=load_taxonomy("ekman-neutral"),
        perspective="reader",
        instructions={"mr": "हा मजकूर वाचून तुम्हाला कोणत्या भावना जाणवतात?"},
    )


@pytest.fixture
def items() -> pl.DataFrame:
    rows = [{"item_id": f"item-{n}", "corpus": "c", "modality": "text", "text": text} for n, text in enumerate(TEXTS)]
    return conform(pl.DataFrame(rows), ITEMS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HumanStore]:
    with HumanStore(tmp_path / "human.sqlite") as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, label_studio: LabelStudioServer) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    opened = context.new_page()
    strays: list[str] = []
    opened.on("request", lambda request: strays.append(request.url) if _leaves(request.url, label_studio) else None)
    yield opened
    context.close()
    assert strays == [], "the page asked another host for something"


def _leaves(url: str, server: LabelStudioServer) -> bool:
    return not url.startswith((server.url, "data:", "blob:"))


def _log_in(page: Page, server: LabelStudioServer, person: Person) -> None:
    page.goto(f"{server.url}/user/login/")
    page.fill("input[name=email]", person.email)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "login" not in url)


def _submit(page: Page) -> dict[str, Any]:
    with page.expect_response(lambda r: "/annotations" in r.url and r.request.method == "POST") as answer:
        page.get_by_role("button", name="Submit").first.click()
    assert answer.value.status == 201
    body: dict[str, Any] = answer.value.json()
    return body


def test_a_person_reads_a_text_ticks_a_label_and_submits(
    items: pl.DataFrame,
    task: Task,
    store: HumanStore,
    label_studio: LabelStudioServer,
    page: Page,
    artefacts: Path,
) -> None:
    session = SessionConfig.model_validate(
        {"name": "main", "people": ["p3"], "suggest": {"from": "gpt"}, "language": "mr"}
    )
    suggestion = {
        "annotation_id": "s0",
        "item_id": "item-0",
        "task": "emotion",
        "annotator": "gpt",
        "annotator_kind": "llm",
        "labels": [{"label": "surprise", "score": 1.0, "original": None}],
    }
    client = Client(label_studio.url, ADMIN_TOKEN)
    pushed = push(
        session, items, task, conform(pl.DataFrame([suggestion]), ANNOTATIONS), client, store, dataset="quickstart"
    )
    assert (pushed.imported, pushed.suggested) == (2, 1)
    assert task.taxonomy is not None
    names = {label.id: label.names.get("mr", label.id) for label in task.taxonomy.labels}

    _log_in(page, label_studio, label_studio.person("p3"))
    page.goto(f"{pushed.url}/data?labeling=1")
    page.get_by_text(TEXTS[0], exact=True).wait_for()
    boxes = page.locator(".lsf-choices label")
    assert boxes.count() == len(names) + 1
    ticked = page.get_by_role("checkbox", checked=True)
    assert ticked.count() == 1, "the suggestion is ticked to begin with"
    page.screenshot(path=artefacts / "label_studio_1_suggestion.png")

    boxes.filter(has_text=names["joy"]).first.click()
    page.screenshot(path=artefacts / "label_studio_2_ticked.png")
    saved = _submit(page)
    assert sorted(saved["result"][0]["value"]["choices"]) == ["joy", "surprise"]

    page.get_by_text("pwned", exact=False).first.wait_for()
    page.screenshot(path=artefacts / "label_studio_3_hostile_text.png")
    assert page.title() != "pwned"
    assert page.locator(".lsf-richtext__line").first.inner_text() == TEXTS[1]
    assert page.get_by_role("checkbox", checked=True).count() == 0, "no suggestion was given here"
    # Nothing ticked: nothing can be submitted.
    assert page.get_by_role("button", name="Submit").first.is_disabled()

    found = pull(session, client, store)
    assert (found.new, found.rejected) == (1, 0)
    [answer] = store.current("main", "emotion", "first")
    assert (answer.person, answer.labels) == ("p3", ["joy", "surprise"])
    assert answer.parent_prediction is not None
    assert answer.origin == "prediction-changed"
    assert answer.lead_time is not None
    assert answer.lead_time > 0
    [row] = outcome(store, session, items, task).annotations.to_dicts()
    assert row["parent"] == "s0"


def test_the_one_who_decides_sees_every_answer_and_nobodys_name(
    items: pl.DataFrame, task: Task, store: HumanStore, label_studio: LabelStudioServer, page: Page, artefacts: Path
) -> None:
    session = SessionConfig.model_validate(
        {"name": "main", "people": ["p1", "p2", "p3"], "adjudicate": {"else": "p0"}, "language": "en"}
    )
    client, one = Client(label_studio.url, ADMIN_TOKEN), items.head(1)
    pushed = push(session, one, task, None, client, store)
    [number] = [entry.ls_task for entry in client.entries(pushed.project)]
    for name, label in (("p1", "joy"), ("p2", "surprise"), ("p3", "sadness")):
        label_studio.person(name).answer(number, label)
    pull(session, client, store)
    second = push_adjudication(session, one, task, client, store)
    assert second is not None

    _log_in(page, label_studio, label_studio.person("p0"))
    page.goto(f"{second.url}/data?labeling=1")
    page.get_by_text(TEXTS[0], exact=True).wait_for()
    assert page.get_by_role("checkbox", checked=True).count() == 0, "no answer is favoured"
    for name in ("Joy", "Surprise", "Sadness"):
        page.get_by_text(f"1 × {name}").wait_for()
    page.locator(".lsf-choices label").filter(has_text="Joy").click()
    page.screenshot(path=artefacts / "label_studio_4_adjudication.png")
    _submit(page)
    pull(session, client, store)
    result = outcome(store, session, one, task)
    assert result.waiting == 0
    assert {item: answer.labels for item, answer in result.adjudicated.items()} == {"item-0": ["joy"]}
