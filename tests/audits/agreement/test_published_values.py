"""Alpha against worked examples that others published or computed with other tools."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from audits.agreement import agreement
from audits.agreement.alpha import count, leave_one_out, point, replicate
from audits.agreement.masi import nominal
from audits.intervals import acceleration, bca, resamples_of
from schemas.task import Task

TaskOf = Callable[..., Task]
AnnotationsOf = Callable[..., pl.DataFrame]

# Krippendorff 2011: a row per observer, a column per unit.
K12 = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
# Hayes and Krippendorff 2007: a row per unit.
HK07_ROWS = (
    "112.2 1101. 2333. .00.0 000.0 000.0 102.1 1.20. 222.2 2111. .100. 0000. 1222. 33223 111.1 111.1 212.2 1233. "
    "1101. 000.0 0011. 00.00 2333. 0000. 12.22 0111. 00010 1212. 1122. 112.2 110.0 2121. 22.22 3222. 222.2 223.2 "
    "222.2 22.12 2222. 111.1"
)
HK07 = HK07_ROWS.split()
FLEISS_ROWS = (
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031 00501 30012 51000 "
    "02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"
)
FLEISS_1971 = FLEISS_ROWS.split()
WIKIPEDIA = "0 0 0 0 14|0 2 6 4 2|0 0 3 5 6|0 3 9 2 0|2 2 8 1 1|7 7 0 0 0|3 2 6 3 0|2 5 3 2 2|6 5 2 1 0|0 2 2 3 7"


def by_observer(rows: list[str], gap: str = ".") -> list[dict[str, object]]:
    return [
        {"item": f"unit{unit:02}", "by": f"observer{who}", "labels": [value]}
        for who, row in enumerate(rows)
        for unit, value in enumerate(row)
        if value != gap
    ]


def by_unit(rows: list[str]) -> list[dict[str, object]]:
    return by_observer(["".join(column) for column in zip(*rows, strict=True)])


def of_counts(table: list[list[int]]) -> float | None:
    """Alpha of units x categories counts."""
    cells = np.array(table)
    unit, answer = np.nonzero(cells)
    times = cells[unit, answer]
    units = np.ones(len(cells), dtype=np.int64)
    return point(count(np.repeat(unit, times), np.repeat(answer, times), units, cells.shape[1], nominal))


def test_krippendorff_2011(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    result = agreement(annotations_of(by_observer(K12)), task_of("12345"), resamples=0)
    assert result["value"] == pytest.approx(0.743421052631579, abs=1e-10)
    assert (result["units"], result["annotations"]) == (11, 40)


def test_hayes_and_krippendorff_2007(task_of: TaskOf, annotations_of: AnnotationsOf) -> None:
    result = agreement(annotations_of(by_unit(HK07)), task_of("0123"), resamples=20_000, seed=7)
    assert result["value"] == pytest.approx(0.476509567, abs=5e-10)
    assert result["low"] == pytest.approx(0.352, abs=0.004)
    assert result["high"] == pytest.approx(0.616, abs=0.004)


def test_hayes_and_krippendorff_2007_acceleration_and_percentiles() -> None:
    unit, answer = np.array([(u, int(v)) for u, row in enumerate(HK07) for v in row if v != "."]).T
    times = np.ones(len(HK07), dtype=np.int64)
    counts = count(unit, answer, times, 4, nominal)
    accelerated = acceleration(leave_one_out(counts), times)
    assert accelerated == pytest.approx(0.004187120, abs=5e-10)
    weights = np.concatenate(list(resamples_of(np.arange(len(HK07)), len(HK07), 20_000, 3)))
    replicates = replicate(counts, weights)
    assert np.quantile(replicates, [0.025, 0.975]) == pytest.approx((0.334, 0.599), abs=0.004)
    assert bca(0.476509567, replicates, accelerated, 0.95) == pytest.approx((0.352, 0.616), abs=0.004)


def test_leaving_one_unit_out_gives_the_jackknife_error() -> None:
    cells = [(unit, int(value) - 1) for row in K12 for unit, value in enumerate(row[:11]) if value != "."]
    unit, answer = np.array(cells).T
    without = leave_one_out(count(unit, answer, np.ones(11, dtype=np.int64), 5, nominal))
    error = np.sqrt(10 / 11 * ((without - without.mean()) ** 2).sum())
    assert error == pytest.approx(0.146326652, abs=5e-10)


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        (["010110001111", "010100001101", "011001001000"], 0.234375),
        (["aacccccbbbbd", "acccccbbbbbd"], 0.759162304),
    ],
)
def test_other_published_tables(task_of: TaskOf, annotations_of: AnnotationsOf, rows: list[str], value: float) -> None:
    labels = sorted(set("".join(rows)))
    result = agreement(annotations_of(by_observer(rows)), task_of(labels), resamples=0)
    assert result["value"] == pytest.approx(value, abs=5e-10)


def test_fleiss_tables_and_the_identity_with_his_kappa() -> None:
    table = [[int(n) for n in row] for row in FLEISS_1971]
    value = of_counts(table)
    assert value == pytest.approx(0.433409828, abs=5e-10)
    assert value == pytest.approx(1 - (1 - 0.430244520) * (180 - 1) / 180, abs=5e-10)
    wikipedia = [[int(n) for n in row.split()] for row in WIKIPEDIA.split("|")]
    assert of_counts(wikipedia) == pytest.approx(0.215574057, abs=5e-10)


def test_bca_of_a_variance_in_efron_and_tibshirani() -> None:
    spatial = np.array(
        [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41]
    )
    n = len(spatial)

    def variance(weights: np.ndarray) -> np.ndarray:
        mean = weights @ spatial / weights.sum(axis=1)
        return weights @ spatial**2 / weights.sum(axis=1) - mean**2

    value = float(variance(np.ones((1, n)))[0])
    assert value == pytest.approx(171.534023669, abs=5e-10)
    accelerated = acceleration(variance(np.ones((n, n)) - np.eye(n)), np.ones(n, dtype=np.int64))
    assert accelerated == pytest.approx(0.061240120, abs=5e-10)
    replicates = np.concatenate([variance(weights) for weights in resamples_of(np.arange(n), n, 20_000, 5)])
    assert bca(value, replicates, accelerated, 0.9) == pytest.approx((115.6, 260.7), abs=1.5)
    assert np.quantile(replicates, [0.05, 0.95]) == pytest.approx((98.0, 235.5), abs=1.5)
