"""Every strategy from items to annotations: what is sent, what comes back, and what stands beside the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotators.llm.strategies import Prompt, strategies
from schemas.given import SEEN as SEEN_TYPE
from schemas.protocols import AnnotatorOutput
from schemas.task import Task
from tests.annotators.llm.golden_texts import EMOTION, SADDER, SEEN, WORDS
from tests.annotators.llm.test_strategies import needed

TEXTS = ["I lost my job today.", "आज खूप छान वाटतंय", "Nothing \U0001f600 happened."]
BESIDE = {
    "cot": {"reasoning"},
    "cotr": {"translation"},
    "explain": {"rationale"},
    "explain_clues": {"clues", "rationale"},
    "explain_health": {"rationale"},
}
Run = Callable[..., AnnotatorOutput]


def asked(name: str) -> Task:
    return {"open": WORDS, "pairwise": SADDER}.get(name, EMOTION)


def frame(items: Callable[..., pl.DataFrame], name: str) -> pl.DataFrame:
    made = items(TEXTS).with_columns(pl.Series("seen", [SEEN] * len(TEXTS), dtype=pl.List(SEEN_TYPE)))
    if name == "pairwise":
        pair = [{"item_id": None, "speaker": who, "text": f"candidate {who}"} for who in "ab"]
        made = made.with_columns(context=pl.lit([pair], dtype=pl.List(made.schema["context"])).list.first())
    return made


@pytest.mark.parametrize("name", strategies())
def test_each_strategy_is_asked_and_its_answers_become_annotations(
    stub: Callable[..., Any], run: Run, items: Callable[..., pl.DataFrame], name: str
) -> None:
    task, server = asked(name), stub()
    out = run(frame(items, name), put=[task], base_url=server.url, strategy=name, **needed(name))
    assert out.dead_letters.is_empty()
    mine = out.annotations.filter(pl.col("task") == task.name)
    assert mine["item_id"].n_unique() == len(TEXTS)
    assert task.validate_annotations(mine)[1].is_empty()
    beside = out.annotations.filter(pl.col("task") != task.name)
    if name != "self_consistency":  # a vote has no reasons of its own
        assert set(beside["task"]) == BESIDE.get(name, set())
    assert beside["text"].null_count() == 0
    (row,) = out.provenance.to_dicts()
    params = json.loads(row["params"])
    assert row["strategy"] == name
    assert params["templates"][f"{name}.j2"] >= 1
    assert "direct.j2" in params["templates"]
    assert f"{{# {name}.j2 #}}" in row["prompt"]


def test_an_item_that_nobody_said_anything_about_is_a_dead_letter_and_not_a_call(
    stub: Callable[..., Any], run: Run, items: Callable[..., pl.DataFrame]
) -> None:
    server = stub()
    some = frame(items, "hints").with_columns(
        seen=pl.when(pl.col("text") == TEXTS[0]).then(pl.lit([], dtype=pl.List(SEEN_TYPE))).otherwise(pl.col("seen"))
    )
    out = run(some, put=[EMOTION], base_url=server.url, strategy="hints", sees=["other"])
    assert out.dead_letters.select("reason", "detail").rows() == [
        ("nothing_seen", "none of the annotators it sees has said anything about the item")
    ]
    assert len(server.asked()) == 2


def test_a_preference_for_a_place_cancels_out_over_two_samples(
    stub: Callable[..., Any], run: Run, items: Callable[..., pl.DataFrame]
) -> None:
    server = stub(labels=["a"])  # it always prefers what stands first
    out = run(
        frame(items, "pairwise"), put=[SADDER], base_url=server.url, strategy="pairwise", samples=2,
        params={"temperature": 0.5, "seed": 1},
    )  # fmt: skip
    preferred = out.annotations.sort("item_id", "sample")["labels"].to_list()
    assert [one["label"] for (one,) in preferred] == ["a", "b"] * len(TEXTS)
    heads = {text.splitlines()[0] for text in server.asked()}
    assert heads == {'Candidate "a": "candidate a"', 'Candidate "a": "candidate b"'}


def test_each_item_is_sent_in_its_own_language_and_repaired_in_it(
    stub: Callable[..., Any], run: Run, items: Callable[..., pl.DataFrame]
) -> None:
    server = stub(garble=["छान"])
    made = items(TEXTS, language=["en", "mr", "de"])
    out = run(made, put=[EMOTION], base_url=server.url, language="item")
    said = server.asked()
    assert sum(text.startswith("मजकूर: ") for text in said) == 1
    assert sum(text.startswith("तुमचे उत्तर वापरता येत नाही: ") for text in said) == 1
    assert sum(text.startswith("Text: ") for text in said) == 2  # no task has instructions in German
    assert out.dead_letters.is_empty()


def test_what_the_recipe_sets_is_in_the_provenance(stub: Callable[..., Any], run: Run, tmp_path: Path) -> None:
    server = stub()
    out = run(["x"], put=[EMOTION], base_url=server.url, strategy="cotr", pivot="hi", persona="a nurse", language="mr")
    (row,) = out.provenance.to_dicts()
    assert json.loads(row["params"])["options"] == {"persona": "a nurse", "language": "mr", "pivot": "hi"}
    other = run(["x"], put=[EMOTION], base_url=server.url, strategy="cotr", pivot="hi", persona="a cook", language="mr")
    assert other.provenance["prompt_hash"].to_list() != [row["prompt_hash"]]
    assert len(server.asked()) == 2


def test_a_changed_template_version_is_another_prompt(tmp_path: Path) -> None:
    from annotators.llm.strategies import prompt_hash

    path = tmp_path / "own.j2"
    hashes = set()
    for version in (1, 2):
        path.write_text(f'{{% extends "direct.j2" %}}{{% set version = {version} %}}')
        hashes.add(prompt_hash(Prompt([EMOTION], own=path)))
    assert len(hashes) == 2
