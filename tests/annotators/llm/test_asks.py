"""Votes, packs, near examples and probabilities through the whole annotator, with its store, against the stub."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotators.llm import Budget
from schemas.errors import BudgetSpent
from schemas.protocols import AnnotatorOutput
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

TEXTS = [f"text number {n} about a day" for n in range(40)]
EKMAN = load_taxonomy("ekman-neutral")
MAIN = Task(name="main", kind="choice", taxonomy=EKMAN, perspective="reader")
VOTE = {"samples": 3, "vote": True, "params": {"temperature": 0.7, "seed": 1}}

Run = Callable[..., AnnotatorOutput]
Stub = Callable[..., Any]


def test_a_vote_stands_beside_its_samples_and_is_the_one_that_audits_read(stub: Stub, run: Run, task: Task) -> None:
    server = stub()
    out = run(TEXTS, base_url=server.url, **VOTE)
    assert len(server.asked()) == 120
    votes = out.annotations.filter(pl.col("sample") == 0)
    assert votes.height == 40
    assert votes["confidence"].to_list() == [1.0] * 40, "the stub says the same to every sample"
    assert votes["labels"].list.eval(pl.element().struct.field("score")).to_list() == [[1.0]] * 40
    assert votes["votes"].null_count() == 40
    samples = out.annotations.filter(pl.col("sample") > 0)
    assert samples.group_by("sample").len().sort("sample").rows() == [(1, 40), (2, 40), (3, 40)]
    assert out.annotations["annotation_id"].n_unique() == 160
    assert out.figures["asked"] == out.figures["answered"] == 40
    assert out.figures["vote"] == {"dead_samples": 0, "votes": 40, "agreeing": 40.0}
    assert task.validate_annotations(out.annotations)[1].is_empty()


def test_an_item_whose_samples_are_dead_has_no_vote_and_one_dead_letter(stub: Stub, run: Run) -> None:
    server = stub(garble=["number 7 "])
    out = run(TEXTS, base_url=server.url, **VOTE)
    assert out.dead_letters.height == 1
    assert out.dead_letters["detail"][0].startswith("0 of 3 samples are usable")
    assert out.dead_letters["raw"][0].startswith("}{")
    assert (out.figures["dead_letters"], out.figures["vote"]["dead_samples"]) == (1, 3)
    assert out.annotations.filter(pl.col("sample") == 0).height == 39


def test_a_vote_that_is_run_again_asks_nothing_and_says_the_same(stub: Stub, run: Run) -> None:
    server = stub()
    first = run(TEXTS, base_url=server.url, **VOTE)
    again = run(TEXTS, base_url=server.url, **VOTE)
    assert len(server.asked()) == 120
    assert first.annotations.equals(again.annotations)


def test_packs_answer_all_items_in_few_calls_and_a_second_run_asks_nothing(stub: Stub, run: Run, task: Task) -> None:
    server = stub()
    packed = {"base_url": server.url, "items_per_prompt": 8, "checked_singly": 0}
    first = run(TEXTS, **packed)
    assert len(server.asked()) == 5
    assert first.annotations.height == 40
    assert task.validate_annotations(first.annotations)[1].is_empty()
    assert first.figures["packed"] == {"packs": 5, "fallbacks": 0, "tasks": {}}
    again = run(TEXTS, **packed)
    assert len(server.asked()) == 5
    assert first.annotations.equals(again.annotations)
    assert first.figures == again.figures
    run([*TEXTS[:20], "another text", *TEXTS[21:]], **packed)
    assert len(server.asked()) == 6, "only the pack of the changed item is asked again"


def test_a_pack_that_cannot_be_read_is_asked_item_by_item(stub: Stub, run: Run) -> None:
    server = stub(garble=["number 7 "])
    out = run(TEXTS, base_url=server.url, items_per_prompt=8, checked_singly=0)
    # its pack, the 8 of it alone, and for the one that is garbled for ever a repair turn and a fresh ask
    assert len(server.asked()) == 5 + 8 + 2
    assert out.annotations.height == 39
    assert out.dead_letters["raw"].str.starts_with("}{").all()
    assert out.figures["packed"]["fallbacks"] == 8


def test_the_stub_answers_packs_otherwise_and_that_is_warned_of(stub: Stub, run: Run) -> None:
    server = stub()
    out = run(TEXTS, base_url=server.url, put=[MAIN], items_per_prompt=8, checked_singly=20)
    about = out.figures["packed"]["tasks"]["main"]
    assert about["items"] == 20
    assert about["repeat"]["mean"] == 1.0
    assert about["agreement"]["mean"] < 0.6
    assert "change the answers" in out.figures["warnings"][0]
    assert len(server.asked()) == 5 + 40


def test_a_budget_holds_for_packs(stub: Stub, run: Run) -> None:
    server = stub(tokens=[100, 10])
    config = {"base_url": server.url, "items_per_prompt": 8, "checked_singly": 0, "concurrency": 1}
    config |= {"price": {"input": 10.0, "output": 1000.0}, "params": {"max_tokens": 10}}
    with pytest.raises(BudgetSpent):
        run(TEXTS, budget=Budget(0.2), **config)
    asked = len(server.asked())
    assert 0 < asked < 5
    with pytest.raises(BudgetSpent):
        run(TEXTS, budget=Budget(0.2), **config)
    assert len(server.asked()) == asked
    assert run(TEXTS, budget=Budget(9.0), **config).annotations.height == 40
    assert len(server.asked()) == 5


def test_near_examples_are_other_ones_for_other_items_and_the_same_again(stub: Stub, run: Run) -> None:
    server = stub()
    shots = {"from": "quickstart", "pick": "nearest", "k": 2}
    texts = ["They billed me twice and nobody answers!", "The dog next door was run over.", "The office opens at nine."]
    first = run(texts, base_url=server.url, shots=shots)
    again = run(texts, base_url=server.url, shots=shots)
    assert len(server.asked()) == 3
    assert first.annotations.equals(again.annotations)
    assert json.loads(first.provenance["params"][0])["shots"]["pick"] == "nearest"


def test_a_task_that_fails_alone_is_a_dead_letter_of_its_own(stub: Stub, run: Run, task: Task) -> None:
    server = stub()
    elsewhere = Task(name="cause", kind="span", where=("other",), perspective="reader", instructions={"en": "Why?"})
    out = run(TEXTS[:3], base_url=server.url, put=[task, elsewhere])
    # The stub quotes the text itself, which this task does not allow.
    assert out.annotations["task"].to_list() == ["emotion"] * 3
    assert out.dead_letters["task"].to_list() == ["cause"] * 3
    assert out.dead_letters["reason"].unique().to_list() == ["invalid"]
    assert "cause" in out.dead_letters["raw"][0]
    assert len(server.asked()) == 9, "each was repaired and asked afresh"
    assert run(TEXTS[:3], base_url=server.url, put=[task, elsewhere]).dead_letters.equals(out.dead_letters)
    assert len(server.asked()) == 9


def test_every_paid_answer_is_stored_and_no_failure_is(stub: Stub, run: Run, tmp_path: Path) -> None:
    server = stub(garble=["number 7 "], refuse=["number 8 "], truncate=["number 9 "], p500=0.1)
    out = run(TEXTS[:20], base_url=server.url)
    assert out.figures["reasons"] == {"invalid": 1, "refused": 1, "truncated": 1}
    outcomes = [line["outcome"] for line in server.lines("answered")]
    with closing(sqlite3.connect(tmp_path / "responses.sqlite")) as db:
        (stored,) = db.execute("SELECT count(*) FROM answers").fetchone()
    assert stored == outcomes.count("200") == 17 + 3 + 2 + 3
    assert outcomes.count("500") > 0


def test_the_probabilities_of_tokens_are_asked_for_and_part_of_the_key(stub: Stub, run: Run, tmp_path: Path) -> None:
    server = stub()
    out = run(TEXTS[:3], base_url=server.url, logprobs=True)
    assert out.annotations["confidence"].null_count() == 3, "the stub gives none"
    run(TEXTS[:3], base_url=server.url)
    assert len(server.asked()) == 6
    assert json.loads(out.provenance["params"][0])["fields"]["logprobs"] is True
