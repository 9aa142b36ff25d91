"""What the client does by the status code it gets, and what it never says."""

from __future__ import annotations

import time

import pytest

from annotators.llm.wire import transport as transport_module
from annotators.llm.wire.transport import read_retry_after
from schemas.errors import DsbuildError, RecipeError

TEXTS = [f"text number {n} about a day" for n in range(60)]
SECRET = "sk-very-secret-key-0123456789"


def test_faults_lose_no_row_and_every_429_is_waited_for(stub, run):
    server = stub(latency=0.005, p429=0.1, p500=0.05, pbad=0.05, pdrop=0.05, retry_after=0.3)
    output = run(TEXTS * 1, base_url=server.url, concurrency=16)
    assert output.annotations.height == 60
    assert output.dead_letters.height == 0
    told = {}
    for line in sorted(server.lines("asked") + server.lines("answered"), key=lambda entry: entry["at"]):
        if line["event"] == "answered" and line["outcome"] == "429":
            told[line["hash"]] = line["at"]
        elif line["event"] == "asked" and line["hash"] in told:
            assert line["at"] - told.pop(line["hash"]) >= 0.3
    assert sum(line["outcome"] == "429" for line in server.lines("answered")) > 0


def test_429s_that_do_not_depend_on_the_load_do_not_strangle_the_run(stub, run):
    server = stub(latency=0.02, p429=0.05, retry_after=0.5)
    texts = [f"text {n}" for n in range(1500)]
    begun = time.monotonic()
    output = run(texts, base_url=server.url, concurrency=64)
    seconds = time.monotonic() - begun
    assert output.annotations.height == 1500
    # 1,500 rows of 20 ms with 64 in flight take 0.5 s at best; a strangled run takes minutes.
    assert seconds < 8


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_stops_the_run_and_is_never_shown(stub, run, monkeypatch, status):
    monkeypatch.setenv("STUB_KEY", SECRET)
    server = stub(key="another", status=None if status == 401 else status, message=f"bad key {SECRET}")
    if status == 403:
        monkeypatch.setenv("STUB_KEY", "another")
    with pytest.raises(DsbuildError, match=f"HTTP {status}") as failure:
        run(TEXTS, base_url=server.url, api_key_env="STUB_KEY", concurrency=2)
    assert SECRET not in str(failure.value)
    assert "STUB_KEY" in str(failure.value)
    assert len(server.asked()) <= 4


def test_a_missing_key_is_said_before_anything_is_asked(stub, run, monkeypatch):
    monkeypatch.delenv("STUB_KEY", raising=False)
    server = stub()
    with pytest.raises(DsbuildError, match="STUB_KEY is not set"):
        run(TEXTS, base_url=server.url, api_key_env="STUB_KEY")
    assert server.asked() == []


def test_the_openai_key_goes_to_no_endpoint_that_a_recipe_names(stub, run, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with pytest.raises(DsbuildError, match="without a key"):
        run(TEXTS[:1], base_url=stub(key=SECRET).url)
    server = stub(key=SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert run(TEXTS[:1]).annotations.height == 1


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (402, None, "no credit"),
        (429, "insufficient_quota", "no credit or quota"),
        (404, "model_not_found", 'no model "stub"'),
        (302, None, "redirects"),
    ],
)
def test_what_cannot_get_better_stops_the_run_at_once(stub, run, status, code, words):
    server = stub(status=status, code=code)
    begun = time.monotonic()
    with pytest.raises(DsbuildError, match=words) as failure:
        run(TEXTS, base_url=server.url, concurrency=4)
    assert time.monotonic() - begun < 2
    assert server.url in str(failure.value)
    assert len(server.asked()) <= 8


def test_a_server_that_is_not_there_is_named(run, monkeypatch):
    monkeypatch.setattr(transport_module, "FIRST_CONTACT_SECONDS", 0.5)
    with pytest.raises(DsbuildError, match="cannot be reached") as failure:
        run(TEXTS, base_url="http://127.0.0.1:9/v1")
    assert "http://127.0.0.1:9/v1" in str(failure.value)


def test_a_server_that_goes_away_stops_the_run_and_what_it_answered_is_kept(stub, run, monkeypatch):
    monkeypatch.setattr(transport_module, "OUTAGE_SECONDS", 1.0)
    monkeypatch.setattr(transport_module, "BACK_OFF", (0.1, 0.3))
    server = stub(latency=0.05)

    def stop_at_ten(done, total, **more):
        if done >= 10:
            server.process.kill()

    monkeypatch.setattr("annotators.llm.annotator.PROGRESS_SECONDS", 0.0)
    with pytest.raises(DsbuildError, match="Nobody was answered"):
        run(TEXTS, base_url=server.url, concurrency=4, progress=stop_at_ten)
    answered = len(server.lines("answered"))
    back = stub(port=server.port)
    assert run(TEXTS, base_url=back.url).annotations.height == 60
    assert 60 - answered <= len(back.asked()) <= 60 - answered + 4


def test_an_outage_shorter_than_the_patience_costs_no_row(stub, run, monkeypatch):
    monkeypatch.setattr(transport_module, "BACK_OFF", (0.1, 0.3))
    server = stub(latency=0.02)
    later = []

    def break_once(done, total, **more):
        if done >= 10 and not later:
            server.process.kill()
            server.process.wait()
            later.append(stub(port=server.port))

    monkeypatch.setattr("annotators.llm.annotator.PROGRESS_SECONDS", 0.0)
    output = run(TEXTS, base_url=server.url, concurrency=8, progress=break_once, max_attempts=2)
    assert output.annotations.height == 60


def test_a_request_the_server_finds_wrong_fails_its_row_only_but_not_all(stub, run):
    server = stub(status=400, message="context length exceeded")
    with pytest.raises(DsbuildError, match=r"of the last .* rows failed.*context length"):
        run(TEXTS, base_url=server.url)
    output = run(TEXTS[:3], base_url=server.url)
    assert output.dead_letters["reason"].to_list() == ["http"] * 3
    assert "context length exceeded" in output.dead_letters["detail"][0]


def test_a_row_has_a_deadline(stub, run):
    output = run(TEXTS[:3], base_url=stub(latency=5).url, deadline_s=0.3)
    assert output.dead_letters["reason"].to_list() == ["deadline"] * 3


def test_an_answer_that_never_comes_is_a_failure_of_that_row(stub, run, monkeypatch):
    monkeypatch.setattr(transport_module, "BACK_OFF", (0.01, 0.01))
    output = run(TEXTS[:2], base_url=stub(latency=1).url, timeout_s=0.1, max_attempts=2)
    assert output.dead_letters["reason"].to_list() == ["http"] * 2
    assert "no answer within 0.1 s" in output.dead_letters["detail"][0]


@pytest.mark.parametrize("url", ["ftp://x", "localhost:8000/v1", "http://user:pw@host/v1"])
def test_a_base_url_is_checked_and_holds_no_secret(url, run):
    with pytest.raises(ValueError):
        run(TEXTS[:1], base_url=url)


def test_an_unknown_strategy_or_model_says_what_there_is(run):
    with pytest.raises(RecipeError, match="cotr, critic, direct"):
        run(TEXTS[:1], base_url="http://127.0.0.1:9/v1", strategy="directt")
    with pytest.raises(RecipeError, match='Did you mean "local/gemma-3-270m"'):
        run(TEXTS[:1], model="local/gemma-3-270")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"Retry-After": "Tue, 24 Nov 2026 10:00:30 GMT", "Date": "Tue, 24 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "0"}, 0.05),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers, seconds):
    assert read_retry_after(headers) == seconds
