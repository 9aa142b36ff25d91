"""Whether annotations keep the rules of their task, decided for all rows at once.

The rules of a kind (`schemas.kinds`) are expressions over the annotations and over the entries of their answers; only
rows that break a rule are looked at more closely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.kinds import Rule, kind_of
from schemas.kinds.frames import Batch, turns
from schemas.tables import ANNOTATIONS, REJECTS, conform, empty

if TYPE_CHECKING:
    from schemas.task import Task

# Rows looked at together: what is computed about them is small, and does not grow with the table.
ROWS = 32_768

_ANSWERS = ("labels", "value", "spans", "trace")


def split_by_rules(
    task: Task, annotations: pl.DataFrame, items: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`annotations` (ANNOTATIONS) that keep the rules of `task`, and REJECTS that name what the others break.

    A reject's `reason` is the rule in short, the same for all that break it, and its `detail` is "FIELD = VALUE: RULE;
    ANNOTATOR (ANNOTATION_ID)". `items` (ITEMS), where they are given, are what the places of spans are held against.
    """
    annotations = conform(annotations, ANNOTATIONS)
    rules = [*_common(task), *kind_of(task).rules(task)]
    said = turns(items) if items is not None and kind_of(task).column == "spans" else None
    keeps = np.ones(annotations.height, dtype=np.bool_)
    rejects = [empty(REJECTS)]
    for start in range(0, annotations.height, ROWS):
        batch = Batch(task, annotations.slice(start, ROWS), said)
        first = _first_broken(batch, rules)
        if (first < len(rules)).any():
            keeps[start : start + ROWS] = first == len(rules)
            rejects.append(_rejects(task, batch, rules, first))
    kept = annotations if keeps.all() else annotations.filter(pl.Series(keeps))
    return kept, pl.concat(rejects)


def _common(task: Task) -> list[Rule]:
    """The rules of every annotation, whatever the kind of its task."""
    kind = kind_of(task)
    a = "an" if kind.name[0] in "aeiou" else "a"
    other = pl.col("perspective").fill_null(task.perspective) != task.perspective
    rules = [
        Rule("annotation of another task", "task", pl.col("task") != task.name, f"not {task.name}"),
        Rule("perspective is not the task's", "perspective", other, f"not {task.perspective}"),
    ]
    for column in _ANSWERS:
        if column != kind.column:
            value = pl.col(column) if column == "value" else pl.format("{} entries", pl.col(column).list.len())
            reason, says = f"{a} {kind.name} task has no {column}", f"its answer is in {kind.column}"
            rules.append(Rule(reason, column, pl.col(column).is_not_null(), says, value=value))
    nothing = pl.col(kind.column).is_null() & ~pl.col("skipped").fill_null(False)
    unknown = pl.col("_unknown_asked")
    what = "none of what is asked one by one" if kind.asks(task) else "nothing is asked one by one"
    return [
        *rules,
        Rule("no answer", kind.column, nothing, "an answer, or skipped", value=pl.lit(None, dtype=pl.Float64)),
        Rule("asked for what the task has not", "asked", unknown.is_not_null(), what, value=unknown),
        Rule("nobody's votes", "votes", pl.col("votes") < 1, "one person at least"),
    ]


def _first_broken(batch: Batch, rules: list[Rule]) -> NDArray[np.int64]:
    """(rows,) the place of the first of `rules` that each row breaks, their number where it breaks none."""
    first = np.full(batch.rows.height, len(rules), dtype=np.int64)
    for of in ("row", "entry"):
        mine = {str(place): rule for place, rule in enumerate(rules) if rule.of == of}
        if not mine or (of == "entry" and not len(batch.owner)):
            continue
        names = {name for rule in mine.values() for name in rule.broken.meta.root_names()}
        frame = batch.of_rows(names) if of == "row" else batch.of_entries(names)
        broken = frame.select(rule.broken.fill_null(False).alias(place) for place, rule in mine.items())
        for place in broken.columns:
            if broken[place].any():
                hit = np.flatnonzero(broken[place].to_numpy())
                np.minimum.at(first, hit if of == "row" else batch.owner[hit], int(place))
    return first


def _rejects(task: Task, batch: Batch, rules: list[Rule], first: NDArray[np.int64]) -> pl.DataFrame:
    """REJECTS of the rows that break a rule, in their order."""
    told = []
    for place in np.unique(first[first < len(rules)]).tolist():
        rule = rules[place]
        value = pl.col(rule.field.rpartition(".")[2]) if rule.value is None else rule.value
        names = {*rule.broken.meta.root_names(), *value.meta.root_names()}
        frame = batch.of_rows(names) if rule.of == "row" else batch.of_entries(names)
        owner = np.arange(batch.rows.height) if rule.of == "row" else batch.owner
        entry = frame.select(row=pl.Series(owner), value=value, broken=rule.broken.fill_null(False))
        entry = entry.filter(pl.col("broken") & pl.Series(first[owner] == place))
        told.append(
            entry.unique("row", keep="first").select(
                "row",
                pl.lit(rule.reason).alias("reason"),
                pl.lit(rule.field).alias("field"),
                _in_words(value, entry.schema["value"]).alias("value"),
                pl.lit(rule.says).alias("says"),
            )
        )
    about = pl.concat(told).sort("row")
    rows = batch.rows[about["row"]]
    raw = rows.select(pl.struct(pl.all()).struct.json_encode().alias("raw"))
    return conform(
        pl.concat([about, rows.select("item_id", "annotator", "annotation_id"), raw], how="horizontal").select(
            pl.lit(f"task:{task.name}").alias("stage"),
            "reason",
            "item_id",
            pl.format("{} = {}: {}; {} ({})", "field", "value", "says", "annotator", "annotation_id").alias("detail"),
            "raw",
        ),
        REJECTS,
    )


def _in_words(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """The column `value` as it is told: what stands in a field in quotes where it is a string, and null as null."""
    quoted = kind == pl.String and value.meta.is_column_selection()
    return (pl.format("'{}'", "value") if quoted else pl.col("value").cast(pl.String)).fill_null("null")
