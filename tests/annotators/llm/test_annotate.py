"""What an LLM annotator makes of a server's answers."""

from __future__ import annotations

import json

import polars as pl
import pytest

from annotators.llm import Budget, BudgetSpent
from schemas.errors import DsbuildError
from schemas.tables import ANNOTATIONS, PROVENANCE, polars_schema
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

TEXTS = [f"text number {n} about a day" for n in range(40)]


def test_every_item_gets_one_annotation_with_its_provenance(stub, run, task):
    server = stub()
    output = run(TEXTS, base_url=server.url)
    assert output.annotations.schema == polars_schema(ANNOTATIONS)
    assert output.annotations.height == 40
    assert output.annotations["item_id"].n_unique() == 40
    row = output.annotations.row(0, named=True)
    assert (row["task"], row["annotator"], row["annotator_kind"], row["sample"]) == ("emotion", "stub", "llm", 0)
    assert row["labels"][0]["label"] in task.label_ids
    assert row["labels"][0]["original"] == row["labels"][0]["label"]
    assert output.provenance.schema == polars_schema(PROVENANCE)
    assert output.annotations["provenance"].unique().to_list() == output.provenance["provenance"].to_list()
    identity = json.loads(output.provenance["identity"][0])
    assert identity == {"base_url": server.url, "model": "stub"}
    ok, rejects = task.validate_annotations(output.annotations)
    assert (ok.height, rejects.height) == (40, 0)


def test_a_second_run_asks_nothing_and_gives_the_same(stub, run):
    server = stub()
    first = run(TEXTS, base_url=server.url)
    again = run(TEXTS, base_url=server.url)
    assert len(server.asked()) == 40
    assert first.annotations.equals(again.annotations)
    assert first.figures == again.figures


def test_the_output_does_not_depend_on_the_order_of_items_or_answers(stub, run, items):
    server = stub(latency=0.01)
    frame = items(TEXTS)
    first = run(frame, base_url=server.url, concurrency=7)
    other = run(frame.reverse(), base_url=server.url, store="other.sqlite", concurrency=40)
    assert first.annotations.equals(other.annotations)
    assert first.provenance.equals(other.provenance)
    assert len(server.asked()) == 80


def test_items_are_asked_in_the_order_given(stub, run):
    server = stub()
    run(TEXTS, base_url=server.url, concurrency=1)
    assert server.asked() == [f'Text: "{text}"' for text in TEXTS]


def test_never_more_requests_in_flight_than_allowed(stub, run):
    import urllib.request

    server = stub(latency=0.02)
    run(TEXTS, base_url=server.url, concurrency=5)
    seen = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{server.port}/stats").read())
    assert seen["most_in_flight"] == 5


def test_equal_texts_are_asked_once_and_answered_each(stub, run):
    server = stub(latency=0.05)
    output = run(["the same"] * 5, base_url=server.url)
    assert len(server.asked()) == 1
    assert output.annotations.height == 5


def test_cotr_keeps_the_translation_as_an_annotation_beside_the_labels(stub, run):
    server = stub()
    output = run(["एक वाक्य", "दुसरे वाक्य"], base_url=server.url, strategy="cotr")
    assert len(server.asked()) == 2
    translations = output.annotations.filter(pl.col("task") == "translation")
    assert translations.height == 2
    assert translations["text"][0].startswith("in English:")
    assert translations["labels"].null_count() == 2
    assert output.annotations.filter(pl.col("task") == "emotion")["labels"].null_count() == 0
    assert output.annotations["annotation_id"].n_unique() == 4


def test_one_call_answers_several_tasks(stub, run, task):
    tone = Task(
        name="main", kind="choice", taxonomy=load_taxonomy("ekman-neutral"), perspective="reader",
        instructions={"en": "Which one prevails?"},
    )  # fmt: skip
    server = stub()
    output = run(TEXTS[:3], base_url=server.url, put=[task, tone])
    assert len(server.asked()) == 3
    assert output.annotations["task"].value_counts(sort=True)["count"].to_list() == [3, 3]
    assert set(output.annotations["perspective"]) == {"intended", "reader"}


def test_an_annotator_answers_its_own_tasks_only(stub, run, task):
    other = task.model_copy(update={"name": "other"})
    output = run(TEXTS[:2], base_url=stub().url, put=[task, other], tasks=["other"])
    assert output.annotations["task"].to_list() == ["other", "other"]


def test_samples_are_annotations_of_their_own(stub, run):
    server = stub()
    output = run(TEXTS[:3], base_url=server.url, samples=3, params={"seed": 5, "temperature": 0.7})
    assert len(server.asked()) == 9
    assert sorted(output.annotations["sample"].to_list()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert output.annotations["annotation_id"].n_unique() == 9


@pytest.mark.parametrize(("fault", "reason"), [("garble", "invalid"), ("truncate", "truncated"), ("refuse", "refused")])
def test_an_unusable_answer_is_a_dead_letter_with_its_reason_and_never_a_label(stub, run, fault, reason):
    server = stub(**{fault: ["number 7 "]})
    output = run(TEXTS, base_url=server.url)
    assert output.annotations.height == 39
    assert output.dead_letters["reason"].to_list() == [reason]
    assert output.dead_letters["raw"][0]
    assert output.figures["reasons"] == {reason: 1}
    # first ask, repair turn (not after a refusal), fresh ask
    assert len(server.asked()) == 40 + (1 if fault == "refuse" else 2)


def test_the_repair_turn_shows_what_was_wrong(stub, run):
    server = stub(garble=["number 7 "])
    run(TEXTS, base_url=server.url)
    (repair,) = [text for text in server.asked() if "cannot be used" in text]
    assert "JSON is broken" in repair or "no JSON object" in repair


def test_dead_letters_are_not_asked_again_unless_wanted(stub, run):
    server = stub(garble=["number 7 "])
    first = run(TEXTS, base_url=server.url)
    before = len(server.asked())
    again = run(TEXTS, base_url=server.url)
    assert len(server.asked()) == before
    assert first.dead_letters.equals(again.dead_letters)
    run(TEXTS, base_url=server.url, retry_failed=True)
    assert len(server.asked()) == before + 3


def test_a_dead_letter_that_is_answered_on_request_stays_answered(stub, run):
    bad = stub(garble=["number 7 "])
    run(TEXTS, base_url=bad.url)
    bad.stop()
    mended = stub(port=bad.port)
    assert run(TEXTS, base_url=mended.url, retry_failed=True).annotations.height == 40
    assert run(TEXTS, base_url=mended.url).annotations.height == 40
    assert len(mended.asked()) == 1


def test_more_dead_letters_than_max_failed_fail_the_run_with_an_example(stub, run):
    server = stub(garble=["text"])
    with pytest.raises(DsbuildError, match="40 of 40 rows") as failure:
        run(TEXTS, base_url=server.url, max_failed=0.5)
    assert "no json" in str(failure.value)


def test_an_item_without_text_is_a_dead_letter_and_costs_no_request(stub, run):
    server = stub()
    output = run(["", "  ", "text"], base_url=server.url)
    assert len(server.asked()) == 1
    assert output.dead_letters["detail"].to_list() == ["the item has no text"] * 2


def test_a_server_without_json_schema_is_asked_for_an_object_and_then_for_text(stub, run):
    for formats in (["json_object", "text"], ["text"]):
        server = stub(formats=formats)
        output = run(TEXTS[:10], base_url=server.url, store=f"{formats[0]}.sqlite", concurrency=2)
        assert output.annotations.height == 10
        assert server.lines()[-1]["format"] == formats[0]


def test_the_budget_holds_and_a_higher_one_goes_on_where_it_stopped(stub, run):
    server = stub(latency=0.01, tokens=[100, 10])
    price = {"input": 1000.0, "output": 1000.0}  # an answer costs 0.11 USD
    config = {"base_url": server.url, "price": price, "params": {"max_tokens": 10}, "concurrency": 8}
    purse = Budget(4.0)
    with pytest.raises(BudgetSpent, match="budget"):
        run(TEXTS, budget=purse, **config)
    asked = len(server.asked())
    assert 0 < asked < 40
    assert purse.spent == pytest.approx(asked * 0.11)
    assert purse.spent <= 4.0
    with pytest.raises(BudgetSpent):
        run(TEXTS, budget=Budget(4.0), **config)
    assert len(server.asked()) == asked, "a resumed run has the same budget, not a new one"
    output = run(TEXTS, budget=Budget(100.0), **config)
    assert output.annotations.height == 40
    assert len(server.asked()) == 40
    assert output.figures["usd"] == pytest.approx(4.4)


def test_progress_ends_with_everything_done(stub, run):
    calls = []
    run(TEXTS, base_url=stub().url, progress=lambda done, total, **more: calls.append((done, total, more)))
    assert calls[-1][:2] == (40, 40)
    assert calls[-1][2]["sent"] == 40
