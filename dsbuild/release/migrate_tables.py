"""How tables of older schema versions become those of the next: a registry of pure functions on frames.

`SCHEMAS` keeps, for every version there was, its Arrow schemas as they were. A new version of the schema adds an
entry there, with the tables of today written out, and a function in `STEPS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from schemas.tables import ITEMS, PEOPLE, PROVENANCE, REJECTS, SCHEMA_VERSION, TABLES, shaped

Frames = Callable[[str, pl.DataFrame], pl.DataFrame]

_SPANS = pa.list_(
    pa.struct(
        [
            ("item_id", pa.string()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("label", pa.string()),
            ("text", pa.string()),
        ]
    )
)
_TRACE = pa.list_(pa.struct([("t", pa.float64()), ("value", pa.float64())]))
_TONE = pa.list_(
    pa.struct([("label", pa.string()), ("primary", pa.string()), ("secondary", pa.string()), ("tertiary", pa.string())])
)

# What version 1.1.0 did not change is not repeated.
_TABLES_1_0_0: dict[str, pa.Schema] = {
    "items": ITEMS,
    "annotations": pa.schema(
        [
            pa.field("annotation_id", pa.string(), nullable=False),
            pa.field("item_id", pa.string(), nullable=False),
            ("item_hash", pa.string()),
            pa.field("task", pa.string(), nullable=False),
            ("perspective", pa.string()),
            pa.field("annotator", pa.string(), nullable=False),
            pa.field("annotator_kind", pa.string(), nullable=False),
            ("sample", pa.int32()),
            ("round", pa.string()),
            ("parent", pa.string()),
            ("asked", pa.list_(pa.string())),
            ("shown", pa.string()),
            (
                "labels",
                pa.list_(pa.struct([("label", pa.string()), ("score", pa.float64()), ("original", pa.string())])),
            ),
            ("value", pa.float64()),
            ("trace", _TRACE),
            ("spans", _SPANS),
            ("text", pa.string()),
            ("confidence", pa.float64()),
            ("votes", pa.int32()),
            ("skipped", pa.bool_()),
            ("created_at", pa.timestamp("us", tz="UTC")),
            ("lead_time", pa.float64()),
            ("provenance", pa.string()),
        ]
    ),
    "labels": pa.schema(
        [
            pa.field("item_id", pa.string(), nullable=False),
            pa.field("task", pa.string(), nullable=False),
            ("perspective", pa.string()),
            pa.field("aggregate", pa.string(), nullable=False),
            pa.field("tier", pa.string(), nullable=False),
            ("labels", pa.list_(pa.struct([("label", pa.string()), ("p", pa.float64())]))),
            ("value", pa.float64()),
            ("spans", _SPANS),
            ("trace", _TRACE),
            ("text", pa.string()),
            ("method", pa.string()),
            ("annotators", pa.int32()),
            ("agreement", pa.float64()),
            ("tone", _TONE),
        ]
    ),
    "people": PEOPLE,
    "provenance": PROVENANCE,
    "rejects": REJECTS,
}

SCHEMAS: dict[str, dict[str, pa.Schema]] = {"1.0.0": _TABLES_1_0_0, "1.1.0": TABLES}


@dataclass(frozen=True)
class Step:
    """From one version of the schema to the next: `change(table, frame)` is the table's frame in the later version."""

    before: str
    after: str
    change: Frames
    says: str


def _to_1_1_0(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Labels gain `mapping` and `loss`, aggregates `score` and `soft`: null, since nobody noted them."""
    return shaped(frame, SCHEMAS["1.1.0"][table])


STEPS: tuple[Step, ...] = (
    Step(
        "1.0.0",
        "1.1.0",
        _to_1_1_0,
        "annotations say how a label was converted and what that lost; labels have a score and the whole distribution",
    ),
)


def steps_from(version: str, steps: tuple[Step, ...] = STEPS) -> list[Step]:
    """The steps that lead from `version` to the version of today, in order; none for that version itself.

    Raises:
        KeyError: no step leads on from `version`.
    """
    by_start = {step.before: step for step in steps}
    path: list[Step] = []
    while version != SCHEMA_VERSION:
        path.append(by_start[version])
        version = path[-1].after
    return path
