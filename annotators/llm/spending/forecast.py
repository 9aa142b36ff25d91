"""What an annotator would ask of so many items: how many that are, how long their prompts, and what the answers that
are stored for this very question say of the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from annotators.llm.responses.reading import opened
from annotators.llm.responses.replay import answers_to, items_asked, replay
from annotators.llm.spending.cost import BYTES_A_TOKEN, LIKELY_ANSWER_TOKENS, Cost, cached_tokens, cost_of
from annotators.llm.spending.planned import FEWEST, Floats, Left, Sampled, forecast

if TYPE_CHECKING:
    import sqlite3

    from annotators.llm.config import LLMConfig
    from annotators.llm.questions import Questions
    from annotators.llm.shots.library import Library
    from schemas.task import Task

MEASURED: Final = 20_000  # items whose prompts are made; the sizes of further ones follow from the length of their text
REPLAYED: Final = 2_000  # items whose answers are read
UPPER_BOUND: Final = (
    "an upper bound for one ask of each item: a token for every byte of the prompts, and max_tokens for every answer;"
    " second turns after unusable answers come on top"
)


@dataclass(frozen=True)
class _Items:
    """Distinct items, in their order. `listed`: item_id, content (a hash of what is shown), length (its bytes);
    `first`: the first of them whole."""

    listed: pl.DataFrame
    first: pl.DataFrame
    count: int


def plan(
    config: LLMConfig,
    batches: Callable[[], Iterator[pl.DataFrame]],
    tasks: Sequence[Task],
    *,
    store_path: Path | None = None,
    library: Library | None = None,
) -> dict[str, Any]:
    """What annotating the items of `batches` (ITEMS, in the seeded order; given from the beginning as often as called)
    would ask and cost. Nobody is asked, nothing is written. `library` is where examples come from that a corpus holds.

    Returns:
        items, calls (requests: distinct items times samples), cached (those that are answered already), prompt_tokens,
        completion_tokens, usd, likely_usd, price_known, note: as `annotators.llm.spending.cost.estimate` says them of
        what is not answered, an upper bound. Of more than 20,000 items the size of the prompts is measured on the first
        20,000 and follows from the length of the text for the others, at the largest difference seen.
        method: how that was found; forecast: what `annotators.llm.spending.planned.forecast` makes of the answers
        there are, null where fewer than 5 items have been asked just this, and where several items share a prompt:
        there the sample is mostly the items that were compared with prompts of their own, which the rest is not.
    """
    from annotators.llm.questions import Questions

    cost = cost_of(config)
    groups = Questions.groups(config, tasks, library)
    items = _collect(batches())
    if not groups or not items.count:
        return _nothing(items.count, cost)
    questions = groups[0]
    packs = config.items_per_prompt
    with ExitStack() as stack:
        db = None if store_path is None else stack.enter_context(opened(store_path))
        asked = _asked(items, config, db)
        sizes = _Sizes(questions, items.first)
        answered, about = _answered(asked, questions, batches, db)
        left = items.listed.filter(~pl.col("content").is_in(answered.implode()))
        expected = None
        if db is not None and len(answered) >= FEWEST and packs == 1:
            expected = _expected(config, tasks, db, answered, left, sizes, batches, cost, library)
    rows = left.height * config.samples
    bound = sizes.bound(left) * config.samples
    longest = questions.family.answer_tokens
    completion = rows * longest
    likely = cost.usd(bound / BYTES_A_TOKEN, rows * min(LIKELY_ANSWER_TOKENS, longest))
    return {
        "items": items.count,
        "calls": -(-items.listed.height * config.samples // packs),
        "cached": (items.listed.height - left.height) * config.samples // packs,
        "prompt_tokens": round(bound),
        "completion_tokens": completion,
        "usd": round(cost.usd(bound, completion), 6),
        "likely_usd": round(likely, 6),
        "price_known": cost.known,
        "note": cost.note + about,
        "method": UPPER_BOUND,
        "forecast": expected,
    }


def _nothing(count: int, cost: Cost) -> dict[str, Any]:
    zeros = dict.fromkeys(("calls", "cached", "prompt_tokens", "completion_tokens", "usd", "likely_usd"), 0)
    told = {"price_known": cost.known, "note": cost.note, "method": UPPER_BOUND, "forecast": None}
    return {"items": count, **zeros, **told}


def _collect(batches: Iterator[pl.DataFrame]) -> _Items:
    listed: list[pl.DataFrame] = []
    first: list[pl.DataFrame] = []
    count = kept = 0
    for batch in batches:
        count += batch.height
        listed.append(batch.select("item_id", _content(batch), _length(batch)))
        if kept < MEASURED:
            first.append(batch.head(MEASURED - kept))
            kept += first[-1].height
    if not listed:
        return _Items(
            pl.DataFrame(schema={"item_id": pl.String, "content": pl.UInt64, "length": pl.UInt32}), pl.DataFrame(), 0
        )
    # Equal questions are asked once.
    distinct = pl.concat(listed).unique("content", keep="first", maintain_order=True)
    return _Items(distinct, pl.concat(first), count)


def _shown(batch: pl.DataFrame) -> list[str]:
    return ["text", "context", "media", "language", *(["seen"] if "seen" in batch.columns else [])]


def _content(batch: pl.DataFrame) -> pl.Series:
    return batch.select(_shown(batch)).hash_rows(seed=0).alias("content")


def _length(batch: pl.DataFrame) -> pl.Expr:
    """Bytes of the text and of the turns before it."""
    turns = pl.col("context").list.eval(pl.element().struct.field("text").str.len_bytes()).list.sum()
    length = pl.col("text").str.len_bytes().fill_null(0) + turns.fill_null(0)
    if "seen" in batch.columns:
        answers = pl.col("seen").list.eval(pl.element().struct.field("answer").str.len_bytes()).list.sum()
        length = length + answers.fill_null(0)
    return length.cast(pl.UInt32).alias("length")


class _Sizes:
    """How long prompts are: measured on some items, and from there on a line over the length of the text."""

    def __init__(self, questions: Questions, measured: pl.DataFrame) -> None:
        self.known = sizes_of(questions, measured)
        known = self.known.join(measured.select("item_id", _length(measured)), on="item_id")
        length, size = (known[name].cast(pl.Float64).to_numpy() for name in ("length", "size"))
        self.slope, self.start = 0.0, float(size.mean())
        if len(size) > 1 and np.ptp(length) > 0:
            self.slope, self.start = (float(one) for one in np.polyfit(length, size, 1))
        self.most = float((size - self.slope * length - self.start).max())

    def all(self, left: pl.DataFrame) -> Floats:
        """(items,) the size of the prompt of each of `left`: as measured, else by the line."""
        found = left.join(self.known, on="item_id", how="left", maintain_order="left")
        return found.select(pl.coalesce("size", self.start + self.slope * pl.col("length")))["size"].to_numpy()

    def bound(self, left: pl.DataFrame) -> float:
        """At most how much that is together."""
        guessed = left.join(self.known, on="item_id", how="anti").height
        return float(self.all(left).sum()) + guessed * self.most


def sizes_of(questions: Questions, items: pl.DataFrame) -> pl.DataFrame:
    """item_id and size, Float64: the bytes of the prompt that is first asked about each of `items` (ITEMS)."""
    from annotators.llm.questions import items_of

    sizes = [float(questions.ask(item, 0).size()) for item in items_of(items)]
    return pl.DataFrame({"item_id": items["item_id"], "size": pl.Series(sizes, dtype=pl.Float64)})


def _asked(items: _Items, config: LLMConfig, db: sqlite3.Connection | None) -> pl.Series:
    """The contents that the model was ever asked about, in the order of the items."""
    if db is None:
        return items.listed["content"].head(0)
    ever = pl.DataFrame({"item_id": items_asked(db, config.model)})
    return items.listed.join(ever, on="item_id", how="semi", maintain_order="left")["content"]


def _answered(
    asked: pl.Series,
    questions: Questions,
    batches: Callable[[], Iterator[pl.DataFrame]],
    db: sqlite3.Connection | None,
) -> tuple[pl.Series, str]:
    """Those of the contents `asked` to which just this question is answered, and what to say if that is not certain."""
    if db is None or asked.is_empty():
        return asked, ""
    looked = asked.head(MEASURED)
    found = _whole(looked, batches)
    there = _has_answer(questions, found, db)
    if len(asked) <= MEASURED:
        return there, ""
    share = len(there) / len(looked)
    if share in (0.0, 1.0):
        return (asked if share else asked.head(0)), ""
    rest = asked.slice(MEASURED).sample(fraction=share, seed=0)
    return pl.concat([there, rest]), f"; of {len(asked):,} items asked before about {share:.0%} were asked just this"


def _whole(contents: pl.Series, batches: Callable[[], Iterator[pl.DataFrame]]) -> pl.DataFrame:
    """The items (ITEMS) of these contents with their `content`, one each, in their order."""
    found: list[pl.DataFrame] = []
    wanted = pl.DataFrame({"content": contents})
    for batch in batches():
        part = batch.with_columns(_content(batch)).join(wanted, on="content", how="semi", maintain_order="left")
        if part.height:
            wanted = wanted.join(part.select("content"), on="content", how="anti")
            found.append(part.unique("content", keep="first", maintain_order=True))
        if wanted.is_empty():
            break
    return pl.concat(found)


def _has_answer(questions: Questions, items: pl.DataFrame, db: sqlite3.Connection) -> pl.Series:
    from annotators.llm.questions import items_of

    asyncio.run(questions.prepare(items))
    keys = [questions.ask(item, 0).key for item in items_of(items)]
    there: set[bytes] = set()
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        marks = ",".join("?" * len(some))
        there |= {key for (key,) in db.execute(f"SELECT key FROM answers WHERE key IN ({marks})", some)}
    return items["content"].filter(pl.Series([key in there for key in keys], dtype=pl.Boolean))


def _expected(
    config: LLMConfig,
    tasks: Sequence[Task],
    db: sqlite3.Connection,
    answered: pl.Series,
    left: pl.DataFrame,
    sizes: _Sizes,
    batches: Callable[[], Iterator[pl.DataFrame]],
    cost: Cost,
    library: Library | None,
) -> dict[str, Any] | None:
    whole = _whole(answered.head(REPLAYED), batches).drop("content")
    quiet = config.model_copy(update={"max_failed": 1.0})
    again = replay(quiet, lambda: iter([whole]), tasks, db, library)
    incomplete = pl.Series(sorted(again.incomplete()), dtype=pl.String)
    sample = whole.filter(~pl.col("item_id").is_in(incomplete.implode()))
    if sample.height < FEWEST:
        return None
    schema = {"item_id": pl.String, "prompt": pl.Int64, "completion": pl.Int64, "begun": pl.Float64, "took": pl.Float64}
    told = [
        (item, prompt or 0, completion or 0, begun, took, cached_tokens(body) if cost.cached_input is not None else 0)
        for item, prompt, completion, begun, took, body in answers_to(db, sorted(again.keys - again.missing))
    ]
    answers = pl.DataFrame(told, schema={**schema, "cached": pl.Int64}, orient="row")
    answers = answers.join(sample.select("item_id"), on="item_id", how="semi")
    sums = answers.group_by("item_id").agg(
        pl.len().alias("calls"), pl.col("prompt", "completion", "took", "cached").sum()
    )
    letters = pl.concat([output.dead_letters for output in again.outputs])
    dead = letters.select("item_id", "detail").unique().group_by("item_id").agg(pl.len().alias("dead"))
    size = pl.Series("size", sizes.all(sample.select("item_id", _length(sample))))
    measured = sample.select("item_id", size).join(sums, on="item_id", how="left", maintain_order="left")
    measured = measured.join(dead, on="item_id", how="left", maintain_order="left").fill_null(0)
    column = {name: measured[name].cast(pl.Float64).to_numpy() for name in measured.columns if name != "item_id"}
    sampled = Sampled(
        size=column["size"],
        calls=column["calls"],
        prompt=column["prompt"],
        completion=column["completion"],
        usd=np.asarray(cost.usd(column["prompt"], column["completion"], column["cached"])),  # type: ignore[arg-type]
        seconds=column["took"],
        dead=np.minimum(column["dead"], config.samples),
        begun=answers["begun"].to_numpy(),
        took=answers["took"].to_numpy(),
    )
    rest = Left(
        items=left.height,
        rows=config.samples,
        size=float(sizes.all(left).sum()),
        most=_most(config),
        requests_per_minute=getattr(config, "requests_per_minute", None),
        tokens_per_minute=getattr(config, "tokens_per_minute", None),
    )
    return forecast(sampled, rest)


def _most(config: LLMConfig) -> int:
    """How many requests may be in flight: what the recipe allows, or as many as a bundled model has slots."""
    if config.local is None:
        return config.concurrency
    from annotators.llm.local.card import load_card

    return min(config.concurrency, load_card(config.local).launch.n_parallel)
