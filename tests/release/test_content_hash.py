"""The content hash knows the rows and nothing else."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dsbuild.release.content_hash import TableHash
from schemas.ids import digest

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("spans", pa.list_(pa.struct([("start", pa.int32()), ("label", pa.string())]))),
        ("source", pa.struct([("row", pa.int64())])),
        ("value", pa.float64()),
        ("skipped", pa.bool_()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)
ROWS: list[dict[str, Any]] = [
    {"text": "a", "tags": ["x", "yz"], "spans": [{"start": 1, "label": None}], "source": {"row": 1}, "value": 0.5},
    {"text": "", "tags": [], "spans": None, "source": None, "value": float("nan"), "skipped": False, "at": 0},
    {"text": None, "tags": None, "spans": [], "source": {"row": None}, "value": -0.0, "skipped": True, "at": 1},
]


def hash_of(*tables: pa.Table) -> str:
    found = TableHash(tables[0].schema)
    for table in tables:
        found.update(table)
    return found.hexdigest()


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def test_batches_and_files_leave_no_trace(tmp_path: Any) -> None:
    whole = table(ROWS)
    wanted = hash_of(whole)
    assert hash_of(*(whole.slice(i, 1) for i in range(3))) == wanted
    assert hash_of(whole.slice(0, 0), whole) == wanted
    pq.write_table(whole, tmp_path / "x.parquet")
    assert hash_of(pq.read_table(tmp_path / "x.parquet")) == wanted
    # What lies in memory behind a null does not count.
    values = pa.array([9.0, 1.0], mask=np.array([True, False]))
    assert hash_of(pa.table({"v": values})) == hash_of(pa.table({"v": pa.array([None, 1.0])}))


@pytest.mark.parametrize(
    ("row", "change"),
    [
        (0, {"text": "b"}),
        (0, {"tags": ["xy", "z"]}),
        (0, {"tags": ["x", None]}),
        (0, {"spans": [{"start": 1, "label": ""}]}),
        (1, {"text": None}),
        (1, {"tags": None}),
        (1, {"spans": []}),
        (1, {"source": {"row": None}}),
        (1, {"value": None}),
        (1, {"skipped": None}),
        (1, {"at": None}),
        (2, {"value": 0.0}),
    ],
)
def test_every_change_shows(row: int, change: dict[str, Any]) -> None:
    changed = [{**one, **change} if i == row else one for i, one in enumerate(ROWS)]
    assert hash_of(table(changed)) != hash_of(table(ROWS))


def test_the_order_of_rows_and_the_names_of_columns_count() -> None:
    assert hash_of(table(ROWS[::-1])) != hash_of(table(ROWS))
    assert hash_of(pa.table({"a": [1]})) != hash_of(pa.table({"b": [1]}))


def test_the_hash_is_the_one_that_is_written_down() -> None:
    texts = pa.table({"t": pa.array(["ab", None, "ü"])})

    def sha(raw: bytes) -> str:
        return hashlib.sha256(raw).hexdigest()

    streams = {
        "t valid": sha(bytes([1, 0, 1])),
        "t length": sha(b"".join(n.to_bytes(8, "little") for n in (2, 0, 2))),
        "t value": sha("abü".encode()),
    }
    assert hash_of(texts) == digest({"rows": 3, "streams": streams})
