"""The same server, misbehaving: nothing lost, nothing wasted, nobody early, no second without work done."""

from __future__ import annotations

import dataclasses

import polars as pl

from benchmarks.annotate.bars import Bar, Results
from benchmarks.annotate.projects import annotate, project
from benchmarks.annotate.speed import CONCURRENCY, LATENCY
from tests.annotators.llm.faults.client import FaultServer
from tests.annotators.llm.faults.draws import Faults
from tests.annotators.llm.faults.judging import judge
from tests.e2e.annotating import labels, made

FAULTS = Faults(seed=11, p429=0.05, p500=0.02, cut=0.02, drop=0.01, garble=0.01)
RETRY_AFTER = 1.0


def compare(results: Results, rows: int) -> None:
    """Run it and hold it against the bars."""
    names = [f"row-{number:06d}" for number in range(rows)]
    garbled = {row for row in names if FAULTS.garbled(row)}
    server = FaultServer(latency=LATENCY, retry_after=RETRY_AFTER)
    with server, project(server, rows, concurrency=CONCURRENCY) as here:
        server.reset(log=here.folder / "requests.jsonl", **dataclasses.asdict(FAULTS))
        ran = annotate(here)
        entries = server.entries()
        found, output = labels(here), made(here)
        letters = output.table("dead_letters")
        given = {entry.row: [entry.label] for entry in entries if entry.outcome == "200"}
        wrong = sum(given[row] != said for row, said in found.items())
        judged = judge(entries, FAULTS, names, RETRY_AFTER)
    more = rows - len(found) - len(garbled)
    note = f"{rows:,} rows, 5% 429, 2% 500, 2% cut, 1% dropped, 1% garbled for ever"
    results.add(Bar("faults: labels that are not the server's", wrong, 0, note=note))
    results.add(Bar("faults: garbled rows among the labels", len(garbled & set(found)), 0))
    results.add(Bar("faults: dead letters beyond the garbled rows", more, 3))
    results.add(Bar("faults: rows neither labelled nor recorded", rows - len(found) - letters.height, 0))
    reasons = letters.filter(pl.col("reason").is_null() | (pl.col("detail") == "")).height
    results.add(Bar("faults: dead letters without a reason", reasons, 0))
    results.add(Bar("faults: retries before Retry-After", judged.early, 0, note=f"of {judged.refused:,} refused"))
    sent = f"{judged.extra:,} sent, {judged.least:,} cannot be avoided"
    results.add(Bar("faults: extra requests above the least possible, share", judged.waste, 0.1, note=sent))
    results.add(Bar("faults: slowest second as a share of the median", judged.steadiness, 1 / 3, at_least=True))
    results.add(Bar("faults: rows/s", rows / (ran.ended - min(entry.asked for entry in entries))))
    results.details["faults"] = {"answers": judged.answers, "extra": judged.extra, "least": judged.least}
