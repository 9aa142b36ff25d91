"""Every kind of task in a real browser: a person answers one item, takes the suggestion on the next; both come back.

What is read back is what the server's own pages stored, so no form of a result is made up here.
"""

from __future__ import annotations

import math
import struct
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from label_studio_server import ADMIN_TOKEN, PASSWORD, LabelStudioServer

from annotators.label_studio import SessionConfig
from annotators.label_studio.client import Client
from annotators.label_studio.human_store import HumanStore
from annotators.label_studio.outcome import outcome
from annotators.label_studio.pull import pull
from annotators.label_studio.push import push
from schemas.errors import DsbuildError
from schemas.tables import ANNOTATIONS, ITEMS, conform
from schemas.task import Answer, Span, Task
from schemas.taxonomy import Label, Taxonomy

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

THREE = Taxonomy(
    name="three",
    title="Three",
    source="this test",
    exclusive=("neutral",),
    labels=tuple(Label(id=id, tone_note="a test") for id in ("joy", "fear", "neutral")),
)
TURNS = [
    {"item_id": "turn-1", "speaker": "A", "text": "😀 I lost my job today."},
    {"item_id": "turn-2", "speaker": "B", "text": "Oh no! What happened then?"},
]
TEXT = "😀😀 They closed the whole office."
CANDIDATES = [
    {"item_id": "x", "speaker": "a", "text": "She sounds tired."},
    {"item_id": "y", "speaker": "b", "text": "She sounds angry."},
]
_PLACE = """([selector, words]) => {
  const walker = document.createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const at = node.data.indexOf(words);
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + words.length);
    const {left, right, top, height} = range.getBoundingClientRect();
    return {left: left + 1, right: right - 1, middle: top + height / 2};
  }
}"""


def _turn(number: int) -> str:
    return f'[data-testid="phrase:{number}"] [class*=dialoguetext]'


_OWN = ".lsf-richtext__container"


def _drag(page: Page, x: float, y: float, to_x: float, to_y: float) -> None:
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move((x + to_x) / 2, (y + to_y) / 2, steps=4)
    page.mouse.move(to_x, to_y, steps=4)
    page.mouse.up()


def _regions(page: Page) -> Any:
    return page.locator(".lsf-outliner-item")


def _mark(page: Page, bar: int, where: str, words: str, last: tuple[str, str] | None = None) -> None:
    """Mark `words`, or from there to the words `last`, with the label at place `bar`."""
    before = _regions(page).count()
    page.locator(".lsf-label").nth(bar).click()
    first = page.evaluate(_PLACE, [where, words])
    end = first if last is None else page.evaluate(_PLACE, list(last))
    _drag(page, first["left"], first["middle"], end["right"], end["middle"])
    _regions(page).nth(before).wait_for()
    page.keyboard.press("Escape")


def _tick(page: Page, control: int, *boxes: str) -> None:
    for box in boxes:
        page.locator(".lsf-choices").nth(control).get_by_text(box, exact=False).first.click()


def _number(page: Page, place: int, value: str) -> None:
    page.locator("input[type=number]").nth(place).fill(value)
    page.keyboard.press("Tab")


def _choice(page: Page) -> None:
    _tick(page, 0, "joy")


def _nothing(page: Page) -> None:
    _tick(page, 0, "none of these")


def _multi(page: Page) -> None:
    _tick(page, 0, "fear", "joy")


def _rank(page: Page) -> None:
    _number(page, 0, "2")
    _number(page, 1, "1")


def _levels(page: Page) -> None:
    for control, level in enumerate(("much", "none", "some")):
        _tick(page, control, level)


def _scale(page: Page) -> None:
    _number(page, 0, "37.5")


def _points(page: Page) -> None:
    _tick(page, 0, "5")


def _spans(page: Page) -> None:
    _mark(page, 0, _turn(0), "lost my job")
    _mark(page, 0, _turn(0), "today.", (_turn(1), "Oh no"))
    _mark(page, 1, _OWN, "closed the")


def _labelled_spans(page: Page) -> None:
    _mark(page, 1, _OWN, "closed the whole office")


def _outside(page: Page) -> None:
    _tick(page, 0, "outside of this conversation")


def _text(page: Page) -> None:
    page.locator("textarea").first.fill("Because\nthe office closed 😀")
    page.get_by_role("button", name="Add").click()


def _words(page: Page) -> None:
    field = page.get_by_test_id("textarea-input")
    for number, word in enumerate(("Relief", "दुःख"), 1):
        field.fill(word)
        field.press("Enter")
        page.get_by_test_id("textarea-region").nth(number - 1).or_(page.get_by_text(word).first).first.wait_for()


def _prefer(page: Page) -> None:
    _tick(page, 0, "B")


def _attributes(page: Page) -> None:
    _tick(page, 0, "beach")
    _tick(page, 1, "none of these")
    _number(page, 0, "0.4")


def _trace(page: Page) -> None:
    box = page.locator("canvas").last.bounding_box()
    assert box is not None
    y = box["y"] + 0.6 * box["height"]
    for start, end, value in ((0.1, 0.3, "-0.5"), (0.5, 0.9, "0.75")):
        before = _regions(page).count()
        page.locator(".lsf-label").first.click()
        _drag(page, box["x"] + start * box["width"], y, box["x"] + end * box["width"], y)
        _regions(page).nth(before).wait_for()
        _regions(page).last.click()
        page.locator("input[type=number]:visible").first.fill(value)
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")


@dataclass(frozen=True)
class Case:
    """A question, what a person does on its page, what that means, and what is suggested on the second item."""

    fields: dict[str, Any]
    act: Callable[[Page], None]
    given: Answer
    suggested: Answer
    context: tuple[dict[str, str], ...] = ()
    audio: bool = False


LEVELS = {"taxonomy": THREE, "levels": ("none", "some", "much")}
ATTRIBUTES = {
    "scene": {"kind": "choice", "options": ["airport", "beach"]},
    "things": {"kind": "multi", "options": ["sun", "dog"]},
    "light": {"kind": "scale", "range": [0, 1]},
}
IN_TURN = Span("turn-1", 4, 15, None, "lost my job")
CASES = {
    "choice": Case({"taxonomy": THREE}, _choice, Answer(labels=["joy"]), Answer(labels=[])),
    "choice, none": Case({"kind": "choice", "taxonomy": THREE}, _nothing, Answer(labels=[]), Answer(labels=["fear"])),
    "multi": Case({"taxonomy": THREE}, _multi, Answer(labels=["joy", "fear"]), Answer(labels=["neutral"])),
    "ranking": Case(
        {"taxonomy": THREE},
        _rank,
        Answer(labels=["fear", "joy"], scores=[1, 2]),
        Answer(labels=["joy", "fear"], scores=[1, 1]),
    ),
    "intensity": Case(
        LEVELS,
        _levels,
        Answer(labels=["joy", "fear", "neutral"], scores=[2, 0, 1]),
        Answer(labels=["joy", "fear", "neutral"], scores=[0, 0, 0]),
    ),
    "scale": Case({"range": (0, 100)}, _scale, Answer(value=37.5), Answer(value=0)),
    "scale, points": Case({"kind": "scale", "range": (1, 7), "step": 1}, _points, Answer(value=5), Answer(value=1)),
    "span": Case(
        {},
        _spans,
        Answer(
            spans=[
                IN_TURN,
                Span("turn-1", 16, 22, None, "today."),
                Span("turn-2", 0, 5, None, "Oh no"),
                Span("own", 8, 18, None, "closed the"),
            ]
        ),
        Answer(spans=[IN_TURN, Span("own", 3, 7, None, "They")]),
        context=tuple(TURNS),
    ),
    "span, labelled": Case(
        {"kind": "span", "taxonomy": THREE, "where": ("own",)},
        _labelled_spans,
        Answer(spans=[Span("own", 8, 31, "fear", "closed the whole office")]),
        Answer(spans=[]),
    ),
    "span, outside": Case(
        {"kind": "span"}, _outside, Answer(spans=[Span(None)]), Answer(spans=[]), context=tuple(TURNS)
    ),
    "text": Case({}, _text, Answer(text="Because\nthe office closed 😀"), Answer(text="It says <b>so</b>.")),
    "open": Case(
        {"most": 3},
        _words,
        Answer(labels=["relief", "दुःख"], originals=["Relief", "दुःख"]),
        Answer(labels=["joy"], originals=["Joy"]),
    ),
    "pairwise": Case({}, _prefer, Answer(labels=["b"]), Answer(labels=["tie"]), context=tuple(CANDIDATES)),
    "attributes": Case(
        {"attributes": ATTRIBUTES},
        _attributes,
        Answer(labels=["scene:beach", "light"], scores=[None, 0.4]),
        Answer(labels=["things:sun", "things:dog", "light"], scores=[None, None, 1]),
    ),
    "trace": Case(
        {"range": (-1, 1)},
        _trace,
        Answer(trace=[(1.6, -0.5), (5.6, 0.75)]),
        Answer(trace=[(1.0, 0.25), (3.0, -1.0)]),
        audio=True,
    ),
}
SESSION = SessionConfig.model_validate({"name": "s", "people": ["p1"], "suggest": {"from": "gpt"}, "language": "en"})


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Eight seconds of a tone."""
    path = tmp_path / "1001_DFA_ANG_XX.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(n / 5))) for n in range(8 * 8000)))
    return path


@pytest.fixture(scope="module")
def page(browser: Browser, label_studio: LabelStudioServer) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 1200})
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    opened.goto(f"{label_studio.url}/user/login/", timeout=60_000)
    opened.fill("input[name=email]", label_studio.person("p1").email)
    opened.fill("input[name=password]", PASSWORD)
    opened.press("input[name=password]", "Enter")
    opened.wait_for_url(lambda url: "login" not in url)
    yield opened
    context.close()


def _submit(page: Page) -> None:
    with page.expect_response(lambda r: "/annotations" in r.url and r.request.method == "POST") as answer:
        page.get_by_role("button", name="Submit").first.click()
    assert answer.value.status == 201


def _items(case: Case, recording: Path) -> pl.DataFrame:
    row = {"corpus": "c", "modality": "text", "text": TEXT, "context": list(case.context) or None}
    if case.audio:
        media = [{"role": "audio", "path": recording.name, "mime": "audio/x-wav"}]
        row |= {"modality": "audio", "text": None, "media": media}
    return conform(pl.DataFrame([{"item_id": id, **row} for id in ("first", "second")], strict=False), ITEMS)


def _about(answer: Answer, item: str) -> Answer:
    """The answer with `item` as the item that its spans in the item itself are in."""
    if answer.spans is None:
        return answer
    return replace(answer, spans=[replace(s, item_id=item) if s.item_id == "own" else s for s in answer.spans])


@pytest.mark.parametrize("name", CASES)
def test_what_a_person_does_comes_back_and_so_does_a_suggestion_they_took(
    name: str,
    tmp_path: Path,
    label_studio: LabelStudioServer,
    page: Page,
    artefacts: Path,
    recording: Path,
) -> None:
    case, kind = CASES[name], name.partition(",")[0]
    task = Task.model_validate({"name": name.replace(", ", "-"), "kind": kind, "perspective": "reader"} | case.fields)
    items = _items(case, recording)
    suggestion = {
        "annotation_id": "s",
        "item_id": "second",
        "task": task.name,
        "perspective": "reader",
        "annotator": "gpt",
        "annotator_kind": "llm",
        "sample": 0,
        **_about(case.suggested, "second").columns(),
    }
    suggestions = conform(pl.DataFrame([suggestion], strict=False), ANNOTATIONS)
    client = Client(label_studio.url, ADMIN_TOKEN)
    with HumanStore(tmp_path / "human.sqlite") as store:
        done = push(
            SESSION, items, task, suggestions, client, store, files=lambda corpus, path: recording.parent / path
        )
        assert (done.imported, done.suggested, done.unsuggestable) == (2, 1, 0)

        page.goto(f"{done.url}/data?labeling=1")
        page.get_by_role("button", name="Submit").first.wait_for()
        page.locator(".lsf-audio-tag canvas, canvas" if case.audio else _OWN).last.wait_for()
        page.wait_for_timeout(800)  # the waveform and the bars are drawn after the page says it is there
        case.act(page)
        page.screenshot(path=artefacts / f"label_studio_kind_{task.name}.png")
        _submit(page)
        page.goto(f"{done.url}/data?labeling=1")
        page.get_by_role("button", name="Submit").first.wait_for()
        page.wait_for_timeout(800)
        page.screenshot(path=artefacts / f"label_studio_kind_{task.name}_suggestion.png")
        _submit(page)

        found = pull(SESSION, client, store)
        assert (found.new, dict(found.reasons)) == (2, {})
        rows = {row.item_id: row for row in store.current("s", task.name, "first")}
        _same(rows["first"].answer, _about(case.given, "first"))
        _same(rows["second"].answer, _about(case.suggested, "second"))
        assert rows["second"].parent_prediction is not None
        annotations = outcome(store, SESSION, items, task).annotations
    kept, rejects = task.validate_annotations(annotations, items)
    assert (kept.height, rejects.rows()) == (2, [])
    [row] = annotations.filter(item_id="second", parent="s").to_dicts()
    assert {key: row[key] for key in rows["second"].answer.columns()} == rows["second"].answer.columns()


def _same(found: Answer, wanted: Answer) -> None:
    if wanted.trace is None or found.trace is None:
        assert found == wanted
        return
    assert [value for _, value in found.trace] == [value for _, value in wanted.trace]
    # Within two pixels of the waveform.
    assert [t for t, _ in found.trace] == pytest.approx([t for t, _ in wanted.trace], abs=8 * 2 / 900)


def test_a_recordings_name_is_not_shown(tmp_path: Path, label_studio: LabelStudioServer, recording: Path) -> None:
    task = Task(name="valence", kind="scale", range=(0, 1), perspective="reader")
    session = SESSION.model_copy(update={"suggest": None})
    client = Client(label_studio.url, ADMIN_TOKEN)
    with HumanStore(tmp_path / "human.sqlite") as store:
        items = _items(CASES["trace"], recording)
        done = push(session, items, task, None, client, store, files=lambda corpus, path: recording.parent / path)
        with label_studio.client() as api:
            page = api.get("/api/tasks", params={"project": done.project, "fields": "all"}).raise_for_status().json()
            [address] = {task["data"]["audio"] for task in page["tasks"]}
            assert "ANG" not in address
            assert api.get(address).content == recording.read_bytes()


def test_a_continuous_rating_is_refused_with_what_to_do(
    tmp_path: Path, label_studio: LabelStudioServer, recording: Path
) -> None:
    task = Task(name="valence", kind="trace", range=(-1, 1), rate=2, perspective="reader")
    client = Client(label_studio.url, ADMIN_TOKEN)
    with HumanStore(tmp_path / "human.sqlite") as store:
        before = len(client._connect().projects.list(page_size=100).items)
        with pytest.raises(DsbuildError, match="read its files as a corpus"):
            push(SESSION, _items(CASES["trace"], recording), task, None, client, store)
        assert len(client._connect().projects.list(page_size=100).items) == before
