"""Functions of one's own, good and bad."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dsbuild
from annotators.callable import CallableAnnotator, CallableConfig
from schemas.errors import DsbuildError, RecipeError
from schemas.protocols import Annotator, AnnotatorOutput
from schemas.tables import ANNOTATIONS, ITEMS, conform, polars_schema
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

EMOTION = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="reader")
ONE = Task(name="one", kind="choice", taxonomy=load_taxonomy("ekman-neutral"), perspective="reader")
VALENCE = Task(name="valence", kind="scale", range=(1, 9), perspective="reader")
CAUSE = Task(name="cause", kind="span", where=("own",), perspective="reader")


def items(texts: list[str]) -> pl.DataFrame:
    frame = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(texts))], "text": texts})
    return conform(frame.with_columns(corpus=pl.lit("c"), modality=pl.lit("text")), ITEMS)


def annotate(function: Any, tasks: list[Task], texts: list[str], **options: Any) -> AnnotatorOutput:
    config = CallableConfig.model_validate({"name": "mine", "function": "tests:f", **options})
    annotator = CallableAnnotator(config, function)
    assert isinstance(annotator, Annotator)
    out = asyncio.run(annotator.annotate(items(texts), tasks))
    assert out.annotations.schema == polars_schema(ANNOTATIONS)
    for task in tasks:
        assert task.validate_annotations(out.annotations.filter(pl.col("task") == task.name))[1].is_empty()
    return out


def labels(out: AnnotatorOutput) -> list[Any]:
    return [row and [one["label"] for one in row] for row in out.annotations["labels"].to_list()]


def test_a_list_of_bare_values_is_read_as_the_task_reads_its_answers() -> None:
    out = annotate(lambda items, tasks: [["Joy"], [], None], [EMOTION], ["a", "b", "c"])
    assert labels(out) == [["joy"], [], None]
    assert out.annotations["skipped"].to_list() == [False, False, True]
    assert out.figures == {"asked": 3, "answered": 2, "calls": 1, "failed_calls": 0}


def test_answers_may_have_confidence_and_scores_and_places_of_quotes() -> None:
    def function(items: pl.DataFrame, tasks: list[Task]) -> list[dict[str, Any]]:
        return [
            {"one": {"label": "joy", "confidence": 0.8}, "valence": 7, "cause": [{"quote": "won", "turn": "text"}]},
            {"one": {"scores": {"joy": 0.7, "fear": 0.3}}, "valence": {"value": 2.5}, "cause": None},
        ]

    out = annotate(function, [ONE, VALENCE, CAUSE], ["we won", "x"])
    by = {task: part for (task,), part in out.annotations.group_by("task", maintain_order=True)}
    assert by["one"]["confidence"].to_list() == [0.8, None]
    assert [(one["label"], one["score"]) for one in by["one"]["labels"][1]] == [("joy", 0.7), ("fear", 0.3)]
    assert by["valence"]["value"].to_list() == [7, 2.5]
    assert by["cause"]["spans"].to_list()[0][0]["start"] == 3, out.dead_letters


def test_a_frame_may_come_in_any_order_and_leave_items_out() -> None:
    def function(items: pl.DataFrame, tasks: list[Task]) -> pl.DataFrame:
        frame = items.select("item_id", one=pl.col("text"), one_confidence=pl.lit(0.5))
        return frame.reverse().head(2)

    out = annotate(function, [ONE], ["joy", "fear", "anger"])
    assert labels(out) == [None, ["fear"], ["anger"]]
    assert out.annotations["confidence"].to_list() == [None, 0.5, 0.5]


def test_an_async_function_is_awaited_and_options_are_handed_on() -> None:
    async def function(items: pl.DataFrame, tasks: list[Task], label: str) -> list[str]:
        await asyncio.sleep(0)
        return [label] * items.height

    assert labels(annotate(function, [ONE], ["x"], options={"label": "fear"})) == [["fear"]]


def test_an_answer_that_breaks_the_rules_costs_its_own_item_only() -> None:
    out = annotate(lambda items, tasks: ["joy", "bliss", {"scores": {"joy": 2}}, 3], [ONE], list("abcd"))
    assert labels(out) == [["joy"]]
    assert out.dead_letters["item_id"].to_list() == ["i1", "i2", "i3"]
    assert set(out.dead_letters["reason"]) == {"invalid"}
    assert "'bliss', which is none of: joy" in out.dead_letters["detail"][0]
    assert "no share: 2" in out.dead_letters["detail"][1]


def test_an_exception_costs_its_own_batch_and_is_told_in_one_line() -> None:
    def function(items: pl.DataFrame, tasks: list[Task]) -> list[str]:
        if "bad" in items["text"].to_list():
            raise LookupError("no such thing")
        return ["joy"] * items.height

    out = annotate(function, [ONE], ["a", "b", "bad", "c", "d"], batch_size=2)
    assert out.annotations["item_id"].to_list() == ["i0", "i1", "i4"]
    assert out.dead_letters["item_id"].to_list() == ["i2", "i3"]
    assert out.dead_letters["reason"].to_list() == ["failed", "failed"]
    assert out.dead_letters["detail"][0].startswith("LookupError: no such thing (function, line ")
    assert out.figures["failed_calls"] == 1


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (["joy"], "1 answers for 2 items"),
        ("joy", "returned str"),
        (pl.DataFrame({"two": [1, 2]}), "no column one"),
        (pl.DataFrame({"one": ["joy"]}), "1 rows for 2 items"),
        (pl.DataFrame({"item_id": ["i0", "i0"], "one": ["joy", "fear"]}), "an item twice"),
        (pl.DataFrame({"item_id": ["x"], "one": ["joy"]}), "the item x, which it was not given"),
    ],
)
def test_what_is_no_answer_to_a_batch_fails_the_run_only_if_every_call_does(returned: Any, message: str) -> None:
    with pytest.raises(DsbuildError, match=rf"failed in every one of 1 calls.*{message}"):
        annotate(lambda items, tasks: returned, [ONE], ["a", "b"])


def test_a_file_of_ones_own_is_loaded_and_any_change_in_it_is_another_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("LABEL = 'joy'\ndef f(items, tasks):\n    return [LABEL] * items.height\n")
    config = CallableConfig(name="mine", function="f", file=path)
    before = config.fingerprint([ONE])
    assert labels(annotate(config.load(), [ONE], ["x"])) == [["joy"]]
    path.write_text(path.read_text().replace("joy", "fear"))
    assert config.fingerprint([ONE]) != before


def test_functions_that_are_not_there_say_so(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    for options, message in (
        ({"function": "no_such_module:f"}, 'no module "no_such_module"'),
        ({"function": "json:nothing"}, "does not exist"),
        ({"function": "json:__doc__"}, "cannot be called"),
        ({"function": "unregistered"}, "group dsbuild.functions"),
        ({"function": "f", "file": tmp_path / "none.py"}, "no file none.py"),
        ({"function": "f", "file": tmp_path / "broken.py"}, "ZeroDivisionError"),
    ):
        with pytest.raises(RecipeError, match=message):
            CallableConfig.model_validate({"name": "mine", **options}).load()


def test_a_function_without_source_is_refused() -> None:
    with pytest.raises(DsbuildError, match="no source in Python"):
        CallableConfig(name="mine", function="builtins:len").fingerprint([ONE])


def test_no_items_are_no_calls() -> None:
    assert annotate(lambda items, tasks: 1 / 0, [ONE], []).annotations.is_empty()


def test_a_frame_is_annotated_without_a_recipe_and_whatever_breaks_a_rule_is_told() -> None:
    def judge(items: pl.DataFrame, tasks: list[Task]) -> list[Any]:
        answers = {"won": "joy", "hm": None, "both": {"scores": {"joy": 0.9, "fear": 0.9}}, "odd": "bliss"}
        return [answers[text] for text in items["text"]]

    frame = pl.DataFrame({"text": ["won", "hm", "won", "both", "odd"], "mine": 1})
    out = dsbuild.annotate(frame, judge, ONE)
    assert labels(out) == [["joy"], None, ["joy"]]
    assert out.annotations["item_id"].n_unique() == 3
    assert out.dead_letters["reason"].to_list() == ["invalid", "scores above their total"]
    assert out.provenance["model"][0].endswith("judge")

    async def in_a_notebook() -> AnnotatorOutput:
        return dsbuild.annotate(frame.head(1), judge, [ONE])

    assert labels(asyncio.run(in_a_notebook())) == [["joy"]]
    with pytest.raises(DsbuildError, match="no column text"):
        dsbuild.annotate(frame.drop("text"), judge, ONE)
