"""What a run would cost, said beforehand, and never more than the budget."""

from __future__ import annotations

import asyncio

import pytest

from annotators.llm import Budget, BudgetSpent, LLMConfig, estimate
from annotators.llm.spending.cost import cost_of, price_table
from schemas.errors import DsbuildError

TEXTS = [f"text number {n} about a day" for n in range(10)]


def config(**more) -> LLMConfig:
    return LLMConfig(**({"name": "a", "model": "gpt-4o", "params": {"max_tokens": 50}} | more))


def test_the_table_says_where_and_when_each_price_was_seen():
    for price in price_table():
        assert price.source.startswith("https://")
        assert price.seen.year >= 2026


def test_gpt_4o_at_openai_costs_what_the_table_says(monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    cost = cost_of(config())
    assert cost.known
    assert cost.usd(1_000_000, 0) == pytest.approx(2.5)
    assert cost.usd(0, 1_000_000) == pytest.approx(10)


@pytest.mark.parametrize(
    ("more", "known", "words"),
    [
        ({"model": "local/gemma-3-270m"}, True, "this machine"),
        ({"model": "llama-3.3-70b", "base_url": "http://localhost:8000/v1"}, True, "own server.*rented.*0.59"),
        ({"model": "llama-3.3-70b", "base_url": "http://10.0.0.5/v1"}, True, "own server"),
        ({"model": "gpt-4o", "base_url": "https://gateway.example.org/v1"}, False, "no price is known.*2.5"),
        ({"model": "new", "base_url": "https://api.example.org/v1"}, False, "no price is known"),
        ({"model": "new", "base_url": "https://x.org/v1", "price": {"input": 1, "output": 2}}, True, "recipe"),
    ],
)
def test_other_places_cost_what_is_known_about_them(more, known, words):
    import re

    cost = cost_of(config(**more))
    assert cost.known is known
    assert re.search(words, cost.note)


def test_an_estimate_bounds_what_is_then_used(stub, run, items, task, tmp_path):
    server = stub(tokens=[300, 20])
    asked = config(base_url=server.url, price={"input": 1000, "output": 1000})
    before = estimate(asked, items([*TEXTS, TEXTS[0]]), [task], store_path=tmp_path / "responses.sqlite")
    assert (before["calls"], before["cached"]) == (10, 0)
    settings = asked.model_dump(exclude={"name", "kind", "on"})
    output = run(TEXTS[:4], **settings)
    assert output.figures["prompt_tokens"] * 10 / 4 <= before["prompt_tokens"]
    assert output.figures["completion_tokens"] * 10 / 4 <= before["completion_tokens"] == 500
    assert output.figures["usd"] * 10 / 4 <= before["usd"]
    assert before["likely_usd"] < before["usd"]
    after = estimate(asked, items(TEXTS), [task], store_path=tmp_path / "responses.sqlite")
    assert (after["calls"], after["cached"]) == (10, 4)
    assert after["usd"] == pytest.approx(before["usd"] * 6 / 10, rel=0.01)
    assert len(server.asked()) == 4, "an estimate asks nothing"


def test_a_budget_needs_a_known_price(run):
    with pytest.raises(DsbuildError, match="budget cannot hold") as failure:
        run(TEXTS, budget=Budget(1), base_url="https://api.example.org/v1", model="new")
    assert "price: {input" in str(failure.value)


def test_reservations_never_pass_the_budget_and_wait_for_each_other():
    async def spend() -> tuple[int, float]:
        budget = Budget(1.0)
        done = 0

        async def one() -> None:
            nonlocal done
            await budget.reserve(0.3)
            assert budget.spent + budget.reserved <= 1.0 + 1e-9
            await asyncio.sleep(0.001)
            budget.settle(0.3, 0.1)
            done += 1

        results = await asyncio.gather(*(one() for _ in range(20)), return_exceptions=True)
        assert {type(result) for result in results if result is not None} == {BudgetSpent}
        return done, budget.spent

    done, spent = asyncio.run(spend())
    assert done == 8  # the ninth could cost 0.3 when 0.2 are left
    assert spent == pytest.approx(0.8)
