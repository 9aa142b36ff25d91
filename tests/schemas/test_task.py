"""A task's one declaration decides what an answer may be, for machines and for tables alike."""

from __future__ import annotations

import polars as pl
import pytest
from pydantic import ValidationError

from schemas import Task, load_taxonomy
from schemas.tables import ANNOTATIONS, conform

EKMAN = load_taxonomy("ekman-neutral")
MULTI = Task(name="emotion", kind="multi", taxonomy=EKMAN, perspective="reader")
CHOICE = Task(name="emotion", kind="choice", taxonomy=EKMAN, perspective="reader")
TEXT = Task(name="why", kind="text", perspective="reader")


@pytest.mark.parametrize(
    ("task", "answer", "labels"),
    [
        (MULTI, {"labels": ["joy", "surprise"]}, ["joy", "surprise"]),
        (MULTI, {"labels": []}, []),
        (MULTI, {"labels": ["Joy", "joy"]}, ["joy"]),
        (CHOICE, {"label": "anger"}, ["anger"]),
        (CHOICE, {"label": None}, []),
    ],
)
def test_an_answer_becomes_labels(task: Task, answer: dict[str, object], labels: list[str]) -> None:
    assert task.parse(answer).labels == labels


def test_the_string_that_was_given_is_kept() -> None:
    assert MULTI.parse({"labels": ["JOY"]}).originals == ["JOY"]


def test_a_text_is_an_answer_without_labels() -> None:
    answer = TEXT.parse({"text": "because"})
    assert (answer.text, answer.labels) == ("because", None)


@pytest.mark.parametrize(
    ("task", "answer", "reason"),
    [
        (MULTI, {}, '"labels" is missing'),
        (MULTI, {"labels": "joy"}, "must be a list"),
        (MULTI, {"labels": ["bliss"]}, "none of: joy"),
        (MULTI, {"labels": [None]}, "none of: joy"),
        (MULTI, {"labels": ["neutral", "joy"]}, "cannot stand beside"),
        (CHOICE, {"label": 3}, "none of: joy"),
        (TEXT, {"text": 3}, "must be a string"),
    ],
)
def test_a_wrong_answer_is_refused_with_what_is_wrong(task: Task, answer: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        task.parse(answer)


def test_the_json_schema_allows_the_labels_and_nothing_else() -> None:
    schema = MULTI.json_schema()
    assert schema["properties"]["labels"]["items"]["enum"] == EKMAN.ids
    assert schema["additionalProperties"] is False
    assert CHOICE.json_schema()["properties"]["label"]["enum"] == [*EKMAN.ids, None]


def test_agreement_measures_sets_by_masi_and_single_labels_by_identity() -> None:
    assert (MULTI.distance, CHOICE.distance) == ("masi", "nominal")


def test_a_kind_with_labels_needs_a_taxonomy_and_a_text_has_none() -> None:
    with pytest.raises(ValidationError, match="needs a taxonomy"):
        Task(name="t", kind="multi", perspective="reader")
    with pytest.raises(ValidationError, match="has no taxonomy"):
        Task(name="t", kind="text", taxonomy=EKMAN, perspective="reader")


def test_instructions_fall_back_to_english_then_to_any() -> None:
    task = MULTI.model_copy(update={"instructions": {"mr": "म", "en": "E"}})
    assert [task.instruction(language) for language in ("mr", "mr-IN", "hi", None)] == ["म", "म", "E", "E"]
    assert MULTI.instruction("mr") is None


def _row(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "annotation_id": "a",
        "item_id": "i",
        "task": "emotion",
        "perspective": "reader",
        "annotator": "x",
        "annotator_kind": "human",
        "labels": [{"label": "joy", "score": None, "original": None}],
        "text": None,
        "skipped": False,
    }
    return row | changes


def _frame(*rows: dict[str, object]) -> pl.DataFrame:
    schema = {name: dtype for name, dtype in conform(pl.DataFrame(), ANNOTATIONS).schema.items() if name in rows[0]}
    return conform(pl.DataFrame(list(rows), schema=schema), ANNOTATIONS)


def _labels(*names: str) -> list[dict[str, object]]:
    return [{"label": name, "score": None, "original": None} for name in names]


@pytest.mark.parametrize(
    ("task", "changes", "reason"),
    [
        (MULTI, {"task": "other"}, "annotation of another task"),
        (MULTI, {"perspective": "writer"}, "perspective is not the task's"),
        (MULTI, {"labels": None}, "no answer"),
        (MULTI, {"labels": _labels("bliss")}, "label outside the taxonomy"),
        (MULTI, {"labels": _labels("joy", "joy")}, "the same label twice"),
        (MULTI, {"labels": _labels("joy", "neutral")}, "an exclusive label stands beside others"),
        (CHOICE, {"labels": _labels("joy", "fear")}, "more than one label"),
        (TEXT, {"task": "why", "labels": _labels("joy")}, "a text task has no labels"),
        (TEXT, {"task": "why", "labels": None}, "no answer"),
    ],
)
def test_an_annotation_that_breaks_a_rule_is_rejected_with_the_rule(
    task: Task, changes: dict[str, object], reason: str
) -> None:
    kept, rejects = task.validate_annotations(_frame(_row(), _row(annotation_id="b", **changes)))
    bad = rejects.filter(pl.col("detail").str.contains("(b)", literal=True))
    assert bad["reason"].to_list() == [reason]
    assert "b" not in kept["annotation_id"].to_list()
    assert '"annotation_id":"b"' in bad["raw"][0]


@pytest.mark.parametrize(
    ("task", "changes"),
    [
        (MULTI, {"labels": []}),
        (MULTI, {"labels": _labels("joy", "fear")}),
        (MULTI, {"labels": None, "skipped": True}),
        (CHOICE, {"labels": _labels("neutral")}),
        (TEXT, {"task": "why", "labels": None, "text": "so"}),
    ],
)
def test_what_keeps_the_rules_stays_as_it_is(task: Task, changes: dict[str, object]) -> None:
    frame = _frame(_row(**changes))
    kept, rejects = task.validate_annotations(frame)
    assert kept.equals(frame)
    assert rejects.is_empty()


def test_the_card_names_every_label_with_its_place_in_tone() -> None:
    section = MULTI.card_section()
    assert "| joy |" in section
    assert "anger &gt; disgust" in section
    assert all(label in section for label in EKMAN.ids)
