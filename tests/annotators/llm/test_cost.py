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


def test_a_snapshot_costs_what_its_model_does_and_a_name_may_stand_behind_its_owner():
    from annotators.llm.spending.prices import find_price

    table = price_table()
    for name in ("gpt-4o-2024-08-06", "openai/gpt-4o", "GPT-4o"):
        row = find_price(name, "api.openai.com", table)
        assert row is not None
        assert row.model == "gpt-4o"
    assert find_price("gpt-4o-audio", "api.openai.com", table) is None
    assert {row.host for row in table if row.model == "gpt-oss-120b"} == {"api.groq.com", "api.together.xyz"}


def test_no_price_is_listed_twice_and_none_is_odd():
    rows = [(name, row.host) for row in price_table() for name in (row.model, *row.aliases)]
    assert len(rows) == len(set(rows))
    for row in price_table():
        assert 0 < row.input <= row.output
        assert row.cached_input is None or row.cached_input < row.input
        assert (row.batch_input is None) == (row.batch_output is None)
        assert row.batch_input is None or row.batch_input == pytest.approx(row.input / 2)


def test_what_the_server_still_had_is_cheaper_but_not_for_a_budget():
    cost = cost_of(config(price={"input": 10, "output": 20, "cached_input": 1}))
    assert cost.usd(1e6, 0, 500_000) == pytest.approx(5.5)
    assert cost.usd(1e6, 0) == 10
    assert cost_of(config(price={"input": 10, "output": 20})).usd(1e6, 0, 500_000) == 10


def test_cached_tokens_are_read_where_servers_put_them():
    from annotators.llm.spending.cost import cached_tokens

    said = rb'{"choices":[{"message":{"content":"cached_tokens\": 9"}}],'
    openai = said + b'"usage":{"prompt_tokens_details":{"cached_tokens": 64}}}'
    assert cached_tokens(openai) == 64
    assert cached_tokens(b'{"usage":{"prompt_cache_hit_tokens":7}}') == 7
    assert cached_tokens(b'{"usage":{}}') == cached_tokens(b"no json") == 0


def test_a_users_prices_go_before_the_table_and_an_entrys_own_before_both(tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text(
        "- {model: gpt-4o, host: api.openai.com, input: 1, output: 2, source: https://example.org, seen: 2026-11-01}\n"
        "- {model: ours, input: 3, output: 4}\n",
        encoding="utf-8",
    )
    ours = config(base_url="https://api.openai.com/v1")
    assert cost_of(ours).input == 2.5
    assert cost_of(ours.priced(prices)).input == 1
    assert cost_of(ours.priced(prices)).note == "https://example.org, seen 2026-11-01"
    anywhere = config(model="ours", base_url="https://api.example.org/v1").priced(prices)
    assert (cost_of(anywhere).output, cost_of(anywhere).note) == (4, "prices.yaml")
    own = config(price={"input": 9, "output": 9}).priced(prices)
    assert cost_of(own).input == 9
    assert cost_of(config(model="local/gemma-3-270m").priced(prices)).input == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: x", "no list of prices"),
        ("- {model: x, input: -1, output: 2}", "0.input"),
        ("- {model: x, input: 1, output: 2, outptu: 3}", "0.outptu"),
        ("- [", "not YAML"),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_price_file_is_said_with_its_place(tmp_path, text, words):
    from schemas.errors import RecipeError

    prices = tmp_path / "prices.yaml"
    if text is not None:
        prices.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=words) as failure:
        config().priced(prices)
    assert failure.value.where == str(prices)
