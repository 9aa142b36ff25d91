"""Which examples each item is shown."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from annotators.llm.shots.choice import Shots
from annotators.llm.shots.load import Shot
from annotators.llm.shots.pool import Group, Pool, same_text

if TYPE_CHECKING:
    import polars as pl

    from annotators.llm.shots.nearest import Embedder, Vectors
    from schemas.task import Task


# Batches of items whose examples are remembered: more than are ever worked on at a time.
BATCHES: Final = 8


class Chooser:
    """The examples of a pool for items: `usual` for most of them, others by item id.

    `prepare` reads a batch of items; `of` then answers from memory. For an item that was not prepared `of` gives the
    usual ones, so whoever asks about items prepares them first.
    """

    def __init__(self, shots: str | Shots, pool: Pool, tasks: Sequence[Task], embedder: Embedder | None) -> None:
        count = len(pool.shots)
        self.pool = pool
        self._nearest = isinstance(shots, Shots) and shots.pick == "nearest"
        self._embedder = embedder
        self._k = count if isinstance(shots, str) else min(shots.k, count)
        drawn = isinstance(shots, Shots) and shots.pick == "random"
        self._order = balanced(pool, tasks, shots.seed) if drawn and isinstance(shots, Shots) else list(range(count))
        self.usual = tuple(self._order[: self._k])
        self._others: dict[str, tuple[int, ...]] = {}
        self._batches: deque[list[str]] = deque()
        self._examples: Vectors | None = None
        self._by_item = {item: n for n, item in enumerate(pool.items) if item is not None}
        self._by_text: dict[str, list[int]] = {}
        self._by_group: dict[Group, list[int]] = {}
        for number, text in enumerate(pool.texts):
            self._by_text.setdefault(text, []).append(number)
            for group in pool.groups[number]:
                self._by_group.setdefault(group, []).append(number)

    def of(self, item_id: str | None) -> tuple[int, ...]:
        """Which of the pool's examples the item is shown, in their order."""
        return self._others.get(item_id, self.usual) if item_id is not None else self.usual

    async def prepare(self, items: pl.DataFrame) -> None:
        """Choose for `items` (ITEMS); those of some batches before are forgotten.

        Raises:
            DsbuildError: the embedding model is not there.
        """
        rows = items.select("item_id", "text", "groups").iter_rows()
        examples = near = None
        if self._nearest:
            examples, near = await self._vectors(items["text"].fill_null("").to_list())
        changed: list[str] = []
        for place, (item_id, text, groups) in enumerate(rows):
            own = self._own(item_id, text or "", groups or ())
            if near is not None and examples is not None:
                # One by one: in one product BLAS may sum in an order that depends on how many texts there are.
                order = np.argsort(-(examples @ near[place]), kind="stable").tolist()
                chosen = list(islice((n for n in order if n not in own), self._k))
                self._others[item_id] = tuple(reversed(chosen))  # the nearest stands next to the question
            elif own and not own.isdisjoint(self.usual):
                self._others[item_id] = tuple([n for n in self._order if n not in own][: self._k])
            else:
                continue
            changed.append(item_id)
        self._batches.append(changed)
        if len(self._batches) > BATCHES:
            for item_id in self._batches.popleft():
                self._others.pop(item_id, None)

    def _own(self, item_id: str, text: str, groups: Sequence[Mapping[str, Any]]) -> set[int]:
        """The examples that are the item itself, or share its text or a group with it."""
        own = set(self._by_text.get(same_text(text), ()))
        if item_id in self._by_item:
            own.add(self._by_item[item_id])
        if self._by_group:
            for group in groups:
                own.update(self._by_group.get((group["kind"], group["id"]), ()))
        return own

    async def _vectors(self, texts: Sequence[str]) -> tuple[Vectors, Vectors]:
        """The vectors of the examples and of `texts`; of two examples that are as near the first in order is nearer."""
        assert self._embedder is not None
        if self._examples is None:
            self._examples = await self._embedder([shot.text for shot in self.pool.shots])
        vectors = await self._embedder(texts)
        self._embedder.forget()
        return self._examples, vectors


def balanced(pool: Pool, tasks: Sequence[Task], seed: int) -> list[int]:
    """All examples in a seeded order in which, again and again, one comes that shows the label shown least so far.

    Answers without labels (a number, a text) count as a label of their own. The order depends on the seed and the
    examples, not on the order they are in.
    """
    marks = [_marks(shot, tasks) for shot in pool.shots]
    salt = str(seed).encode()
    drawn = [
        hashlib.blake2b(f"{text}\n{item}".encode("utf-8", "surrogatepass"), digest_size=8, key=salt).digest()
        for text, item in zip(pool.texts, pool.items, strict=True)
    ]
    order = sorted(range(len(marks)), key=lambda n: (drawn[n], n))
    waiting: dict[str, list[int]] = {}
    for number in reversed(order):
        for mark in marks[number]:
            waiting.setdefault(mark, []).append(number)  # the first drawn is last, where pop is cheap
    shown = dict.fromkeys(sorted(waiting, key=lambda mark: hashlib.blake2b(mark.encode(), key=salt).digest()), 0)
    taken: set[int] = set()
    found: list[int] = []
    while len(found) < len(order):
        mark = min((mark for mark in shown if waiting[mark]), key=lambda mark: shown[mark])
        number = waiting[mark].pop()
        if number in taken:
            continue
        taken.add(number)
        found.append(number)
        for one in marks[number]:
            shown[one] += 1
    return found


def _marks(shot: Shot, tasks: Sequence[Task]) -> list[str]:
    found: list[str] = []
    for task in tasks:
        given = shot.answer(task)
        labels = given.get("labels", given.get("label", ())) if task.kind in ("choice", "multi") else (given,)
        listed = [labels] if isinstance(labels, str) or labels is None else list(labels)
        found += [f"{task.name} {label}" for label in listed or ["none"]]
    return sorted(set(found))
