"""What a sample says of the rest: right on average, and within its interval as often as it claims."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import t as student_t

from annotators.llm.config import LLMConfig
from annotators.llm.spending import forecast as module
from annotators.llm.spending.cost import estimate
from annotators.llm.spending.forecast import plan
from annotators.llm.spending.intervals import student, wilson
from annotators.llm.spending.planned import Left, Sampled, forecast, overlap

TEXTS = [f"text number {n} about a day " + "and more " * (n % 11) for n in range(120)]


@given(st.integers(0, 500), st.integers(1, 500))
def test_wilsons_interval_is_scipys(count: int, more: int) -> None:
    expected = binomtest(count, count + more).proportion_ci(method="wilson")
    assert wilson(count, count + more) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("freedom", [3, 5, 10, 48, 1999])
def test_the_quantile_is_students(freedom: int) -> None:
    assert student(freedom) == pytest.approx(student_t.ppf(0.975, freedom), rel=0.005)


def population(rng: np.random.Generator, many: int) -> dict[str, np.ndarray]:
    size = 800 + rng.gamma(2, 150, many)
    failed = rng.random(many) < 0.08
    calls = np.where(failed, 3.0, 1.0)
    prompt = calls * (size / rng.normal(3.5, 0.2, many))
    completion = calls * rng.gamma(4, 6, many)
    usd = (prompt * 2.5 + completion * 10) / 1e6
    return {
        "size": size,
        "calls": calls,
        "prompt": prompt,
        "completion": completion,
        "usd": usd,
        "seconds": calls * rng.gamma(9, 0.1, many),
        "dead": (failed & (rng.random(many) < 0.5)).astype(float),
    }


def test_totals_lie_in_their_intervals_as_often_as_they_claim() -> None:
    rng = np.random.default_rng(1)
    many, n, rounds = 1500, 100, 400
    whole = population(rng, many)
    hits = dict.fromkeys(("calls", "prompt_tokens", "completion_tokens", "usd", "dead_letters"), 0)
    names = {"prompt_tokens": "prompt", "completion_tokens": "completion", "dead_letters": "dead"}
    for _ in range(rounds):
        order = rng.permutation(many)
        asked, rest = order[:n], order[n:]
        sampled = Sampled(
            **{name: values[asked] for name, values in whole.items()}, begun=np.arange(n) * 1.0, took=np.ones(n)
        )
        found = forecast(sampled, Left(len(rest), 1, float(whole["size"][rest].sum()), 16))
        for figure in hits:
            truth = whole[names.get(figure, figure)][rest].sum()
            hits[figure] += found[figure]["low"] <= truth <= found[figure]["high"]
    for figure, count in hits.items():
        assert 0.90 <= count / rounds <= 0.99, figure


def test_the_interval_closes_as_less_is_left() -> None:
    rng = np.random.default_rng(2)
    whole = population(rng, 400)
    widths = []
    for n in (50, 200, 390):
        sampled = Sampled(**{name: v[:n] for name, v in whole.items()}, begun=np.zeros(n), took=np.ones(n))
        found = forecast(sampled, Left(400 - n, 1, float(whole["size"][n:].sum()), 16))["completion_tokens"]
        widths.append(found["high"] - found["low"])
    assert widths == sorted(widths, reverse=True)
    done = Sampled(**whole, begun=np.zeros(400), took=np.ones(400))
    nothing = forecast(done, Left(0, 1, 0.0, 16))
    assert nothing["usd"] == nothing["dead_letters"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_how_many_were_in_flight_is_seen_from_the_answers_and_pauses_do_not_count() -> None:
    # Two at a time for two seconds, an hour's pause, and one alone for a second: 5 seconds of answering in 3.
    begun = np.array([0.0, 0.0, 1.0, 1.0, 3600.0])
    assert overlap(begun, np.ones(5)) == pytest.approx(5 / 3)


def test_hours_follow_from_seconds_and_concurrency_and_from_the_limits() -> None:
    n = 100
    ones = np.ones(n)
    sampled = Sampled(
        size=ones, calls=ones, prompt=100 * ones, completion=10 * ones, usd=0 * ones, seconds=2 * ones, dead=0 * ones,
        begun=np.repeat(np.arange(25) * 2.0, 4), took=2 * ones,
    )  # fmt: skip
    found = forecast(sampled, Left(36_000, 1, 36_000.0, 16))
    assert found["in_flight"] == 4
    assert found["hours"]["value"] == pytest.approx(36_000 * 2 / 16 / 3600)
    assert found["hours"]["high"] == pytest.approx(36_000 * 2 / 4 / 3600), "if the server was at its limit already"
    slow = forecast(sampled, Left(36_000, 1, 36_000.0, 16, requests_per_minute=100))
    assert slow["hours"]["value"] == pytest.approx(6)
    tokens = forecast(sampled, Left(36_000, 1, 36_000.0, 16, tokens_per_minute=11_000))
    assert tokens["hours"]["value"] == pytest.approx(6)


def config(url: str, **more) -> LLMConfig:
    price = {"input": 1000, "output": 2000}
    return LLMConfig(**({"name": "stub", "model": "stub", "max_failed": 1, "base_url": url, "price": price} | more))


def test_a_plan_without_answers_is_the_upper_bound_and_says_so(items, task):
    frame = items([*TEXTS, TEXTS[0]])
    asked = config("http://localhost:1/v1")
    found = plan(asked, lambda: frame.iter_slices(50), [task])
    bound = estimate(asked, frame, [task])
    assert {key: found[key] for key in bound} == pytest.approx(bound)
    assert found["items"] == 121
    assert found["calls"] == 120, "equal texts are asked once"
    assert found["forecast"] is None
    assert "upper bound" in found["method"]


def test_of_many_items_the_bound_follows_from_the_length_of_their_texts(items, task, monkeypatch):
    frame = items(TEXTS)
    asked = config("http://localhost:1/v1")
    exact = plan(asked, lambda: iter([frame]), [task])["prompt_tokens"]
    monkeypatch.setattr(module, "MEASURED", 40)
    guessed = plan(asked, lambda: frame.iter_slices(30), [task])["prompt_tokens"]
    assert exact <= guessed <= 1.01 * exact


def test_a_forecast_reads_the_answers_to_this_very_question(stub, run, items, task, tmp_path):
    server = stub(garble=[f"number {n} " for n in (3, 13, 23)], tokens=[100, 10])
    path = tmp_path / "responses.sqlite"
    settings = config(server.url).model_dump(exclude={"name", "kind", "on"})
    run(TEXTS[:40], **settings)
    found = plan(config(server.url), lambda: iter([items(TEXTS)]), [task], store_path=path)
    assert (found["calls"], found["cached"]) == (120, 40)
    expected = found["forecast"]
    assert (expected["items"], expected["from"]) == (80, 40)
    # 37 items took one call each and three took three.
    assert expected["calls"]["value"] == pytest.approx(80 * 46 / 40)
    assert expected["usd"]["value"] == pytest.approx(0.12 * 80 * 46 / 40, rel=0.2)
    assert expected["dead_letters"]["value"] == pytest.approx(80 * 3 / 40)
    assert expected["completion_tokens"]["value"] == pytest.approx(10 * 80 * 46 / 40)
    changed = config(server.url, params={"temperature": 1.0})
    assert plan(changed, lambda: iter([items(TEXTS)]), [task], store_path=path)["forecast"] is None
    assert len(server.asked()) == 46, "a plan asks nothing"
    run(TEXTS, **settings)
    done = plan(config(server.url), lambda: iter([items(TEXTS)]), [task], store_path=path)
    assert done["cached"] == done["calls"] == 120
    assert done["usd"] == 0
    assert done["forecast"]["calls"]["high"] == 0


def test_of_items_that_share_a_prompt_nothing_is_forecast_since_the_sample_was_asked_otherwise(
    stub, run, items, task, tmp_path
):
    server = stub()
    packed = {"items_per_prompt": 5, "checked_singly": 20}
    run(TEXTS[:40], **config(server.url, **packed).model_dump(exclude={"name", "kind", "on"}))
    found = plan(
        config(server.url, **packed), lambda: iter([items(TEXTS)]), [task], store_path=tmp_path / "responses.sqlite"
    )
    assert found["forecast"] is None
    assert found["calls"] == 24
