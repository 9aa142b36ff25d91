"""Asking through a provider's batch API, with the real openai client against a stub of Files and Batches."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from annotators.llm import Budget, BudgetSpent, LLMConfig
from annotators.llm.batch import provider as provider_module
from annotators.llm.batch import transport as batch_module
from annotators.llm.batch.journal import Journal
from annotators.llm.batch.lines import line_of, read_line
from annotators.llm.questions import Questions, items_of
from annotators.llm.spending.cost import cost_of
from schemas.errors import DsbuildError

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("batch_stub", HERE / "batch_stub.py")
assert _spec is not None
assert _spec.loader is not None
batch_stub = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(batch_stub)

TEXTS = [f"text number {n} about a day" for n in range(30)]


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(
        "annotators.llm.batch.BatchTransport",
        partial(batch_module.BatchTransport, linger=0.1, poll=(0.02, 0.05)),
    )
    monkeypatch.setattr(provider_module, "BACK_OFF", (0.01, 0.05))
    monkeypatch.setattr(batch_module, "WAITING", 500)


@pytest.fixture
def provider():
    running = []

    def start(**options):
        running.append(batch_stub.BatchStub(**options).__enter__())
        return running[-1]

    yield start
    for stub in running:
        stub.__exit__()


def labels(output):
    return dict(output.annotations.select("item_id", "labels").iter_rows())


def test_a_batch_gives_what_single_requests_give(provider, stub, run):
    singly = run(TEXTS, base_url=stub().url, store="singly.sqlite")
    together = provider()
    output = run(TEXTS, base_url=together.url, batch=True)
    assert [len(together.lines(batch["input_file_id"])) for batch in together.batches.values()] == [30]
    assert output.annotations.height == singly.annotations.height == 30
    assert output.annotations.columns == singly.annotations.columns


def test_each_row_has_the_answer_to_its_own_text(provider, run, items):
    server = provider(shuffle=True)
    frame = items(TEXTS)
    output = run(frame, base_url=server.url, batch=True)
    shown = {text: next(asked for asked in server.texts if text in asked) for text in TEXTS}
    for item, text in frame.select("item_id", "text").iter_rows():
        given = [label["label"] if isinstance(label, dict) else label for label in labels(output)[item]]
        assert given == json.loads(batch_stub.answer_to(shown[text]))["labels"]


def test_rows_that_fail_are_dead_letters_and_asked_again_only_when_that_can_help(provider, run):
    server = provider(status={"number 3 ": 400, "number 4 ": 500})
    output = run(TEXTS, base_url=server.url, batch=True, max_attempts=3)
    assert output.annotations.height == 28
    assert sorted(output.dead_letters["detail"]) == ["HTTP 400: no", "HTTP 500: no"]
    counts = [len(server.lines(batch["input_file_id"])) for batch in server.batches.values()]
    assert counts == [30, 1, 1]


def test_of_an_expired_batch_the_answers_are_kept_and_only_the_rest_is_submitted_again(provider, run):
    server = provider(expire=20)
    output = run(TEXTS, base_url=server.url, batch=True)
    assert output.annotations.height == 30
    counts = [len(server.lines(batch["input_file_id"])) for batch in server.batches.values()]
    assert counts == [30, 10]


def test_an_unusable_answer_is_repaired_in_a_second_batch(provider, run):
    server = provider(garble=["number 7 about"])
    output = run(TEXTS, base_url=server.url, batch=True)
    assert output.annotations.height == 30 - output.dead_letters.height
    assert [len(server.lines(b["input_file_id"])) for b in server.batches.values()][:2] == [30, 1]
    if output.dead_letters.height:
        assert "\u2028" in output.dead_letters["raw"][0]


def test_batches_are_cut_at_their_most_requests(provider, run, monkeypatch):
    monkeypatch.setattr(
        "annotators.llm.batch.BatchTransport",
        partial(batch_module.BatchTransport, linger=0.1, poll=(0.02, 0.05), most_requests=12),
    )
    server = provider()
    assert run(TEXTS, base_url=server.url, batch=True).annotations.height == 30
    assert [len(server.lines(b["input_file_id"])) for b in server.batches.values()] == [12, 12, 6]


def test_batches_are_cut_at_their_most_bytes(provider, run, monkeypatch):
    monkeypatch.setattr(
        "annotators.llm.batch.BatchTransport",
        partial(batch_module.BatchTransport, linger=0.1, poll=(0.02, 0.05), most_bytes=20_000),
    )
    server = provider()
    assert run(TEXTS, base_url=server.url, batch=True).annotations.height == 30
    sizes = [len(server.files[b["input_file_id"]]) for b in server.batches.values()]
    assert len(sizes) > 1
    assert max(sizes) <= 20_000


def test_a_full_queue_at_the_provider_makes_smaller_batches(provider, run):
    server = provider(queue=10)
    assert run(TEXTS, base_url=server.url, batch=True).annotations.height == 30
    done = [b for b in server.batches.values() if b["status"] == "completed"]
    assert max(len(server.lines(b["input_file_id"])) for b in done) <= 10


def test_a_creation_that_was_not_answered_is_found_and_not_repeated(provider, run):
    server = provider(silent=1)
    assert run(TEXTS, base_url=server.url, batch=True).annotations.height == 30
    assert len(server.batches) == 1


def test_the_next_format_is_tried_where_the_first_is_not_known(provider, run):
    server = provider(formats=["json_object"])
    assert run(TEXTS[:5], base_url=server.url, batch=True).annotations.height == 5
    bodies = [server.lines(b["input_file_id"])[0]["body"] for b in server.batches.values()]
    assert ["tools" in body for body in bodies] == [False, True, False]
    assert bodies[-1]["response_format"] == {"type": "json_object"}


def test_the_second_run_asks_nothing(provider, run):
    server = provider()
    first = run(TEXTS, base_url=server.url, batch=True)
    second = run(TEXTS, base_url=server.url, batch=True)
    assert first.annotations.equals(second.annotations)
    assert len(server.batches) == 1


def test_a_wrong_key_stops_the_run_and_is_never_shown(provider, run, monkeypatch):
    monkeypatch.setenv("STUB_KEY", "sk-secret-1")
    server = provider(key="another")
    with pytest.raises(DsbuildError, match="HTTP 401") as failure:
        run(TEXTS, base_url=server.url, batch=True, api_key_env="STUB_KEY")
    assert "sk-secret" not in str(failure.value)
    assert "STUB_KEY" in str(failure.value)


def test_an_endpoint_without_a_batch_api_is_told(provider, run):
    with pytest.raises(DsbuildError, match="no batch API"):
        run(TEXTS, base_url=provider(no_api=True).url, batch=True)


def test_a_cancelled_batch_is_not_submitted_again_behind_its_owners_back(provider, run):
    server = provider(cancel=True)
    with pytest.raises(DsbuildError, match="was cancelled"):
        run(TEXTS, base_url=server.url, batch=True)
    assert len(server.batches) == 1
    server.options["cancel"] = False
    assert run(TEXTS, base_url=server.url, batch=True).annotations.height == 30
    assert len(server.batches) == 1  # what it had answered was paid, so it was kept


def test_the_organisation_of_the_openai_account_goes_to_no_other_endpoint(provider, run, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-private")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-private")
    server = provider()
    run(TEXTS[:2], base_url=server.url, batch=True)
    assert server.headers
    assert not any("private" in value for headers in server.headers for value in headers.values())


def test_a_rows_deadline_does_not_run_while_a_batch_does(provider, run):
    server = provider(polls=15)
    output = run(TEXTS[:5], base_url=server.url, batch=True, deadline_s=0.2)
    assert output.annotations.height == 5


def test_the_pauses_between_looks_grow(provider, run, monkeypatch):
    monkeypatch.setattr(
        "annotators.llm.batch.BatchTransport", partial(batch_module.BatchTransport, linger=0.05, poll=(0.02, 0.2))
    )
    server = provider(polls=8)
    run(TEXTS[:2], base_url=server.url, batch=True)
    pauses = [after - before for before, after in zip(server.looks, server.looks[1:], strict=False)]
    assert pauses[-1] > 3 * pauses[0]


def test_a_budget_holds_and_what_it_allows_is_asked_first(provider, run):
    server = provider()
    budget = Budget(0.05)
    # The most that all rows may cost is more than the budget has; what they do cost is less.
    price = {"input": 1.0, "output": 1.0}
    output = run(TEXTS, base_url=server.url, batch=True, budget=budget, price=price, params={"max_tokens": 5})
    assert output.annotations.height == 30
    assert budget.spent == pytest.approx(30 * 110 / 1e6)
    assert budget.reserved == pytest.approx(0)
    dear = Budget(0.05)
    with pytest.raises(BudgetSpent):
        run([f"other {n}" for n in range(40)], base_url=server.url, batch=True, budget=dear,
            price={"input": 10.0, "output": 10.0}, params={"max_tokens": 5})  # fmt: skip
    assert dear.spent <= 0.05 + 1e-9


CHILD = """
import asyncio, json, sys
from functools import partial
sys.path.insert(0, {tests!r})
import polars as pl
from pathlib import Path
import annotators.llm.batch as batch
from annotators.llm.batch import transport
transport.WAITING = 200
batch.BatchTransport = partial(transport.BatchTransport, linger=0.1, poll=(0.05, 0.1))
from annotators.llm import LLMConfig, build
from schemas.ids import item_id
from schemas.tables import ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

folder, url, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
texts = [f"text number {{n}} about a day" for n in range(count)]
items = conform(pl.DataFrame({{"item_id": [item_id("made", str(n)) for n in range(count)], "corpus": "made",
                              "modality": "text", "text": texts}}), ITEMS)
task = Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="intended")
config = LLMConfig(name="stub", model="stub", base_url=url, batch=True, max_failed=1)

async def main():
    async with build(config, tasks=[task], store_path=folder / "responses.sqlite", workspace=folder) as annotator:
        output = await annotator.annotate(items, [task])
    print(output.annotations.height, output.dead_letters.height)

asyncio.run(main())
"""


def start(folder, url, count=30):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD.format(tests=str(HERE)), str(folder), url, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE.parents[2],
        env=os.environ | {"PYTHONPATH": str(HERE.parents[2])},
    )


def wait_for(what, process):
    until = time.monotonic() + 30
    while not what():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize("moment", ["during the creation", "while it runs", "when it is collected"])
def test_after_a_kill_the_batch_is_attached_to_and_nothing_is_submitted_twice(provider, tmp_path, moment):
    server = provider(slow=1.0 if moment == "during the creation" else 0.0, polls=10**9)
    child = start(tmp_path, server.url)
    if moment == "during the creation":
        wait_for(lambda: server.batches, child)
        journal = asyncio.run(pending(tmp_path / "responses.batches.sqlite", server.url))
        assert journal == []  # it is being submitted, so it is nobody else's to look after
    else:
        wait_for(lambda: len(server.looks) > 2, child)
    if moment == "when it is collected":
        server.options["polls"] = 1
        wait_for(lambda: any(batch["status"] == "completed" for batch in server.batches.values()), child)
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    server.options |= {"polls": 1, "slow": 0.0}
    again = start(tmp_path, server.url)
    said, _ = again.communicate(timeout=60)
    assert said.split() == ["30", "0"]
    assert len(server.batches) == 1
    assert len(server.asked) == len(set(server.asked)) == 30


async def pending(path, url):
    async with Journal(path, url) as journal:
        return await journal.pending()


def test_a_batch_that_never_came_to_be_is_made_anew(provider, tmp_path):
    async def die_before_the_upload():
        async with Journal(tmp_path / "responses.batches.sqlite", server.url) as journal:
            await journal.begin("dead", {b"k" * 32: "json_schema"})

    server = provider()
    asyncio.run(die_before_the_upload())
    child = start(tmp_path, server.url)
    said, _ = child.communicate(timeout=60)
    assert said.split() == ["30", "0"]
    assert asyncio.run(pending(tmp_path / "responses.batches.sqlite", server.url)) == []


def test_a_line_is_one_line_for_every_reader_of_lines():
    line = line_of(b"\x01" * 32, json.dumps({"x": "a\u2028b\u2029c\u0085d"}, ensure_ascii=False).encode())
    assert len(line.decode().splitlines()) == 1
    assert json.loads(line)["body"]["x"] == "a\u2028b\u2029c\u0085d"


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"response": null}', b"null", b"\xff"])
def test_a_broken_line_of_output_stops_the_run(line):
    with pytest.raises(DsbuildError, match="cannot be read"):
        read_line(line)


def test_a_request_without_a_name_is_refused(tmp_path):
    async def ask():
        async with batch_module.BatchTransport(
            "http://127.0.0.1:9/v1", None, model="m", journal=tmp_path / "j.sqlite"
        ) as transport:
            await transport.ask(lambda form: b"{}")

    with pytest.raises(ValueError, match="key"):
        asyncio.run(ask())


def test_a_bundled_model_has_no_batch_api_and_a_batch_costs_what_the_price_table_says():
    with pytest.raises(ValueError, match="bundled model"):
        LLMConfig(name="a", model="local/gemma-3-270m", batch=True)
    url = "https://api.openai.com/v1"
    singly = cost_of(LLMConfig(name="a", model="gpt-4o", base_url=url))
    together = cost_of(LLMConfig(name="a", model="gpt-4o", base_url=url, batch=True))
    assert together.usd(1000, 1000) == pytest.approx(singly.usd(1000, 1000) / 2)
    own = {"name": "a", "model": "m", "base_url": "https://x.org/v1", "price": {"input": 2, "output": 4}}
    assert cost_of(LLMConfig(**own, batch=True)).usd(1000, 1000) == cost_of(LLMConfig(**own)).usd(1000, 1000)


def test_neither_batch_nor_limits_make_it_another_question(items, task):
    keys = set()
    for more in ({}, {"batch": True}, {"requests_per_minute": 5, "tokens_per_minute": 5}):
        (questions,) = Questions.groups(LLMConfig(name="a", model="m", base_url="http://x/v1", **more), [task])
        keys.add(questions.ask(next(items_of(items(["x"]))), 0).key)
        assert set(more) <= LLMConfig.not_in_key
    assert len(keys) == 1
