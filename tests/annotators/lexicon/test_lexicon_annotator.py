"""What the lexicon answers."""

from __future__ import annotations

import asyncio

import polars as pl
import pytest
from pydantic import ValidationError

from annotators.lexicon import LexiconAnnotator, LexiconConfig
from schemas.errors import DsbuildError
from schemas.protocols import Annotator, AnnotatorOutput
from schemas.tables import ANNOTATIONS, ITEMS, PROVENANCE, conform, polars_schema
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EMOTION = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="intended")


def items(*rows: tuple[str | None, str | None]) -> pl.DataFrame:
    frame = pl.DataFrame(
        [(f"i{n}", "c", "text", language, text) for n, (language, text) in enumerate(rows)],
        schema=["item_id", "corpus", "modality", "language", "text"],
        orient="row",
    )
    return conform(frame, ITEMS)


def annotate(task: Task, *rows: tuple[str | None, str | None], **options: str) -> AnnotatorOutput:
    annotator = LexiconAnnotator(LexiconConfig.model_validate({"name": "words", **options}))
    assert isinstance(annotator, Annotator)
    return asyncio.run(annotator.annotate(items(*rows), [task]))


def test_each_label_whose_words_stand_there_is_given_and_none_is_a_soft_label() -> None:
    out = annotate(EMOTION, ("en", "so happy, so grateful, and a bit scared"))
    row = out.annotations.row(0, named=True)
    given = [(one["label"], one["score"], one["original"]) for one in row["labels"]]
    assert given == [("joy", None, "joy"), ("fear", None, "fear")]
    assert row["confidence"] == pytest.approx(2 / 3)
    assert out.annotations.schema == polars_schema(ANNOTATIONS)
    assert EMOTION.validate_annotations(out.annotations)[1].is_empty()


def test_a_choice_gets_the_label_with_most_words_and_the_taxonomys_first_when_equal() -> None:
    task = Task(name="emotion", kind="choice", taxonomy=load_taxonomy("ekman-neutral"), perspective="intended")
    out = annotate(task, ("en", "happy but scared, worried"), ("en", "scared and happy"))
    assert [[one["label"] for one in row] for row in out.annotations["labels"]] == [["fear"], ["joy"]]


def test_a_text_without_emotion_words_is_passed_over_unless_the_recipe_says_otherwise() -> None:
    plain = ("en", "The train leaves at nine")
    passed = annotate(EMOTION, plain)
    assert passed.annotations["labels"].to_list() == [None]
    assert passed.annotations["skipped"].to_list() == [True]
    assert passed.figures == {"asked": 1, "answered": 0, "passed": 1}
    neutral = annotate(EMOTION, plain, without_words="exclusive").annotations
    assert [one["label"] for one in neutral["labels"][0]] == ["neutral"]
    assert annotate(EMOTION, plain, without_words="none").annotations["labels"].to_list() == [[]]


def test_an_item_it_cannot_read_is_a_dead_letter_with_its_reason() -> None:
    out = annotate(EMOTION, ("fi", "olen iloinen"), (None, "happy"), ("en", None), ("en", "happy"))
    assert out.annotations["item_id"].to_list() == ["i3"]
    assert out.dead_letters["item_id"].to_list() == ["i0", "i1", "i2"]
    assert out.dead_letters["reason"].to_list() == ["language", "language", "no_text"]


def test_its_labels_reach_another_taxonomy_through_aliases_and_keep_their_own_name() -> None:
    task = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("mahaemotions"), perspective="reader")
    out = annotate(task, ("mr", "किती घाण वास, राग आला"), ("mr", "आनंद झाला"))
    given = [[(one["label"], one["original"]) for one in row] for row in out.annotations["labels"]]
    assert given == [[("Anger/Disgust", "anger")], [("Happiness", "joy")]]


def test_a_task_it_has_no_words_for_is_refused() -> None:
    task = Task(name="translation", kind="text", perspective="reader")
    with pytest.raises(DsbuildError, match="has no words for the labels"):
        annotate(task, ("en", "happy"))


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError):
        LexiconConfig.model_validate({"name": "words", "negation": True})


def test_answers_do_not_depend_on_neighbours_or_order() -> None:
    rows = [("en", "happy"), ("mr", "राग आला"), ("de", "Der Zug fährt um neun"), ("es", "qué miedo")]
    together = annotate(EMOTION, *rows).annotations
    reversed_rows = annotate(EMOTION, *rows[::-1]).annotations
    assert together["labels"].to_list() == reversed_rows["labels"].to_list()[::-1]
    assert together["provenance"].unique().to_list() == annotate(EMOTION, rows[0]).annotations["provenance"].to_list()


def test_provenance_names_the_words_by_their_hash() -> None:
    out = annotate(EMOTION, ("en", "happy"))
    assert out.provenance.schema == polars_schema(PROVENANCE)
    assert out.provenance["identity"][0].startswith("words sha256:")
    assert out.provenance["provenance"][0] == out.annotations["provenance"][0]


def test_no_items_give_no_rows() -> None:
    out = annotate(EMOTION)
    assert out.annotations.is_empty()
    assert out.dead_letters.is_empty()
