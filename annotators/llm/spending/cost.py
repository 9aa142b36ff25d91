"""What answers cost: the price table, an estimate before a run, and a budget that holds during it."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from schemas.errors import DsbuildError

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    import polars as pl

    from annotators.llm.config import LLMConfig
    from schemas.task import Task

MILLION: Final = 1_000_000
BYTES_A_TOKEN: Final = 3.0  # what is likely: about 4 in English, nearer 3 in Devanagari and in JSON
LIKELY_ANSWER_TOKENS: Final = 40


class ListedPrice(BaseModel):
    """A row of the price table: USD per million tokens of input and output at `host`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    aliases: tuple[str, ...] = ()
    host: str
    input: float
    output: float
    seen: date
    source: str


@dataclass(frozen=True)
class Cost:
    """USD per million tokens for one annotator; `known` is false where nobody told us, and `note` says how it was
    found out. The figures are 0 where the model runs on one's own machine or the price is not known."""

    input: float
    output: float
    known: bool
    note: str

    def usd(self, prompt_tokens: float, completion_tokens: float) -> float:
        """The price of so many tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / MILLION


@cache
def price_table() -> tuple[ListedPrice, ...]:
    """The shipped price table."""
    text = (files("annotators.llm.spending") / "prices.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[ListedPrice, ...]).validate_python(yaml.safe_load(text))


def cost_of(config: LLMConfig) -> Cost:
    """What the annotator's tokens cost: by its own `price`, else by the table where the endpoint is the table's."""
    if config.price is not None:
        return Cost(config.price.input, config.price.output, True, "price from the recipe")
    if config.local is not None:
        return Cost(0, 0, True, "runs on this machine")
    host = urlsplit(config.endpoint()).hostname or ""
    name = config.model.rpartition("/")[2].lower()
    listed = next((p for p in price_table() if name in (p.model, *p.aliases)), None)
    if listed is not None and listed.host == host:
        return Cost(listed.input, listed.output, True, f"{listed.source}, seen {listed.seen}")
    hint = "" if listed is None else f"; rented at {listed.host}: {listed.input} in, {listed.output} out per million"
    if _is_ours(host):
        return Cost(0, 0, True, f"own server at {host}, counted as 0 USD{hint}")
    return Cost(0, 0, False, f"no price is known for {config.model} at {host}, counted as 0 USD{hint}")


def _is_ours(host: str) -> bool:
    if host == "localhost" or host.endswith((".local", ".internal", ".localhost")) or "." not in host:
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def estimate(
    config: LLMConfig, items: pl.DataFrame, tasks: Sequence[Task], *, store_path: Path | None = None
) -> dict[str, Any]:
    """What annotating `items` (ITEMS) would ask and cost.

    `calls` counts requests (items times samples, equal ones once), `cached` those the store at `store_path` has
    answered; the rest is about the others. `prompt_tokens`, `completion_tokens` and `usd` are an upper bound for one
    ask each: a token is at least one byte of the messages' JSON, an answer is at most max_tokens. `likely_usd`
    takes a token for 3 bytes and an answer for 40 tokens. Second turns after unusable answers come on top.
    """
    from annotators.llm.questions import Questions, items_of
    from annotators.llm.responses.store import stored_keys

    cost = cost_of(config)
    keys: dict[bytes, int] = {}
    longest = config.params.answer_tokens
    for group in Questions.groups(config, tasks):
        longest = group.family.answer_tokens
        for item in items_of(items):
            for sample in range(config.samples):
                request = group.ask(item, sample)
                keys[request.key] = request.size()
    cached = set() if store_path is None else stored_keys(store_path, list(keys))
    sizes = [size for key, size in keys.items() if key not in cached]
    completion = len(sizes) * longest
    likely = cost.usd(sum(sizes) / BYTES_A_TOKEN, len(sizes) * min(LIKELY_ANSWER_TOKENS, longest))
    return {
        "calls": len(keys),
        "cached": len(keys) - len(sizes),
        "prompt_tokens": sum(sizes),
        "completion_tokens": completion,
        "usd": round(cost.usd(sum(sizes), completion), 6),
        "likely_usd": round(likely, 6),
        "price_known": cost.known,
        "note": cost.note,
    }


class BudgetSpent(DsbuildError):
    """The next request might cost more than the budget has left."""


class Budget:
    """Money for the LLM answers of a recipe, in USD, shared by its annotators.

    The most a request can cost is reserved before it is sent and replaced by what it did cost afterwards, so the
    total never passes `usd`. Stored answers count with what they once cost: a run that is resumed, or killed every
    minute, has one budget, not one each time; they are used even when the budget is spent.
    """

    def __init__(self, usd: float) -> None:
        self.usd = usd
        self.spent = 0.0
        self.reserved = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def reserve(self, usd: float) -> None:
        """Set `usd` aside, waiting for requests in flight to cost less than was reserved for them.

        Raises:
            BudgetSpent: nothing is in flight any more and the budget does not suffice.
        """
        import asyncio

        while self.spent + self.reserved + usd > self.usd + 1e-9:
            if self.reserved <= 1e-12:
                raise BudgetSpent(
                    f"The budget of {self.usd:.2f} USD does not allow another request: {self.spent:.4f} USD are spent"
                    f" and the next one may cost up to {usd:.4f} USD.",
                    fix="Raise budget.usd in the recipe and run again; what was answered is not asked again.",
                )
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future
        self.reserved += usd

    def settle(self, reserved: float, actual: float) -> None:
        """Replace a reservation by what the request did cost."""
        self.reserved = max(0.0, self.reserved - reserved)
        self.spent += actual
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)

    def count(self, usd: float) -> None:
        """Count a stored answer."""
        self.spent += usd
