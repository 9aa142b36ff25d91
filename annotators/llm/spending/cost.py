"""What an annotator's tokens cost, and an estimate before a run."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from annotators.llm.spending.budget import Budget
from annotators.llm.spending.prices import ListedPrice, find_price, price_table
from schemas.errors import BudgetSpent

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from annotators.llm.config import LLMConfig
    from annotators.llm.params import Price
    from schemas.task import Task

__all__ = ["Budget", "BudgetSpent", "Cost", "cost_of", "estimate", "price_table"]

MILLION: Final = 1_000_000
BYTES_A_TOKEN: Final = 3.0  # what is likely: about 4 in English, nearer 3 in Devanagari and in JSON
LIKELY_ANSWER_TOKENS: Final = 40
_CACHED: Final = re.compile(rb'"(?:cached_tokens|prompt_cache_hit_tokens)"\s*:\s*(\d{1,9})')


@dataclass(frozen=True)
class Cost:
    """USD per million tokens for one annotator; `known` is false where nobody told us, and `note` says how it was
    found out. The figures are 0 where the model runs on one's own machine or the price is not known.

    `cached_input` is the price of prompt tokens that the server says it still had; null where that is not known, and
    they are then counted at the full price.
    """

    input: float
    output: float
    known: bool
    note: str
    cached_input: float | None = None

    def usd(self, prompt_tokens: float, completion_tokens: float, cached_tokens: float = 0) -> float:
        """The price of so many tokens; `cached_tokens` are those of the prompt's that the server still had. Without
        them it is the most that such an answer can cost."""
        saved = 0.0 if self.cached_input is None else cached_tokens * max(0.0, self.input - self.cached_input)
        return (prompt_tokens * self.input + completion_tokens * self.output - saved) / MILLION


def cached_tokens(body: bytes) -> int:
    """How many of the prompt's tokens the server says it still had, from the body of its answer; 0 where it says
    nothing (OpenAI: `usage.prompt_tokens_details.cached_tokens`; DeepSeek: `usage.prompt_cache_hit_tokens`)."""
    found = _CACHED.search(body, max(0, body.rfind(b'"usage"')))
    return int(found[1]) if found else 0


def cost_of(config: LLMConfig) -> Cost:
    """What the annotator's tokens cost: by its own `price` (which a recipe's price file fills), else by the table where
    the endpoint is the table's. With `batch` it is the price of the provider's batch API, where that is known."""
    batch = bool(getattr(config, "batch", False))
    if config.price is not None:
        return _priced(config.price, config.price.source or "price from the recipe", batch)
    if config.local is not None:
        return Cost(0, 0, True, "runs on this machine")
    host = urlsplit(config.endpoint()).hostname or ""
    listed = find_price(config.model, host, price_table())
    if listed is not None:
        return _priced(listed, listed.origin, batch)
    elsewhere = find_price(config.model, None, price_table())
    hint = "" if elsewhere is None else f"; rented at {elsewhere.host}: {_rate(elsewhere)}"
    if _is_ours(host):
        return Cost(0, 0, True, f"own server at {host}, counted as 0 USD{hint}")
    return Cost(0, 0, False, f"no price is known for {config.model} at {host}, counted as 0 USD{hint}")


def _rate(price: ListedPrice) -> str:
    return f"{price.input} in, {price.output} out per million"


def _priced(price: ListedPrice | Price, origin: str, batch: bool) -> Cost:
    if not batch:
        return Cost(price.input, price.output, True, origin, price.cached_input)
    if price.batch_input is None or price.batch_output is None:
        return Cost(price.input, price.output, True, f"{origin}; no batch price is known, the full one is counted")
    return Cost(price.batch_input, price.batch_output, True, f"{origin}; batch price")


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
