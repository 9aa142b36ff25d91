"""What sending some items to people would gain: accuracy against cost of a routing policy and of random sampling.

Given are the labels that machines made, reference labels, and how strongly a policy wants people to see each item.
At share x the x N items that it wants most have the reference label (people are taken to answer as the reference does),
the others the machines'. Random sampling is the expectation over all choices of as many items; figures are functions of
sums over items, so it is the figure of the expected sums, which for shares and means is the straight line between the
two ends. Intervals: percentiles over bootstrap samples of the items (Efron and Tibshirani, 1993, section 13.3), each
with its ranking as it stands; the area between the curves is their mean distance over the shares, by trapezoids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from audits.answers import answer_column, held
from audits.part import part_of
from audits.scores.f1 import FIGURES, features, headlines
from schemas.errors import DsbuildError
from schemas.task import Task

Metric = Literal["accuracy", "macro_f1", "micro_f1", "jaccard", "mae"]
METRICS: dict[str, tuple[Metric, ...]] = {
    "choice": ("accuracy", "macro_f1", "micro_f1"),
    "pairwise": ("accuracy", "macro_f1", "micro_f1"),
    "multi": ("jaccard", "macro_f1", "micro_f1", "accuracy"),
    "scale": ("mae",),
}
"""What each kind of task is measured by, the first where nothing else is said."""
RESAMPLES = 500
POINTS = 51
LEVEL = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """The figure where people see `items`, a share `share` of all; `random` is what random sampling would have."""

    share: float
    items: int
    hours: float
    value: float
    low: float
    high: float
    random: float


@dataclass(frozen=True)
class Curve:
    """One policy: its points from no item to all; `area`, how much it is better than random sampling on average over
    the shares (worse where negative, whichever way the metric runs), with its interval; `holds`, the share of items
    that it wants people to see at all."""

    policy: str
    points: tuple[Point, ...]
    area: float
    area_low: float
    area_high: float
    holds: float


@dataclass(frozen=True)
class Simulation:
    """The curves of policies on the same items; `usd` is what the machines cost, `unlabelled` how many items they left
    without a label, `left_out` how many of these could not be measured."""

    task: str
    metric: Metric
    machines: str
    gold: str
    items: int
    usd: float
    unlabelled: int
    left_out: int
    curves: tuple[Curve, ...]

    def as_json(self) -> dict[str, Any]:
        """The simulation as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Sums:
    """What the figure is a function of: (N, D) what each item adds with the machines' label and with the reference;
    `figure` turns sums (B, D) into figures (B,)."""

    machine: Floats
    people: Floats
    figure: Callable[[Floats], Floats]
    items: list[str]
    unlabelled: int
    left_out: int


def sums_of(machine: pl.DataFrame, gold: pl.DataFrame, task: Task, metric: Metric | None = None) -> Sums:
    """The items of `gold` (LABELS of `task` with an answer, in their order) with what `machine` (LABELS or ANNOTATIONS,
    one row an item) says about them.

    An item without a machine's label counts as wrong; of numbers it is left out, since there is no error to measure.

    Raises:
        DsbuildError: the task's kind has no such metric, or no item has a reference.
    """
    allowed = METRICS.get(task.kind, ())
    if not allowed or (metric is not None and metric not in allowed):
        measured = (
            f"a {task.kind} task is measured by {', '.join(allowed)}" if allowed else f"no metric is for {task.kind}"
        )
        raise DsbuildError(
            f"{task.name} cannot be simulated by {metric or 'any metric'}: {measured}.",
            fix="Choose one with --metric, or a task of labels of a closed set or of numbers with --task.",
        )
    column = answer_column(task)
    both = (
        _one_an_item(gold, column)
        .drop_nulls(column)
        .join(_one_an_item(machine, column), on="item_id", how="left", suffix="_machine", maintain_order="left")
    )
    if both.is_empty():
        raise DsbuildError("No item has a reference label, so there is nothing to measure against.")
    given = f"{column}_machine"
    missing = int(both[given].null_count())
    name = metric or allowed[0]
    if name == "mae":
        both = both.drop_nulls(given)
        if both.is_empty():
            raise DsbuildError("No item has both a reference and a machine's number.")
        error = (both[column] - both[given]).abs().cast(pl.Float64).to_numpy()
        return Sums(
            error[:, None], np.zeros((len(error), 1)), _mean_of(len(error)), both["item_id"].to_list(), missing, missing
        )
    return _label_sums(both, task, name, missing)


def _one_an_item(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    if frame["item_id"].is_duplicated().any():
        raise DsbuildError("An item has several labels on one side.", fix="Name an aggregate or one annotator.")
    votes = pl.col("votes") if "votes" in frame.columns else pl.lit(None, dtype=pl.Int32).alias("votes")
    return frame.select("item_id", column, votes)


def _label_sums(both: pl.DataFrame, task: Task, metric: Metric, missing: int) -> Sums:
    part = part_of(task)
    empty = pl.lit([], dtype=both["labels_machine"].dtype)
    said = both.select("item_id", pl.col("labels_machine").fill_null(empty), "votes_machine")
    silent = both["labels_machine"].is_null().to_numpy()
    machine = held(said["labels_machine"], said["votes_machine"], part)
    reference = held(both["labels"], both["votes"], part)
    items = both["item_id"].to_list()
    if metric == "jaccard":
        union = (machine | reference).sum(axis=1)
        overlap = np.divide((machine & reference).sum(axis=1), union, out=np.ones(len(union)), where=union > 0)
        overlap[silent] = 0.0
        return Sums(overlap[:, None], np.ones((len(items), 1)), _mean_of(len(items)), items, missing, 0)
    if metric == "accuracy":
        # "None of these" is an answer, and no answer is not the same.
        right = (machine == reference).all(axis=1) & ~silent
        return Sums(
            right[:, None].astype(np.float64), np.ones((len(items), 1)), _mean_of(len(items)), items, missing, 0
        )
    place = FIGURES.index(metric)
    mine = features(machine, reference)
    return Sums(mine, features(reference, reference), lambda sums: headlines(sums)[:, place], items, missing, 0)


def _mean_of(items: int) -> Callable[[Floats], Floats]:
    return lambda sums: sums[:, 0] / items


def curve(
    sums: Sums,
    routed: pl.DataFrame,
    policy: str,
    *,
    seconds: float = 0.0,
    metric: Metric = "accuracy",
    points: int = POINTS,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Curve:
    """How the figure grows with the share of items that people see.

    Args:
        sums: the items, in the seeded order, which breaks ties.
        routed: `item_id`, `holds`, `strength` of every item (`audits.routing`).
        policy: what to call it.
        seconds: of people's time that an item takes.
        metric: whether more is better: of `mae` it is less.
        points, resamples, seed, level: how finely, and for the intervals.
    """
    table = pl.DataFrame({"item_id": sums.items}).join(routed, on="item_id", how="left", maintain_order="left")
    strength = table["strength"].fill_null(0.0).to_numpy()
    holds = table["holds"].fill_null(False).to_numpy()
    # Those that the policy wants come first, the strongest before the others; the seeded order decides between equals.
    order = np.lexsort((np.arange(len(strength)), -strength, ~holds))
    machine, people = sums.machine[order], sums.people[order]
    many = len(order)
    cuts = np.round(np.linspace(0, 1, points) * many).astype(np.int64)
    shares = cuts / many
    values = _figures(machine, people, cuts, sums.figure)
    chance = _chance(machine, people, shares, sums.figure)
    generator = np.random.default_rng(seed)
    drawn = np.empty((resamples, points))
    areas = np.empty(resamples)
    for row in range(resamples):
        # Drawn items keep their places in the ranking.
        some = np.sort(generator.integers(0, many, many))
        drawn[row] = _figures(machine[some], people[some], cuts, sums.figure)
        areas[row] = _area(shares, drawn[row], _chance(machine[some], people[some], shares, sums.figure), metric)
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(drawn, tails, axis=0) if resamples else (values, values)
    area = _area(shares, values, chance, metric)
    area_low, area_high = np.quantile(areas, tails) if resamples else (area, area)
    return Curve(
        policy=policy,
        points=tuple(
            Point(
                share=_plain(shares[k]),
                items=int(cuts[k]),
                hours=round(cuts[k] * seconds / 3600, 2),
                value=_plain(values[k]),
                low=_plain(low[k]),
                high=_plain(high[k]),
                random=_plain(chance[k]),
            )
            for k in range(points)
        ),
        area=_plain(area),
        area_low=_plain(area_low),
        area_high=_plain(area_high),
        holds=_plain(holds.mean()),
    )


def _plain(value: np.floating[Any] | float) -> float:
    return round(float(value), 10)


def _figures(machine: Floats, people: Floats, cuts: NDArray[np.int64], figure: Callable[[Floats], Floats]) -> Floats:
    """(points,) the figure where the first `cuts` items of the ranking have people's label."""
    nothing = np.zeros((1, machine.shape[1]))
    gained = np.concatenate([nothing, np.cumsum(people - machine, axis=0)])
    return np.asarray(figure(machine.sum(axis=0) + gained[cuts]))


def _chance(machine: Floats, people: Floats, shares: Floats, figure: Callable[[Floats], Floats]) -> Floats:
    """(points,) the figure of the sums that random sampling has in expectation."""
    return np.asarray(figure(np.outer(1 - shares, machine.sum(axis=0)) + np.outer(shares, people.sum(axis=0))))


def _area(shares: Floats, values: Floats, chance: Floats, metric: Metric) -> float:
    better = chance - values if metric == "mae" else values - chance
    return float(np.trapezoid(better, shares))


def at_shares(curve: Curve, shares: Sequence[float] = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)) -> list[Point]:
    """The points nearest to `shares`, for a table."""
    return [min(curve.points, key=lambda one: abs(one.share - share)) for share in shares]


def rows(
    simulation: Simulation, shares: Sequence[float] = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
) -> list[Mapping[str, Any]]:
    """The simulation as rows of a table: for each share the items, the hours, and every policy's figure."""
    found: list[Mapping[str, Any]] = []
    for place, point in enumerate(at_shares(simulation.curves[0], shares)):
        row: dict[str, Any] = {"share": f"{point.share:.0%}", "items": point.items, "hours": f"{point.hours:g}"}
        for one in simulation.curves:
            at = at_shares(one, shares)[place]
            row[one.policy] = f"{at.value:.3f} [{at.low:.3f}, {at.high:.3f}]"
        found.append(row | {"random": f"{point.random:.3f}"})
    return found
