"""The bytes of a file depend on its rows alone."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dsbuild.release.parquet import ParquetFile, write_parquet
from schemas.tables import SCHEMA_VERSION

SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string()), ("tags", pa.list_(pa.string()))])


def some_rows(n: int) -> pa.Table:
    rng = random.Random(5)
    words = ["river", "glad", "नदी", "wait", "никогда", "dog"]
    rows = [
        {"id": f"{i:06d}", "text": " ".join(rng.choices(words, k=9)), "tags": None if i % 3 else [str(i)]}
        for i in range(n)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def test_batches_of_any_size_give_the_same_bytes(tmp_path: Path) -> None:
    table = some_rows(2500)
    rng = random.Random(7)
    cuts = [0, *sorted(rng.sample(range(2500), 40)), 2500]
    pieces = [table.slice(a, b - a) for a, b in itertools.pairwise(cuts)]
    write_parquet([table], tmp_path / "whole", SCHEMA, ["id"], row_group=1000)
    write_parquet(pieces, tmp_path / "pieces", SCHEMA, ["id"], row_group=1000)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()
    file = pq.ParquetFile(tmp_path / "whole")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [1000, 1000, 500]
    assert file.read().equals(table)


def test_a_file_has_zstd_a_page_index_and_its_order_and_no_pandas(tmp_path: Path) -> None:
    write_parquet([some_rows(10)], tmp_path / "x", SCHEMA, ["id"])
    metadata = pq.ParquetFile(tmp_path / "x").metadata
    column = metadata.row_group(0).column(1)
    assert column.compression == "ZSTD"
    assert column.has_column_index
    assert column.has_offset_index
    assert [c.column_index for c in metadata.row_group(0).sorting_columns] == [0]
    assert set(metadata.metadata) == {b"ARROW:schema", b"dsbuild.schema_version", b"dsbuild.sorted_by"}
    assert metadata.metadata[b"dsbuild.schema_version"] == SCHEMA_VERSION.encode()


def test_an_edit_near_the_top_leaves_most_pages_as_they_were(tmp_path: Path) -> None:
    before = some_rows(60_000)
    extra = pa.Table.from_pylist([{"id": "000100a", "text": "one more", "tags": None}], schema=SCHEMA)
    after = pa.concat_tables([before.slice(0, 101), extra, before.slice(101)])
    pages: list[set[bytes]] = []
    for name, table in (("before", before), ("after", after)):
        write_parquet([table], tmp_path / name, SCHEMA, ["id"])
        raw = (tmp_path / name).read_bytes()
        column = pq.ParquetFile(tmp_path / name).metadata.row_group(0).column(1)
        body = raw[column.dictionary_page_offset or column.data_page_offset :][: column.total_compressed_size]
        pages.append({body[i : i + 64] for i in range(len(body) - 64)})
    kept = len(pages[0] & pages[1]) / len(pages[0])
    assert kept > 0.5  # .07 without content-defined chunking


def test_a_file_without_rows_has_no_row_group(tmp_path: Path) -> None:
    assert write_parquet([SCHEMA.empty_table()], tmp_path / "x", SCHEMA, ["id"]) == 0
    assert pq.ParquetFile(tmp_path / "x").num_row_groups == 0
    assert pq.read_schema(tmp_path / "x").names == SCHEMA.names


def test_other_columns_are_refused(tmp_path: Path) -> None:
    with ParquetFile(tmp_path / "x", SCHEMA, ["id"]) as file, pytest.raises(ValueError, match="do not belong"):
        file.write(pa.table({"id": ["1"]}))
