"""Whether putting several items into one prompt changes the answers.

The first items in the seeded order, which is a random sample, are also asked one by one, twice: once as if they had
never been packed, and once more as a further sample. The agreement of two answers is 1 - d, d being the task's own
distance. Packing is warned of where it agrees with the single prompt less than the single prompt agrees with itself:
where the 95 % interval of the mean paired difference (bootstrap over items, percentiles, Efron and Tibshirani 1993,
chapter 13) lies below 0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from annotators.llm.reading import Bad, Good

if TYPE_CHECKING:
    from annotators.llm.rows import Row, RowAnnotator
    from schemas.task import Task

RESAMPLES: Final = 2000
FEWEST: Final = 10
"""Items below which nothing is warned of."""


class Comparison:
    """Answers to the same items, packed and not, of the first `wanted` items; `samples` is how many each item has."""

    def __init__(self, tasks: Sequence[Task], *, wanted: int, samples: int) -> None:
        self._tasks = tasks
        self._left = wanted
        self._samples = samples
        self._pairs: list[tuple[str, list[tuple[float, float] | None]]] = []

    def take(self, rows: Sequence[Row]) -> list[Row]:
        """Those of `rows`, which are in the seeded order, that are to be compared."""
        chosen = [row for row in rows if row.sample == 0][: self._left]
        self._left -= len(chosen)
        return chosen

    async def compare(self, row: Row, packed: Good | Bad, single: RowAnnotator) -> None:
        """Ask about `row` alone, twice, and keep how far the answers agree."""
        again = replace(row, sample=self._samples)
        first, second = await asyncio.gather(single.annotate(row), single.annotate(again))
        both = [self._agreements(packed, first), self._agreements(first, second)]
        pairs = [None if a is None or b is None else (a, b) for a, b in zip(*both, strict=True)]
        self._pairs.append((row.item_id, pairs))

    def _agreements(self, one: Good | Bad, other: Good | Bad) -> list[float | None]:
        if isinstance(one, Bad) or isinstance(other, Bad):
            return [None] * len(self._tasks)
        found: list[float | None] = []
        for task, a, b in zip(self._tasks, one.answers, other.answers, strict=True):
            bad = isinstance(a, Bad) or isinstance(b, Bad)
            found.append(None if bad else 1 - task.difference(a, b))  # type: ignore[arg-type]  # neither is, then
        return found

    def figures(self) -> dict[str, Any]:
        """Of every task: `items` compared, `agreement` of packed and single answers, `repeat` (of two single ones),
        each {mean, low, high}, and `difference` of the two; and `warning`, a sentence, null where there is none."""
        ordered = sorted(self._pairs)  # whatever order the answers came in
        tasks: dict[str, Any] = {}
        worse: list[str] = []
        for place, task in enumerate(self._tasks):
            pairs = [pair for _, all_pairs in ordered if (pair := all_pairs[place]) is not None]
            if not pairs:
                continue
            packed, single = [a for a, _ in pairs], [b for _, b in pairs]
            lost = interval([a - b for a, b in pairs])
            tasks[task.name] = {
                "items": len(pairs),
                "agreement": interval(packed),
                "repeat": interval(single),
                "difference": lost,
            }
            if len(pairs) >= FEWEST and lost["high"] < 0:
                own, other = tasks[task.name]["agreement"]["mean"], tasks[task.name]["repeat"]["mean"]
                worse.append(f"{task.name} ({own:.2f} against {other:.2f} on {len(pairs)} items)")
        warning = (
            "Several items in one prompt change the answers: they agree less with those of single prompts than these "
            f"do with themselves, for {', '.join(worse)}. Set items_per_prompt: 1, or fewer."
            if worse
            else None
        )
        return {"tasks": tasks, "warning": warning}


def interval(values: Sequence[float]) -> dict[str, float]:
    """The mean of `values` and its 95 % interval by the bootstrap, the same for the same values."""
    import numpy as np

    drawn = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    means = np.asarray(values, dtype=np.float64)[drawn].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": round(float(np.mean(values)), 6), "low": round(float(low), 6), "high": round(float(high), 6)}
