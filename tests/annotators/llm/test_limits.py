"""Requests and tokens per minute: set in the recipe, or told by the server's headers."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotators.llm.wire.limits import MARGIN, SLACK, Limits, read_reset, tokens_of

TEXTS = [f"text number {n} about a day" for n in range(60)]


class Clock:
    """A clock that stands where it is put; who sleeps only notes until when."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sent: list[float] = []
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept = seconds


def sends(limits, clock, arrivals, sizes):
    """When each request is sent, in seconds, if it comes at its arrival."""
    found = []

    async def go() -> None:
        for arrival, size in zip(arrivals, sizes, strict=True):
            clock.now, clock.slept = 1000.0 + arrival, 0.0
            await limits.take(size)
            found.append(clock.now + clock.slept)

    asyncio.run(go())
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 20_000)), min_size=2, max_size=60),
    st.sampled_from([20.0, 600.0, 6000.0]),
    st.sampled_from([None, 30_000.0, 400_000.0]),
)
def test_in_no_stretch_of_time_is_more_sent_than_the_limit_lets_through(requests, a_minute, tokens_a_minute):
    clock = Clock()
    limits = Limits(a_minute, tokens_a_minute, clock=clock, sleep=clock.sleep)
    arrivals = sorted(arrival for arrival, _ in requests)
    sizes = [size for _, size in requests]
    sent = sends(limits, clock, arrivals, sizes)
    assert sent == sorted(sent)
    assert all(at >= 1000.0 + arrival for at, arrival in zip(sent, arrivals, strict=True))
    for first in range(len(sent)):
        for last in range(first + 1, len(sent)):
            stretch = sent[last] - sent[first] + SLACK + 1e-6
            assert last - first <= stretch * a_minute / 60
            if tokens_a_minute is not None:
                tokens = sum(sizes[first:last]) * limits.tokens_a_byte
                assert tokens <= stretch * tokens_a_minute / 60 + 1e-6


def test_a_limit_is_used_to_the_margin():
    clock = Clock()
    limits = Limits(600, clock=clock, sleep=clock.sleep)
    sent = sends(limits, clock, [0.0] * 101, [100] * 101)
    assert sent[-1] - sent[0] == pytest.approx(100 / 10 / MARGIN, abs=SLACK)


def test_tokens_are_estimated_before_and_corrected_after():
    clock = Clock()
    limits = Limits(tokens_per_minute=60_000, clock=clock, sleep=clock.sleep)

    async def one(size: int, tokens: int | None) -> float:
        clock.slept = 0.0
        thought = await limits.take(size)
        clock.now += clock.slept
        limits.used(size, thought, tokens)
        return clock.slept

    async def go() -> None:
        await one(1000, 100_000)
        # It took 100,000 tokens, which is 100 s of the limit.
        assert await one(1000, 300) == pytest.approx(100 / MARGIN, abs=0.05)
        before = limits.tokens_a_byte
        for _ in range(200):
            await one(1000, 300)
        assert limits.tokens_a_byte == pytest.approx(0.3, rel=0.05)
        assert before != limits.tokens_a_byte
        # A refused request took nothing.
        await one(1000, 0)
        assert await one(1000, None) == pytest.approx(0, abs=0.01)

    asyncio.run(go())


OPENAI = {
    "x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-limit-tokens": "150000", "x-ratelimit-remaining-tokens": "149984", "x-ratelimit-reset-tokens": "6m0s",
}  # fmt: skip
GROQ = {
    "retry-after": "2", "x-ratelimit-limit-requests": "14400", "x-ratelimit-limit-tokens": "18000",
    "x-ratelimit-remaining-requests": "14370", "x-ratelimit-remaining-tokens": "17997",
    "x-ratelimit-reset-requests": "2m59.56s", "x-ratelimit-reset-tokens": "7.66s",
}  # fmt: skip


def test_openais_headers_are_limits_per_minute():
    limits = Limits()
    assert not limits.known
    limits.learn({**OPENAI, "x-ratelimit-reset-tokens": "7ms"})
    assert limits.requests.a_second == pytest.approx(MARGIN * 1)
    assert limits.tokens.a_second == pytest.approx(MARGIN * 2500)


def test_groqs_requests_are_per_day_and_bind_only_when_none_is_left():
    limits = Limits()
    limits.learn(GROQ)
    assert limits.requests.a_second is None
    assert limits.tokens.a_second == pytest.approx(MARGIN * 300)
    limits.learn({**GROQ, "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "24h0m0s"})
    assert limits.requests.a_second == pytest.approx(MARGIN * 14400 / 86400)


def test_the_smaller_of_what_is_set_and_what_is_told_holds():
    for set_to, expected in ((30, 0.5), (600, 1.0)):
        limits = Limits(set_to)
        limits.learn(OPENAI)
        assert limits.requests.a_second == pytest.approx(MARGIN * expected)


def test_a_limit_that_changes_is_followed():
    limits = Limits()
    limits.learn(OPENAI)
    limits.learn({**OPENAI, "x-ratelimit-limit-requests": "600"})
    assert limits.requests.a_second == pytest.approx(MARGIN * 10)


@pytest.mark.parametrize("said", ["-1", "0", "unlimited", "", "nan", "1e3", "٦"])
def test_what_is_no_limit_is_not_kept_to(said):
    limits = Limits()
    limits.learn({**OPENAI, "x-ratelimit-limit-requests": said, "x-ratelimit-limit-tokens": said})
    assert not limits.known


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1), ("6m0s", 360), ("17ms", 0.017), ("1h2m3.5s", 3723.5), ("2m59.56s", 179.56), ("12.5", 12.5),
        ("0", 0), ("1d", 86400), ("350µs", 0.00035), ("", None), ("soon", None), ("-3s", None), (None, None),
        ("1764000000000", None), ("1s later", None),
    ],
)  # fmt: skip
def test_resets_are_read_in_all_their_forms(text, seconds):
    assert read_reset(text) == (None if seconds is None else pytest.approx(seconds))


def test_the_tokens_of_an_answer_are_the_servers_and_not_what_the_model_says():
    said = b'{"choices":[{"message":{"content":"{\\"total_tokens\\": 9}"}}],"usage":{"total_tokens" : 110}}'
    assert tokens_of(said) == 110
    assert tokens_of(b'{"usage":{"total_tokens":7},"choices":[{"message":{"content":"\\"total_tokens\\": 9"}}]}') == 7
    assert tokens_of(b'{"choices":[]}') is None


def test_a_server_with_a_limit_refuses_nobody_who_keeps_to_it(stub, run):
    server = stub(rpm=1800)
    begun = time.monotonic()
    output = run(TEXTS, base_url=server.url, concurrency=60, requests_per_minute=1800)
    assert time.monotonic() - begun >= 59 / 30
    assert output.annotations.height == 60
    assert [line["outcome"] for line in server.lines("answered")] == ["200"] * 60


def test_a_limit_told_in_headers_is_kept_to(stub, run):
    server = stub(latency=0.01, headers={"x-ratelimit-limit-requests": 1800, "x-ratelimit-reset-requests": "33ms"})
    output = run(TEXTS, base_url=server.url, concurrency=4)
    assert output.annotations.height == 60
    asked = [line["at"] for line in server.lines()]
    # Those in flight before the first answer came knew nothing of it.
    assert asked[-1] - asked[4] >= 54 / 30 * 0.95
    assert max(sum(at <= other < at + 0.5 for other in asked[5:]) for at in asked[5:]) <= 0.5 * 30 + 2


def test_waiting_for_a_limit_of_our_own_makes_no_dead_letters(stub, run):
    output = run(TEXTS, base_url=stub().url, concurrency=30, requests_per_minute=1800, deadline_s=0.4)
    assert output.dead_letters.height == 0
    assert output.annotations.height == 60
