"""Items made in a line, and steps run as the engine runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
import pytest

from schemas.protocols import StepOutput
from schemas.tables import ITEMS, conform


def make_items(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """ITEMS of `rows`; ids default to i0, i1, ..., corpus to `c`, modality to text."""
    full = [{"item_id": f"i{n}", "corpus": "c", "modality": "text", **row} for n, row in enumerate(rows)]
    names = {name for row in full for name in row}
    typed = {"groups": pl.List(pl.Struct({"kind": pl.String, "id": pl.String}))}
    frame = pl.DataFrame(
        full, schema_overrides={k: v for k, v in typed.items() if k in names}, infer_schema_length=None
    )
    return conform(frame, ITEMS)


def run_step(step: Any, items: pl.DataFrame, batch: int = 1_000_000) -> StepOutput:
    """The step over all batches, put together."""
    batches = list(items.iter_slices(batch)) or [items]
    if step.shape == "map":
        outputs = [step.apply(one) for one in batches]
    else:
        decision = step.decide(pl.concat([step.summarise(one) for one in batches]))
        outputs = [step.apply(one, decision) for one in batches]
    figures: dict[str, Any] = {}
    for output in outputs:
        for name, value in output.figures.items():
            if isinstance(value, int):
                figures[name] = figures.get(name, 0) + value
            else:
                inner = figures.setdefault(name, {})
                for key, count in value.items():
                    inner[key] = inner.get(key, 0) + count
    return StepOutput(
        items=pl.concat([output.items for output in outputs]),
        rejects=pl.concat([output.rejects for output in outputs]),
        figures=figures,
        moved=pl.concat([output.moved for output in outputs]),
    )


@pytest.fixture
def items() -> Callable[[Sequence[dict[str, Any]]], pl.DataFrame]:
    return make_items


@pytest.fixture
def run() -> Callable[..., StepOutput]:
    return run_step
