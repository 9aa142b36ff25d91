"""A session of each kind with a server in memory: pushed, answered, pulled, disputed, decided, released."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotators.label_studio import SessionConfig
from annotators.label_studio.human_store import HumanStore
from annotators.label_studio.outcome import outcome
from annotators.label_studio.pull import pull
from annotators.label_studio.push import push, push_adjudication
from annotators.label_studio.question import Question
from annotators.label_studio.wire import parse_result, prediction, task_data
from schemas.errors import DsbuildError
from schemas.tables import ANNOTATIONS, ITEMS, conform
from schemas.task import Answer, Span, Task
from schemas.taxonomy import Label, Taxonomy

THREE = Taxonomy(
    name="three",
    title="Three",
    source="this test",
    labels=tuple(Label(id=id, tone_note="a test") for id in ("joy", "fear", "neutral")),
)
SESSION = SessionConfig.model_validate({"name": "main", "people": ["p1", "p2"], "adjudicate": {"else": "p0"}})
TURNS = [{"item_id": "d0", "speaker": "A", "text": "😀 hello"}, {"item_id": "d1", "speaker": "B", "text": "go away"}]
CANDIDATES = [{"item_id": "x", "speaker": "a", "text": "one"}, {"item_id": "y", "speaker": "b", "text": "two"}]
IN_TURN, OWN = Span("d1", 3, 7, None, "away"), Span("i0", 3, 8, None, "again")

TWO: dict[str, tuple[dict[str, Any], Answer, Answer]] = {
    "choice": ({"taxonomy": THREE}, Answer(labels=["joy"]), Answer(labels=[])),
    "multi": ({"taxonomy": THREE}, Answer(labels=["joy", "fear"]), Answer(labels=["neutral"])),
    "ranking": (
        {"taxonomy": THREE},
        Answer(labels=["joy", "fear"], scores=[1.0, 2.0]),
        Answer(labels=["joy", "fear"], scores=[1.0, 1.0]),
    ),
    "intensity": (
        {"taxonomy": THREE, "range": (0, 3), "step": 1},
        Answer(labels=["joy", "fear", "neutral"], scores=[0.0, 3.0, 1.0]),
        Answer(labels=["joy", "fear", "neutral"], scores=[0.0, 0.0, 1.0]),
    ),
    "scale": ({"range": (1, 7), "step": 1}, Answer(value=1.0), Answer(value=7.0)),
    "span": ({}, Answer(spans=[IN_TURN, OWN]), Answer(spans=[])),
    "trace": ({"range": (-1, 1)}, Answer(trace=[(1.0, 0.5), (2.0, -0.5)]), Answer(trace=[(1.0, 0.25)])),
    "open": ({}, Answer(labels=["relief"], originals=["Relief"]), Answer(labels=[], originals=[])),
    "pairwise": ({}, Answer(labels=["a"]), Answer(labels=["tie"])),
    "attributes": (
        {"attributes": {"scene": {"kind": "choice", "options": ["sea", "town"]}}},
        Answer(labels=["scene:sea"], scores=[None]),
        Answer(labels=[], scores=[]),
    ),
}


def _task(kind: str, fields: Mapping[str, Any]) -> Task:
    return Task.model_validate({"name": "asked", "kind": kind, "perspective": "reader", **fields})


def _items(kind: str, **more: Any) -> pl.DataFrame:
    row: dict[str, Any] = {"item_id": "i0", "corpus": "c", "modality": "text", "text": "so again", "context": None}
    if kind == "span":
        row["context"] = TURNS
    elif kind == "pairwise":
        row["context"] = CANDIDATES
    elif kind == "trace":
        media = [{"role": "audio", "path": "https://example.org/a.wav", "mime": "audio/wav"}]
        row |= {"modality": "audio", "text": None, "media": media}
    return conform(pl.DataFrame([row | more], strict=False), ITEMS)


def _result(task: Task, items: pl.DataFrame, answer: Answer) -> Any:
    """The answer as the page stores it; that this is so is what test_answers_of_every_kind and tests/live show."""
    question = Question.of(task)
    data = task_data(items.to_dicts()[0], question)
    modality: Any = "audio" if task.kind == "trace" else "text"
    result = prediction(question, answer, version="-", data=data, modality=modality)["result"]
    assert parse_result(question, result, data) == answer
    return result


@pytest.mark.parametrize("kind", TWO)
def test_two_people_differ_and_a_third_decides(kind: str, store: HumanStore, server: Any) -> None:
    fields, one, other = TWO[kind]
    task, items = _task(kind, fields), _items(kind)
    push(SESSION, items, task, None, server, store)
    server.answer("p1", "i0", result=_result(task, items, one))
    server.answer("p2", "i0", result=_result(task, items, other))
    assert pull(SESSION, server, store).rejected == 0
    before = outcome(store, SESSION, items, task)
    [dispute] = before.disputed
    assert sorted(count for _, count in dispute.candidates) == [1, 1]
    assert [answer for answer, _ in dispute.candidates] in ([one, other], [other, one])

    put = push_adjudication(SESSION, items, task, server, store)
    assert put is not None
    page = server.task_of("i0", put.project)
    assert len(page["predictions"]) == 2
    assert len(page["data"]["candidates"].splitlines()) == 2
    server.answer("p0", "i0", result=_result(task, items, other), project=put.project)
    pull(SESSION, server, store)
    after = outcome(store, SESSION, items, task)
    assert after.adjudicated == {"i0": other}
    kept, rejects = task.validate_annotations(after.annotations, items)
    assert rejects.rows() == []
    columns = list(one.columns())
    found = {row["annotator"]: {name: row[name] for name in columns} for row in kept.to_dicts()}
    assert found == {"p1": one.columns(), "p2": other.columns(), "p0": other.columns()}
    assert set(kept["shown"]) == {"audio" if kind == "trace" else "text"}
    with HumanStore(store.path) as again:
        assert outcome(again, SESSION, items, task).adjudicated == {"i0": other}


@pytest.mark.parametrize("kind", TWO)
def test_an_answer_of_any_kind_is_suggested_and_what_was_shown_is_kept(
    kind: str, store: HumanStore, server: Any
) -> None:
    fields, one, _ = TWO[kind]
    task, items = _task(kind, fields), _items(kind)
    row = {"annotation_id": "s", "item_id": "i0", "task": "asked", "annotator": "gpt", "annotator_kind": "llm"}
    suggestions = conform(pl.DataFrame([row | {"sample": 0} | one.columns()], strict=False), ANNOTATIONS)
    session = SESSION.model_copy(update={"suggest": {"from": "gpt"}})
    session = SessionConfig.model_validate({"name": "main", "people": ["p1"], "suggest": {"from": "gpt"}})
    assert push(session, items, task, suggestions, server, store).suggested == 1
    assert server.task_of("i0")["predictions"][0]["result"] == _result(task, items, one)
    [project] = store.projects("main")
    [pushed] = store.pushes(project).values()
    assert pushed.suggestion is not None
    assert pushed.suggestion[0]["annotation_id"] == "s"


def test_texts_stand_beside_each_other_and_are_not_disputed(store: HumanStore, server: Any) -> None:
    task, items = _task("text", {}), _items("text")
    push(SESSION, items, task, None, server, store)
    for person, text in (("p1", "one"), ("p2", "two")):
        server.answer(person, "i0", result=_result(task, items, Answer(text=text)))
    pull(SESSION, server, store)
    found = outcome(store, SESSION, items, task)
    assert (found.disputed, found.waiting, found.adjudicated) == ((), 0, {})
    assert found.annotations["text"].to_list() == ["one", "two"]


def test_an_answer_that_breaks_the_question_is_kept_as_rejected_with_its_reason(store: HumanStore, server: Any) -> None:
    task, items = _task("scale", {"range": (0, 100)}), _items("scale")
    push(SESSION, items, task, None, server, store)
    number = {"from_name": "answer", "to_name": "text", "type": "number", "value": {"number": 900}}
    server.answer("p1", "i0", result=[number])
    assert pull(SESSION, server, store).reasons == {'"answer" is 900, outside 0..100': 1}
    found = outcome(store, SESSION, items, task)
    assert found.rejected == (("p1", "i0", '"answer" is 900, outside 0..100'),)
    assert found.missing == 1
    [row] = store.history("main", "asked")
    assert row.result == [number]


def test_turns_that_were_changed_on_the_server_make_no_spans(store: HumanStore, server: Any) -> None:
    task, items = _task("span", {}), _items("span")
    push(SESSION, items, task, None, server, store)
    server.task_of("i0")["data"]["turns"][0]["text"] = "something else"
    server.answer("p1", "i0", result=_result(task, items, Answer(spans=[OWN])))
    assert pull(SESSION, server, store).reasons == {"the text was changed in Label Studio": 1}


@pytest.mark.parametrize(
    ("kind", "fields", "more", "said"),
    [
        ("trace", {"range": (0, 1), "rate": 2.0}, {}, "read its files as a corpus"),
        ("trace", {"range": (0, 1)}, {"modality": "text", "text": "so"}, "a text has no time"),
        ("pairwise", {}, {"context": CANDIDATES[:1]}, "no one turn b with a text"),
        ("span", {}, {"context": [TURNS[0] | {"item_id": None}]}, "has an id of its own"),
        ("span", {}, {"text": " "}, "no text"),
        ("scale", {"range": (0, 1)}, {"modality": "audio", "media": None}, "no audio file"),
        (
            "scale",
            {"range": (0, 1)},
            {"modality": "audio", "media": [{"role": "audio", "path": "a.wav", "start_s": 1.0}]},
            "cut it out",
        ),
        (
            "scale",
            {"range": (0, 1)},
            {"modality": "audio", "media": [{"role": "audio", "path": "/nowhere/a.wav"}]},
            "is not there",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_to_do(
    kind: str, fields: dict[str, Any], more: dict[str, Any], said: str, store: HumanStore, server: Any
) -> None:
    with pytest.raises(DsbuildError, match=said) as caught:
        push(SESSION, _items(kind, **more), _task(kind, fields), None, server, store)
    assert caught.value.fix
    assert server.tasks == {}


def test_a_session_shows_one_modality(store: HumanStore, server: Any) -> None:
    items = pl.concat([_items("trace"), _items("text").with_columns(item_id=pl.lit("i1"))])
    with pytest.raises(DsbuildError, match=r"of several: audio, text"):
        push(SESSION, items, _task("scale", {"range": (0, 1)}), None, server, store)


def test_a_recording_is_uploaded_once_and_only_if_it_is_asked_about(
    store: HumanStore, server: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    media = [{"role": "audio", "path": "a.wav", "mime": "audio/wav"}]
    items = pl.concat([_items("trace", item_id=id, media=media) for id in ("i0", "i1")])
    task = _task("scale", {"range": (0, 1)})
    for _ in range(2):
        push(SESSION, items, task, None, server, store, files=lambda corpus, path: tmp_path / path)
    assert server.uploads == [tmp_path / "a.wav"]
    assert server.task_of("i1")["data"]["audio"] == "/data/upload/1/1.wav"
    assert 'value="$audio"' in server.projects[1]["config"]
    number = {"from_name": "answer", "to_name": "audio", "type": "number", "value": {"number": 0.5}}
    server.answer("p1", "i1", result=[number])
    assert pull(SESSION, server, store).rejected == 0


def test_the_text_and_the_turns_before_two_candidates_are_shown_too(store: HumanStore, server: Any) -> None:
    items = _items("pairwise", context=[{"item_id": "z", "speaker": "A. Wright", "text": "before"}, *CANDIDATES])
    push(SESSION, items, _task("pairwise", {}), None, server, store)
    data, config = server.task_of("i0")["data"], server.projects[1]["config"]
    assert (data["context"], data["text"]) == ("A. Wright: before", "so again")
    assert (data["candidate_a"], data["candidate_b"]) == ("one", "two")
    for name in ("context", "text", "candidate_a", "candidate_b"):
        assert f'value="${name}"' in config
