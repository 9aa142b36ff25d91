"""Answers that are none, answers without end, failures that repeat: decided row by row, and nothing swallowed."""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
import json
import time
import zlib
from pathlib import Path

import pytest

from annotators.llm.wire import connection as connection_module
from annotators.llm.wire import transport as transport_module
from annotators.llm.wire.connection import proxy_for
from annotators.llm.wire.health import Health
from annotators.llm.wire.transport import RowFailed, Transport
from schemas.errors import DsbuildError

_spec = importlib.util.spec_from_file_location("raw_server", Path(__file__).parent / "raw_server.py")
assert _spec is not None
assert _spec.loader is not None
raw = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(raw)
RawServer, http, GOOD = raw.RawServer, raw.http, raw.GOOD


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(transport_module, "BACK_OFF", (0.01, 0.08))
    monkeypatch.setattr(transport_module, "FIRST_CONTACT_SECONDS", 0.3)


class Purse:
    def __init__(self):
        self.reserved = self.lost_ones = self.refused_ones = 0

    async def reserve(self):
        self.reserved += 1

    def lost(self):
        self.lost_ones += 1

    def refused(self):
        self.refused_ones += 1


def ask(*replies, rows=1, server=None, purse=None, key=None, url=None, **options):
    """The answers to so many rows, in order; an error stands in the place of its answer. And the server."""

    async def go():
        async with server or RawServer(*replies) as there:
            settings = {"model": "m", "concurrency": 4, "timeout": 5, "max_attempts": 3} | options
            async with Transport(url or there.url, key, **settings) as transport:
                asked = [
                    asyncio.create_task(transport.ask(lambda form: b'{"format":"%s"}' % form.encode(), purse))
                    for _ in range(rows)
                ]
                for task in asked:
                    task.add_done_callback(lambda done: _stop(done, asked))
                found = await asyncio.gather(*asked, return_exceptions=True)
            return [one if isinstance(one, BaseException) else one[0] for one in found], there

    return asyncio.run(go())


def _stop(done, asked):
    """What stops a run stops all its rows."""
    if not done.cancelled() and isinstance(done.exception(), DsbuildError):
        for task in asked:
            task.cancel()


def failed(answer):
    assert isinstance(answer, RowFailed), answer
    return answer.detail


def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(connection_module, "LONGEST_ANSWER", 2**20)
    written = 0

    async def endless(server, writer):
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            written += 0x10000
            await writer.drain()

    purse = Purse()
    (answer,), server = ask(endless, purse=purse)
    assert "more than 1,048,576 bytes" in failed(answer)
    assert written < 16 * 2**20  # what fits between the two is bounded, whatever is sent
    assert len(server.requests) == 1
    assert (purse.reserved, purse.lost_ones) == (1, 1)


def test_an_answer_that_says_it_is_too_long_is_not_begun():
    (answer,), _ = ask(http(200, b"x", length=10**12))
    assert "more than" in failed(answer)


def test_a_small_answer_that_unpacks_to_a_huge_one_is_stopped(monkeypatch):
    monkeypatch.setattr(connection_module, "LONGEST_ANSWER", 2**20)
    bomb = gzip.compress(b"0" * 200 * 2**20, 6)
    assert len(bomb) < 2**20
    (answer,), _ = ask(http(200, bomb, "Content-Encoding: gzip"))
    assert "more than" in failed(answer)


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_packed_answers_are_unpacked(name, pack):
    (answer,), _ = ask(http(200, pack(GOOD), f"Content-Encoding: {name}"))
    assert answer == GOOD


def test_a_packed_answer_that_is_broken_is_asked_for_again():
    broken = b"\x1f\x8b" + b"not gzip at all"
    (answer,), server = ask(http(200, broken, "Content-Encoding: gzip"), http(200, GOOD))
    assert answer == GOOD
    assert len(server.requests) == 2


def test_an_answer_that_drips_ends_with_the_time_out():
    async def drip(server, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    begun = time.monotonic()
    (answer,), server = ask(drip, timeout=0.2, max_attempts=2)
    assert "no answer within 0.2 s" in failed(answer)
    assert time.monotonic() - begun < 2
    assert len(server.requests) == 2


def test_an_answer_shorter_than_it_says_is_asked_for_again():
    async def cut(server, writer):
        writer.write(http(200, GOOD[:50], length=len(GOOD)))
        await writer.drain()
        writer.close()

    purse = Purse()
    (answer,), _ = ask(cut, http(200, GOOD), purse=purse)
    assert answer == GOOD
    assert (purse.reserved, purse.lost_ones, purse.refused_ones) == (2, 1, 0)


def test_an_answer_longer_than_it_says_spoils_no_other():
    replies = [http(200, GOOD, length=len(GOOD) - 5), http(200, GOOD)]
    answers, _ = ask(*replies, rows=3, concurrency=1)
    assert answers == [GOOD] * 3


HTML = b"<!DOCTYPE html>\n<html><title>Sign in</title>"


@pytest.mark.parametrize(
    ("page", "words"),
    [(HTML, "a page in HTML: <!DOCTYPE html>"), (b"OK", "no chat completion: OK"), (b"", "no chat completion"),
     (GOOD[:-20], "breaks off"), (b"[]", "no chat completion"), (b'{"data": []}', "no chat completion")],
)  # fmt: skip
def test_a_200_that_is_no_answer_is_asked_again_and_then_said(page, words):
    answers, _ = ask(http(200, page), http(200, GOOD))
    assert answers == [GOOD]
    # After an answer it is that row's failure.
    answers, _ = ask(http(200, GOOD), http(200, page), rows=2, concurrency=1, max_attempts=2)
    assert answers[0] == GOOD
    assert "HTTP 200, but" in failed(answers[1])
    assert words in failed(answers[1])


def test_an_address_where_only_pages_are_is_no_llm_server():
    answers, _ = ask(http(200, HTML), rows=4, max_attempts=100)
    stopped = next(answer for answer in answers if isinstance(answer, DsbuildError))
    assert "no LLM server" in str(stopped)
    assert "<!DOCTYPE html>" in str(stopped)


@pytest.mark.parametrize(("code", "again"), [(429, True), (502, True), ("server_error", True), (400, False)])
def test_an_error_in_a_200_is_the_error_it_says(code, again):
    body = json.dumps({"error": {"message": "upstream failed", "code": code}}).encode()
    answers, server = ask(http(200, body, "Retry-After: 0"), http(200, GOOD), rows=1)
    assert len(server.requests) == (2 if again else 1)
    if not again:
        assert failed(answers[0]) == "HTTP 400: upstream failed"


def test_what_the_model_says_is_an_answer_even_where_it_is_nonsense():
    nonsense = GOOD.replace(b'"{}"', b'"}{ <html> \\u0000"')
    assert ask(http(200, nonsense))[0] == [nonsense]


def test_the_back_off_grows_when_the_server_answers_nothing_but_500(monkeypatch):
    monkeypatch.setattr(transport_module, "BACK_OFF", (0.02, 0.3))
    monkeypatch.setattr(transport_module, "OUTAGE_SECONDS", 1.2)
    answers, server = ask(http(500), rows=20, concurrency=20, max_attempts=6)
    assert any(isinstance(answer, DsbuildError) for answer in answers)
    # 20 rows that came back every 10 to 20 ms would be over 1,200 requests; with a pause that doubles each sends nine.
    assert 100 <= len(server.requests) <= 220
    begun = server.times[0]
    early, late = (
        sum(low <= at - begun < low + 0.3 for at in server.times) for low in (0.0, 0.85)
    )  # fmt: skip
    assert late < early / 2


def test_a_few_rows_that_always_fail_do_not_stop_a_run_that_has_nothing_else_left(monkeypatch):
    monkeypatch.setattr(transport_module, "OUTAGE_SECONDS", 0.3)
    answers, _ = ask(http(200, GOOD), http(500, b'{"error":{"message":"boom"}}'), rows=5, concurrency=1)
    assert answers[0] == GOOD
    assert [failed(answer) for answer in answers[1:]] == ["HTTP 500: boom"] * 4


def test_a_row_that_always_fails_backs_off_alone():
    def reply(server, writer):
        body = server.requests[-1][1]
        writer.write(http(500) if b"poison" in body else http(200, GOOD))
        return writer.drain()

    async def go():
        async with RawServer(reply) as server, Transport(server.url, None, model="m", concurrency=4) as transport:
            poison = asyncio.create_task(transport.ask(lambda form: b"poison"))
            good = [await transport.ask(lambda form: b"good") for _ in range(300)]
            with pytest.raises(RowFailed, match="HTTP 500"):
                await poison
            return good, [body for _, body in server.requests].count(b"poison"), transport.pace.cuts

    good, poisoned, cuts = asyncio.run(go())
    assert len(good) == 300
    assert poisoned == 6
    assert cuts == 0


def test_a_share_of_bad_rows_does_not_trip_the_breaker():
    count = 0

    def half(server, writer):
        nonlocal count
        count += 1
        writer.write(http(200, GOOD) if (count * 7919) % 10 < 4 else http(400, b'{"error":{"message":"too long"}}'))
        return writer.drain()

    answers, server = ask(half, rows=1000, concurrency=16)
    assert len(server.requests) == 1000
    assert sum(answer == GOOD for answer in answers) == 400
    assert {failed(answer) for answer in answers if answer != GOOD} == {"HTTP 400: too long"}


def test_the_breaker_trips_when_nearly_all_fail_for_the_same_reason():
    health = Health()
    for _ in range(500):
        health.succeeded()
    tripped = [health.failed("400") for _ in range(64)]
    assert tripped[:60] == [0] * 60
    assert tripped[61] == 64
    mixed = Health()
    mixed.succeeded()
    assert not any(mixed.failed(reason) for _ in range(200) for reason in ("400", "413"))
    new = Health()
    assert [bool(new.failed(str(n))) for n in range(17)] == [False] * 15 + [True] * 2


def test_no_key_was_sent_is_said_with_what_to_do_about_it():
    (answer,), _ = ask(http(401, b'{"error":{"message":"You did not provide an API key"}}'))
    assert "without a key (HTTP 401)" in str(answer)
    assert "base_url is set and api_key_env is not" in str(answer)
    assert "api_key_env" in answer.fix
    assert "OPENAI_API_KEY" not in str(answer)


def test_a_text_that_a_routers_moderation_flags_fails_its_row_only():
    flagged = http(403, b'{"error":{"code":403,"message":"Your input was flagged"}}')
    answers, _ = ask(flagged, http(200, GOOD), rows=2, concurrency=1, key="k", key_name="K")
    assert failed(answers[0]) == "HTTP 403: Your input was flagged"
    assert answers[1] == GOOD
    (stopped,), _ = ask(http(403, b'{"error":{"message":"no"}}'), key="k", key_name="K")
    assert "the key in K (HTTP 403)" in str(stopped)


@pytest.mark.parametrize("status", [429, 503])
def test_nobody_comes_back_before_retry_after(status):
    refusal = http(status, b'{"error":{"message":"later"}}', "Retry-After: 0.4")
    answers, server = ask(refusal, http(200, GOOD))
    assert answers == [GOOD]
    assert server.times[1] - server.times[0] >= 0.4


def test_the_pause_after_a_429_that_does_not_say_how_long_grows(monkeypatch):
    monkeypatch.setattr(transport_module, "NO_RETRY_AFTER", (0.05, 1.0))
    answers, server = ask(*[http(429)] * 4, http(200, GOOD), max_attempts=1)
    assert answers == [GOOD]
    pauses = [after - before for before, after in zip(server.times, server.times[1:], strict=False)]
    assert [pause >= least for pause, least in zip(pauses, [0.05, 0.1, 0.2, 0.4], strict=True)] == [True] * 4


def test_a_server_that_says_come_back_tomorrow_stops_the_run():
    refusal = http(429, b'{"error":{"message":"daily limit"}}', "Retry-After: 40000")
    answers, _ = ask(refusal, rows=8, concurrency=8)
    stopped = next(answer for answer in answers if isinstance(answer, DsbuildError))
    assert "come back in 40000 s" in str(stopped)
    assert "daily limit" in str(stopped)


def test_one_cool_down_cuts_the_concurrency_once_and_growth_is_in_proportion():
    async def go():
        pace = transport_module.Pace(64)
        for _ in range(20):
            pace.succeeded()
        for _ in range(10):
            pace.refused(10.0)
        cut, cuts = pace.limit, pace.cuts
        for _ in range(int(cut)):
            pace.succeeded()
        return cut, cuts, pace.limit

    cut, cuts, grown = asyncio.run(go())
    assert (cut, cuts) == (48.0, 1)
    assert grown == 48 + 12


def test_the_limit_never_falls_to_one():
    async def go():
        pace = transport_module.Pace(8)
        for _ in range(50):
            pace._cool_until = 0.0
            pace.refused(0.0)
        return pace.limit

    assert asyncio.run(go()) == 2


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_connections_are_used_again_and_none_is_left_open():
    before = open_files()
    answers, server = ask(http(200, GOOD), rows=400, concurrency=8)
    assert answers == [GOOD] * 400
    assert server.connections <= 8

    async def drop(server, writer):
        writer.transport.abort()

    for reply in (drop, http(200, HTML), http(200, b"x", length=10**12), http(500)):
        ask(reply, rows=20, concurrency=8, max_attempts=1)
    assert open_files() <= before + 2


def test_a_server_on_ipv6_is_reached():
    answers, _ = ask(server=RawServer(http(200, GOOD), host="::1"))
    assert answers == [GOOD]


@pytest.fixture
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_proxy_of_the_environment_is_used_for_other_machines_only(monkeypatch, no_proxies, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine llm.example login me password private\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    async def go():
        async with RawServer(http(200, GOOD)) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://user:pass@127.0.0.1:{proxy.port}")
            async with Transport("http://llm.example/v1", None, model="m", concurrency=1) as transport:
                await transport.ask(lambda form: b"{}")
            return proxy.requests[0][0]

    head = asyncio.run(go())
    assert head.startswith("POST http://llm.example/v1/chat/completions HTTP/1.1")
    assert "Proxy-Authorization: Basic dXNlcjpwYXNz" in head
    assert "\r\nAuthorization" not in head  # nothing of ~/.netrc
    assert ask(http(200, GOOD))[0] == [GOOD]  # straight, though there is a proxy
    assert proxy_for("http://localhost:8000/v1") is None
    monkeypatch.setenv("NO_PROXY", "llm.example")
    assert proxy_for("http://llm.example/v1") is None
    assert proxy_for("https://llm.example/v1") is None


def test_a_proxys_password_is_not_shown(monkeypatch, no_proxies):
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@127.0.0.1:9")
    answers, _ = ask(http(200, GOOD), url="http://llm.example/v1")
    assert "cannot be reached" in str(answers[0])
    assert "secret" not in str(answers[0])


def test_https_is_spoken_only_where_it_is_asked_for_and_nothing_else_is_then(monkeypatch):
    monkeypatch.setattr(connection_module, "CONNECT_SECONDS", 0.2)
    answers, _ = ask(http(200, GOOD))
    assert answers == [GOOD]

    async def go():
        async with RawServer(http(200, GOOD)) as there:
            url = there.url.replace("http:", "https:")
            async with Transport(url, "sk-secret", model="m", concurrency=1) as transport:
                with pytest.raises(DsbuildError, match="cannot be reached"):
                    await transport.ask(lambda form: b"{}")
            return there.requests

    assert asyncio.run(go()) == []  # the key never went out in the clear
