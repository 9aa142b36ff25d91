"""A budget holds whatever is in flight, gets lost, is killed, or shares it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotators.llm.spending.budget import Budget
from annotators.llm.spending.ledger import lost
from schemas.errors import BudgetSpent

FATES = ("answered", "lost", "refused", "cancelled")


class Bill:
    """A simulated provider: it charges what it likes up to the limit of a request, and keeps the bill."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.usd = 0.0
        self.most_in_flight = self.in_flight = 0

    async def ask(self, limit: float) -> tuple[str, float]:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(self.random.random() * 0.002)
        self.in_flight -= 1
        fate = self.random.choices(FATES, weights=(80, 7, 10, 3))[0]
        actual = limit * self.random.random()
        if fate in ("answered", "cancelled") or (fate == "lost" and self.random.random() < 0.5):
            self.usd += actual  # whoever hung up, or lost the answer on the way, pays all the same
        return fate, actual


async def rows(budget: Budget, bill: Bill, limits: list[float]) -> int:
    """Ask about each row until its request is answered, as a transport does; how many rows were."""
    done = 0

    async def row(limit: float) -> None:
        nonlocal done
        while True:
            await budget.reserve(limit)
            assert budget.total + budget.reserved <= budget.usd + 1e-9
            fate, actual = await bill.ask(limit)
            if fate == "answered":
                budget.settle(limit, actual)
                done += 1
                return
            if fate == "refused":
                budget.settle(limit, 0.0)
            else:
                budget.lost(limit)

    results = await asyncio.gather(*(row(limit) for limit in limits), return_exceptions=True)
    assert {type(result) for result in results} <= {type(None), BudgetSpent}
    return done


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    usd=st.floats(0.01, 5),
    limits=st.lists(st.floats(1e-6, 0.2), min_size=256, max_size=256),
    shared=st.booleans(),
)
def test_the_bill_never_passes_the_budget_at_256_in_flight(
    seed: int, usd: float, limits: list[float], shared: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ledger") / "lab" if shared else None
    bill = Bill(seed)
    spent = 0.0
    # Stopped by the budget, and gone on with twice as much; what was answered counts from the store.
    for round_, much in enumerate((usd, 2 * usd)):
        budget = Budget(much, folder)
        if not shared:
            budget.count(spent)
        else:
            budget.count(spent - lost(folder) if round_ else 0.0)
        asyncio.run(rows(budget, bill, limits))
        spent = budget.total
        assert bill.usd <= spent + 1e-9 <= much + 2e-9
        assert budget.reserved == 0
        budget.close()


def test_no_more_is_held_back_than_has_to_be() -> None:
    budget = Budget(1.0)
    done = asyncio.run(rows(budget, _Cheap(0), [0.1] * 100))
    # Each row costs a cent of the ten that are reserved for it: 91 fit before the next might not.
    assert done == 91


class _Cheap(Bill):
    async def ask(self, limit: float) -> tuple[str, float]:
        await asyncio.sleep(0)
        self.usd += limit / 10
        return "answered", limit / 10


def test_whoever_comes_first_is_served_first_and_a_row_that_gave_up_gives_back() -> None:
    async def scene() -> list[str]:
        budget, order = Budget(1.0), []
        await budget.reserve(0.9)

        async def wait(name: str, usd: float) -> None:
            await budget.reserve(usd)
            order.append(name)

        large, small = asyncio.create_task(wait("large", 0.8)), asyncio.create_task(wait("small", 0.15))
        gone = asyncio.create_task(wait("gone", 0.5))
        await asyncio.sleep(0)
        gone.cancel()
        budget.settle(0.9, 0.0)
        await asyncio.gather(large, small)
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert budget.reserved == pytest.approx(0.95)
        return order

    assert asyncio.run(scene()) == ["large", "small"]


CHILD = """
import asyncio, sys, time
from pathlib import Path
from annotators.llm.spending.budget import Budget
async def main():
    budget = Budget(1.0, Path(sys.argv[1]))
    budget.count(0.2)
    await budget.reserve(0.3)
    print("held", flush=True)
    time.sleep(60)
asyncio.run(main())
"""


def test_what_a_killed_process_had_in_flight_counts_for_ever_and_its_answers_only_once(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    budget = Budget(1.0, folder)
    assert budget.total == pytest.approx(0.2)

    async def too_much() -> None:
        await budget.reserve(0.6)

    async def waits() -> bool:
        task = asyncio.create_task(budget.reserve(0.6))
        await asyncio.sleep(0.3)
        waiting = not task.done()
        task.cancel()
        return waiting

    assert asyncio.run(waits()), "what the other holds may still come back"
    child.kill()
    child.wait()
    asyncio.run(too_much())  # 0.2 was in the store and is no longer counted twice; 0.3 is lost
    assert budget.total == pytest.approx(0.3)
    budget.settle(0.6, 0.1)
    with pytest.raises(BudgetSpent, match=r"0\.4000 USD are spent"):
        asyncio.run(budget.reserve(0.61))
    budget.close()
    assert lost(folder) == pytest.approx(0.3)
    assert Budget(1.0, folder).total == pytest.approx(0.3)


def test_two_processes_share_one_budget(tmp_path: Path) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from annotators.llm.spending.budget import Budget
from schemas.errors import BudgetSpent
async def main():
    budget, done = Budget(1.0, Path(sys.argv[1])), 0
    async def row():
        nonlocal done
        await budget.reserve(0.01)
        await asyncio.sleep(0.001)
        budget.settle(0.01, 0.004)
        done += 1
    results = await asyncio.gather(*(row() for _ in range(200)), return_exceptions=True)
    assert all(r is None or isinstance(r, BudgetSpent) for r in results), results
    print(done, flush=True)
    sys.stdin.read()  # the other is still at it
    budget.close()
asyncio.run(main())
"""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "lab")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    done = [int(child.stdout.readline()) for child in children if child.stdout]
    for child in children:
        child.communicate()
        assert child.returncode == 0
    assert min(done) > 0
    assert sum(done) == 248  # 0.992 are spent then, and the next might cost 0.01


def test_a_run_at_256_in_flight_under_faults_stays_within_its_budget_and_asks_nothing_twice(stub, run, tmp_path):
    server = stub(latency=0.01, p429=0.05, retry_after=0.05, p500=0.02, pbad=0.02, pdrop=0.02, tokens=[100, 10])
    texts = [f"text number {n} about a day" for n in range(600)]
    settings = {"base_url": server.url, "concurrency": 256, "price": {"input": 1000, "output": 2000}}
    usd = 0.0
    for _ in range(3):  # a limit of about 1.9 is reserved for each request, and 0.12 is what one costs
        usd += 30.0
        budget = Budget(usd, tmp_path / "ledger")
        with contextlib.suppress(BudgetSpent):
            run(texts, budget=budget, **settings)
        charged = [line for line in server.lines("answered") if line["outcome"] not in ("429", "500")]
        assert 0.12 * len(charged) <= budget.total + 1e-9 <= usd + 1e-9
        budget.close()
    run(texts, budget=Budget(1e6, tmp_path / "ledger"), **settings)
    # A fresh ask after an answer that was cut short twice has the same words, so only whole ones are counted.
    answered = [line["hash"] for line in server.lines("answered") if line["outcome"] == "200"]
    assert len(answered) == len(set(answered)) >= 600


def test_an_answer_whose_tokens_nobody_counted_is_on_the_budget_in_every_later_run(stub, run, tmp_path):
    server = stub(tokens=[None, None])
    settings = {"base_url": server.url, "price": {"input": 1000, "output": 2000}}
    first = Budget(100.0, tmp_path / "ledger")
    output = run(["a text"], budget=first, **settings)
    assert output.figures["uncounted"] == 1
    assert output.figures["usd"] == output.figures["usd_at_most"] == 0
    counted = first.total
    assert counted > 1, "the most that it can have cost"
    first.close()
    again = Budget(100.0, tmp_path / "ledger")
    run(["a text"], budget=again, **settings)
    assert again.total == pytest.approx(counted)
    again.close()
    assert len(server.asked()) == 1
