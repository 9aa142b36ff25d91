"""Validation of many annotations: every broken row is told once, whatever stands around it, and it is quick."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl

from schemas.validation import ROWS
from tests.schemas.kinds import CASES, annotations, given, span

ROOT = Path(__file__).resolve().parents[2]
MULTI, SPAN, SCALE = (CASES[kind].task for kind in ("multi", "span", "scale"))


def test_broken_rows_are_found_in_every_part_of_a_long_table() -> None:
    values = np.ones(2 * ROWS + 5)
    bad = [0, ROWS - 1, ROWS, 2 * ROWS + 4]
    values[bad] = 9
    one = annotations(SCALE, {"value": 1.0})
    frame = pl.concat([one] * len(values)).with_columns(
        pl.Series("value", values), pl.format("a{}", pl.int_range(len(values))).alias("annotation_id")
    )
    kept, rejects = SCALE.validate_annotations(frame)
    assert rejects["detail"].to_list() == [f"value = 9.0: outside 1..7; ann (a{place})" for place in bad]
    assert kept.height == len(values) - len(bad)


def test_a_row_that_breaks_several_rules_is_told_by_the_first() -> None:
    row = {"task": "other", "labels": given("bliss", "bliss", "joy", "neutral")}
    rejects = MULTI.validate_annotations(annotations(MULTI, row))[1]
    assert rejects["reason"].to_list() == ["annotation of another task"]
    rejects = MULTI.validate_annotations(annotations(MULTI, row | {"task": "t"}))[1]
    assert rejects["reason"].to_list() == ["label outside the taxonomy"]


def test_empty_and_missing_lists_do_not_shift_what_is_told() -> None:
    rows = [{"labels": labels} for labels in ([], None, given("joy"), [], given("fear", "bliss"), None, given("joy"))]
    frame = annotations(MULTI, *(row | {"skipped": row["labels"] is None} for row in rows))
    kept, rejects = MULTI.validate_annotations(frame)
    assert rejects["detail"].to_list() == [
        "labels.label = 'bliss': none of the 7 labels of ekman-neutral; ann (a4)",
    ]
    assert kept["annotation_id"].to_list() == ["a0", "a1", "a2", "a3", "a5", "a6"]


def test_a_part_of_a_table_is_judged_as_the_whole_was() -> None:
    rows = [{"labels": given("joy", "bliss"), "asked": ["joy"]}, {"labels": given("fear"), "asked": ["joy", "fear"]}]
    frame = annotations(MULTI, *rows, *rows)
    rejects = MULTI.validate_annotations(frame)[1]
    assert MULTI.validate_annotations(frame.slice(2))[1].equals(rejects.slice(1))


def test_what_was_asked_is_told_apart_from_row_to_row() -> None:
    asked: list[list[str] | None] = [["joy"], None, [], ["joy"], ["joy"], ["joy", "fear"], None]
    frame = annotations(MULTI, *({"labels": given("fear"), "asked": names} for names in asked))
    kept, rejects = MULTI.validate_annotations(frame)
    assert kept["annotation_id"].to_list() == ["a1", "a5", "a6"]
    assert set(rejects["reason"]) == {"label that was not asked"}
    frame = annotations(MULTI, *({"labels": [], "asked": names} for names in ([None], ["joy", "bliss"], ["joy"])))
    assert MULTI.validate_annotations(frame)[1]["detail"].to_list() == [
        "asked = 'null': none of what is asked one by one; ann (a0)",
        "asked = 'bliss': none of what is asked one by one; ann (a1)",
    ]


def test_without_the_items_spans_are_only_held_against_themselves() -> None:
    frame = annotations(SPAN, {"spans": [span("u9", 100, 200)]}, {"spans": [span("u9", 2, 1)]})
    kept, rejects = SPAN.validate_annotations(frame)
    assert rejects["reason"].to_list() == ["an empty span"]
    assert kept["annotation_id"].to_list() == ["a0"]


def test_a_raw_reject_holds_the_whole_row() -> None:
    raw = SCALE.validate_annotations(annotations(SCALE, {"value": 8.0, "votes": 3}))[1]["raw"][0]
    assert '"value":8.0' in raw
    assert '"votes":3' in raw


def test_a_hundred_thousand_annotations_take_no_time_and_little_memory() -> None:
    # A million take ten times as long (benchmarks/validate.py); the bounds here leave room for a busy machine.
    done = subprocess.run(
        [sys.executable, "benchmarks/validate.py", "100000"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.findall(r"^(\w+) +([\d.]+) s .*? (\d+) MiB +100 rejects$", done.stdout, re.MULTILINE)
    assert [kind for kind, _, _ in found] == ["choice", "multi", "intensity", "scale"]
    for kind, seconds, mib in found:
        assert float(seconds) < 1, kind
        assert int(mib) < 250, kind
