"""Every kind of task by every use that its one declaration has: see `tests.schemas.kinds` for the cases."""

from __future__ import annotations

import math
from typing import Any, get_args
from xml.etree import ElementTree

import jsonschema
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from schemas.answer import Answer
from schemas.label_studio_config import task_config
from schemas.tables import ANNOTATIONS, ITEMS, conform
from schemas.task import Kind
from tests.schemas.kinds import CASES, SHOWN, Case, annotations, label_rows

ITEM = conform(
    pl.DataFrame(
        {
            "item_id": [SHOWN.item_id],
            "corpus": "c",
            "modality": "text",
            "text": [SHOWN.text],
            "context": [[vars(turn) for turn in SHOWN.context]],
        }
    ),
    ITEMS,
)


def one_of_each(part: str) -> Any:
    """Every kind with each entry of a list of its case."""
    found = [
        pytest.param(case, entry, id=f"{kind}-{place}")
        for kind, case in CASES.items()
        for place, entry in enumerate(getattr(case, part))
    ]
    return pytest.mark.parametrize(("case", "entry"), found)


each = pytest.mark.parametrize("case", list(CASES.values()), ids=list(CASES))


def test_every_kind_has_a_case_and_every_use_of_it_an_example() -> None:
    assert set(CASES) == set(get_args(Kind))
    for case in CASES.values():
        assert all((case.accepted, case.refused, case.good, case.broken, case.apart, case.rows, case.card))


# An LLM's answer


@one_of_each("accepted")
def test_an_answer_is_read(case: Case, entry: tuple[Any, Answer]) -> None:
    given, answer = entry
    (key,) = case.task.json_schema()["properties"]
    assert case.task.parse({key: given}, SHOWN) == answer


@one_of_each("refused")
def test_a_wrong_answer_is_refused_with_what_is_wrong(case: Case, entry: tuple[Any, str]) -> None:
    given, message = entry
    (key,) = case.task.json_schema()["properties"]
    with pytest.raises(ValueError) as told:
        case.task.parse({key: given}, SHOWN)
    assert message in str(told.value)


@each
def test_without_its_key_there_is_no_answer(case: Case) -> None:
    (key,) = case.task.json_schema()["properties"]
    with pytest.raises(ValueError, match=f'"{key}" is missing'):
        case.task.parse({"other": 1}, SHOWN)


@each
@settings(max_examples=40, deadline=None)
@drawn(data=st.data())
def test_what_the_schema_allows_is_read_back_as_the_same_answer_and_kept_by_validation(
    case: Case, data: st.DataObject
) -> None:
    answer = data.draw(case.answers)
    schema = case.task.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    given = case.task.given(answer, SHOWN)
    jsonschema.validate(given, schema, jsonschema.Draft202012Validator)
    again = case.task.parse(given, SHOWN)
    assert plain(again) == plain(answer)
    kept, rejects = case.task.validate_annotations(annotations(case.task, again.columns()), ITEM)
    assert rejects["detail"].to_list() == []
    assert kept.height == 1


def plain(answer: Answer) -> dict[str, Any]:
    """The answer's columns without how it was spelled, and without an order that means nothing."""
    columns = answer.columns()
    if columns["labels"] is not None:
        columns["labels"] = {one["label"]: one["score"] for one in columns["labels"]}
    return columns


# Validation


@one_of_each("good")
def test_a_good_annotation_is_kept_as_it_is(case: Case, entry: dict[str, Any]) -> None:
    frame = annotations(case.task, entry)
    kept, rejects = case.task.validate_annotations(frame, ITEM)
    assert rejects["detail"].to_list() == []
    assert kept.equals(frame)


@one_of_each("broken")
def test_a_broken_annotation_is_rejected_by_field_value_and_rule(
    case: Case, entry: tuple[dict[str, Any], str, str]
) -> None:
    row, reason, detail = entry
    around = case.good[0]
    frame = annotations(case.task, around, row, around)
    kept, rejects = case.task.validate_annotations(frame, ITEM)
    assert rejects["reason"].to_list() == [reason]
    assert rejects["detail"][0].startswith(detail)
    assert rejects["detail"][0].endswith("; ann (a1)")
    assert (rejects["stage"][0], rejects["item_id"][0]) == ("task:t", "u3")
    assert '"annotation_id":"a1"' in rejects["raw"][0]
    assert kept["annotation_id"].to_list() == ["a0", "a2"]


@each
def test_no_annotations_are_no_rejects(case: Case) -> None:
    kept, rejects = case.task.validate_annotations(annotations(case.task, {}).clear(), ITEM)
    assert (kept.height, rejects.height) == (0, 0)
    assert kept.schema == annotations(case.task, {}).schema
    assert kept.to_arrow().schema.names == ANNOTATIONS.names


@each
@pytest.mark.parametrize("change", [{"task": "other"}, {"perspective": "writer"}])
def test_annotations_of_another_question_are_rejected(case: Case, change: dict[str, str]) -> None:
    rejects = case.task.validate_annotations(annotations(case.task, case.good[0] | change))[1]
    ((name, value),) = change.items()
    assert rejects["detail"][0].startswith(f"{name} = '{value}': not ")


# Distance


@one_of_each("apart")
def test_the_distance_of_worked_examples(case: Case, entry: tuple[Answer, Answer, float]) -> None:
    a, b, apart = entry
    assert math.isclose(case.task.difference(a, b), apart, abs_tol=1e-12)
    assert math.isclose(case.task.difference(b, a), apart, abs_tol=1e-12)


@each
@settings(max_examples=60, deadline=None)
@drawn(data=st.data())
def test_the_distance_is_symmetric_zero_on_itself_and_between_0_and_1(case: Case, data: st.DataObject) -> None:
    a, b = data.draw(case.answers), data.draw(case.answers)
    assert case.task.difference(a, a) == 0
    assert math.isclose(case.task.difference(a, b), case.task.difference(b, a), abs_tol=1e-12)
    assert 0 <= case.task.difference(a, b) <= 1


@each
def test_no_answer_is_at_no_distance_from_anything(case: Case) -> None:
    with pytest.raises(ValueError, match="no answer"):
        case.task.difference(Answer(), Answer())


# The wide table


@each
def test_labels_become_the_columns_that_are_promised(case: Case) -> None:
    frame = label_rows(case.task, *(row for row, _ in case.rows))
    wide = case.task.widen(frame)
    columns = case.task.wide_columns()
    assert wide.columns == ["item_id", *(column.name for column in columns)]
    schema = pa.schema([(column.name, column.type) for column in columns])
    assert wide.drop("item_id").schema == pl.from_arrow(schema.empty_table()).schema  # type: ignore[union-attr]
    assert wide["item_id"].to_list() == frame["item_id"].to_list()
    for made, (_, wanted) in zip(wide.drop("item_id").to_dicts(), case.rows, strict=True):
        assert made == wanted, made
    for column in columns:
        integers = pa.types.is_integer(getattr(column.type, "value_type", column.type))
        assert (column.classes is not None) == integers


@each
def test_an_empty_table_of_labels_has_the_same_columns(case: Case) -> None:
    frame = label_rows(case.task, *(row for row, _ in case.rows))
    assert case.task.widen(frame.clear()).schema == case.task.widen(frame).schema


# Label Studio


@each
def test_label_studio_takes_the_config_and_has_the_controls_that_are_read_back(case: Case) -> None:
    config = task_config(case.task, language="mr", **case.config)
    view = ElementTree.fromstring(config)
    objects = {element.get("name") for element in view if element.get("value", "").startswith("$")}
    controls = [element for element in view if element.get("toName")]
    assert {element.get("name"): element.tag for element in controls} == case.controls
    assert {element.get("toName") for element in controls} <= objects
    sdk = pytest.importorskip("label_studio_sdk.label_interface")
    sdk.LabelInterface(config).validate()


@each
def test_label_studio_stores_answers_as_the_config_says(case: Case) -> None:
    sdk = pytest.importorskip("label_studio_sdk.label_interface")
    interface = sdk.LabelInterface(task_config(case.task, **case.config))

    def wrong(stored: list[tuple[str, str, str, dict[str, Any]]]) -> list[str]:
        names = ("from_name", "to_name", "type", "value")
        result = [dict(zip(names, one, strict=True)) | {"id": str(place)} for place, one in enumerate(stored)]
        return list(interface.validate_prediction({"model_version": "x", "result": result}, return_errors=True))

    assert wrong(case.stored) == []
    assert wrong([("nobody", *case.stored[0][1:])]), "a control that is not on the page is refused"


def test_label_studio_s_validator_does_refuse() -> None:
    sdk = pytest.importorskip("label_studio_sdk.label_interface")
    with pytest.raises(Exception, match="nothing"):
        sdk.LabelInterface('<View><Choices name="a" toName="nothing"><Choice value="x"/></Choices></View>').validate()


# The card


@each
def test_the_card_says_what_an_answer_is(case: Case) -> None:
    section = case.task.card_section()
    assert section.startswith("### t\n\nPerspective: reader. Every annotation is ")
    for part in case.card:
        assert part.replace("_", "\\_") in section
