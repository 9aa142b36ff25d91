"""Labels of a closed set: how they are read, checked, counted and laid out in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from schemas.errors import DsbuildError
from schemas.kinds.base import Rule
from schemas.markdown import escape

if TYPE_CHECKING:
    from schemas.answer import Answer
    from schemas.task import Task
    from schemas.taxonomy import Taxonomy

INDEX = pa.int64()
SHARES = pa.list_(pa.float32())
_SLACK = 1e-6


def resolved(key: str, task: Task, given: Sequence[Any]) -> dict[str, str]:
    """{label id: the string it was given as} of `given`, in its order; a label given twice counts once.

    Raises:
        ValueError: one of them is no label of the task.
    """
    found: dict[str, str] = {}
    for one in given:
        found.setdefault(resolve(key, task, one), one)
    return found


def resolve(key: str, task: Task, given: Any) -> str:
    """The label id that `given` stands for; ValueError where it is none."""
    assert task.taxonomy is not None
    label = task.taxonomy.resolve(given) if isinstance(given, str) else None
    if label is None:
        raise ValueError(f'"{key}" holds {given!r}, which is none of: {", ".join(task.label_ids)}')
    return label


def alone(task: Task, labels: Sequence[str]) -> None:
    """Raises ValueError where a label that must stand alone does not."""
    wrong = [label for label in labels if label in task.exclusive]
    if wrong and len(labels) > 1:
        raise ValueError(f'"{wrong[0]}" cannot stand beside other labels')


def listed(key: str, given: Any, what: str = "labels") -> list[Any]:
    """`given` if it is a list; ValueError otherwise."""
    if not isinstance(given, list):
        raise ValueError(f'"{key}" must be a list of {what}')
    return given


def no_more(key: str, task: Task, count: int) -> None:
    """Raises ValueError where `count` is more than the task wants at most."""
    if task.most is not None and count > task.most:
        raise ValueError(f'"{key}" holds {count}, but at most {task.most} are wanted')


def label_rules(task: Task, ids: list[str]) -> list[Rule]:
    """The rules of labels that are `ids`, each at most once and among those that were asked."""
    many = f"none of the {len(ids)} labels"
    if task.taxonomy is not None:
        many += f" of {task.taxonomy.name}"
    return [
        Rule("label outside the taxonomy", "labels.label", ~pl.col("_known"), many, of="entry"),
        Rule("the same label twice", "labels.label", pl.col("_twice"), "already given in this answer", of="entry"),
        Rule("label that was not asked", "labels.label", pl.col("_unasked"), "not among those asked", of="entry"),
    ]


def exclusive_rule(task: Task) -> list[Rule]:
    """No label that must stand alone stands beside others, but in counts and shares it does."""
    if not task.exclusive:
        return []
    beside = pl.col("label").is_in(list(task.exclusive)) & (pl.col("row:_entries") > 1) & (pl.col("row:_scored") == 0)
    reason = "an exclusive label stands beside others"
    return [Rule(reason, "labels.label", beside, "only ever the one label of an answer", of="entry")]


def most_rule(task: Task, field: str, *, given: pl.Expr | None = None) -> list[Rule]:
    """No more entries than the task wants at most, in the rows for which `given` is true."""
    if task.most is None:
        return []
    many = (pl.col("_entries") > task.most) & (pl.lit(True) if given is None else given)
    return [Rule(f"more than {task.most}", field, many, f"more than {task.most} in all", value=pl.col("_entries"))]


def weight_rules(*, one: bool) -> list[Rule]:
    """The rules of scores that are counts (the row has `votes`) or shares; of one label in all where `one`.

    An annotation of `votes` people holds how many of them gave each label; without votes it is a soft label.
    """
    score, votes = pl.col("score"), pl.col("row:votes")
    some = (pl.col("_scored") > 0) & (pl.col("_scored") < pl.col("_entries"))
    rules = [
        Rule(
            "some labels have a score, others none",
            "labels.score",
            some,
            "null beside others that are not",
            value=pl.lit(None, dtype=pl.Float64),
        ),
        Rule(
            "a score that is no weight",
            "labels.score",
            ~score.is_finite() | (score < 0),
            "a count or a share is 0 or more",
            of="entry",
        ),
        Rule(
            "more votes than people",
            "labels.score",
            score > votes + _SLACK,
            "more than the votes of its row",
            of="entry",
        ),
        Rule(
            "a share above 1",
            "labels.score",
            votes.is_null() & (score > 1 + _SLACK),
            "a share is 1 at most; counts need votes",
            of="entry",
        ),
    ]
    if one:
        total = pl.col("_sum")
        over = total > pl.col("votes").cast(pl.Float64).fill_null(1.0) + _SLACK
        says = "together more than all (votes, or 1 for shares)"
        rules.append(Rule("scores above their total", "labels.score", over, says, value=total))
    return rules


def weights(answer: Answer) -> dict[str, float] | None:
    """{label: its score} of an answer with scores, null where it has none."""
    if answer.scores is None or answer.labels is None or all(score is None for score in answer.scores):
        return None
    return {label: score or 0.0 for label, score in zip(answer.labels, answer.scores, strict=True)}


def shares(answer: Answer) -> dict[str, float] | None:
    """The `weights`, made to add up to 1 where they add up to more: votes become the share of the voters."""
    given = weights(answer)
    if given is None:
        return None
    total = max(sum(given.values()), 1.0)
    return {label: score / total for label, score in given.items()}


def entries(labels: pl.DataFrame, column: str) -> pl.DataFrame:
    """`row` (the place in `labels`) and the fields of every entry of its list `column` ("labels" or "soft")."""
    given = labels.select(pl.col(column)).with_row_index("row").filter(pl.col(column).list.len() > 0)
    return given.explode(column).unnest(column)


def places(given: pl.DataFrame, ids: list[str], labels: pl.DataFrame) -> pl.DataFrame:
    """`given` (row, label, ...) with `index`, the place of its label in `ids`.

    Raises:
        DsbuildError: a label is none of them.
    """
    index = pl.col("label").replace_strict(ids, list(range(len(ids))), default=None, return_dtype=pl.Int64)
    found = given.with_columns(index.alias("index"))
    outside = found.filter(pl.col("index").is_null())
    if outside.height:
        row = labels.row(int(outside["row"][0]), named=True)
        raise DsbuildError(
            f"{outside['label'][0]!r} is no label of the task {row['task']}.", where=f"item {row['item_id']}"
        )
    return found


def filled(given: pl.DataFrame, column: str, rows: int, width: int, empty: float) -> NDArray[np.float32]:
    """(rows, width) float32 with `given[column]` at (row, index) and `empty` elsewhere."""
    made = np.full((rows, width), empty, dtype=np.float32)
    made[given["row"].to_numpy(), given["index"].to_numpy()] = given[column].to_numpy()
    return made


def lists(rows: NDArray[np.float32], known: pl.Series) -> pl.Series:
    """The rows of an array as lists, null where `known` (Boolean) is not true and for the entries that are NaN."""
    values = pl.Series(rows, dtype=pl.Array(pl.Float32, rows.shape[1])).arr.to_list()
    if np.isnan(rows).any():
        values = values.list.eval(pl.element().fill_nan(None))
    return _where(known, values)


def _where(known: pl.Series, values: pl.Series) -> pl.Series:
    return pl.DataFrame({"known": known, "value": values}).select(pl.when("known").then("value"))["value"]


def grouped(given: pl.DataFrame, column: str, known: pl.Series) -> pl.Series:
    """The lists of `given[column]` by `row`, which is sorted; empty where `known` without any, null elsewhere."""
    rows = len(known)
    counts = np.bincount(given["row"].to_numpy(), minlength=rows) if rows else np.zeros(0, dtype=np.int64)
    ends = np.concatenate([[0], counts.cumsum()]).astype(np.int64)
    values = given[column].to_arrow()
    made = pl.Series(pa.LargeListArray.from_arrays(pa.array(ends), values))
    return _where(known, made)


def one_index(labels: pl.DataFrame, ids: list[str]) -> pl.Series:
    """The place in `ids` of the one label of each row of `labels` (LABELS), null where there is none.

    Raises:
        DsbuildError: a row has several.
    """
    found = places(entries(labels, "labels"), ids, labels)
    several = found.filter(pl.col("row").is_duplicated())
    if several.height:
        row = labels.row(int(several["row"][0]), named=True)
        raise DsbuildError(
            f"The task {row['task']} is a choice, but an item has several labels.", where=f"item {row['item_id']}"
        )
    rows = pl.DataFrame({"row": pl.int_range(labels.height, dtype=pl.UInt32, eager=True)})
    return rows.join(found, on="row", how="left", maintain_order="left")["index"]


def shares_of(labels: pl.DataFrame, ids: list[str]) -> pl.Series:
    """The share of each of `ids` in every row of `labels` (LABELS): `soft` where there is one, else the p of the labels
    that were chosen (1 where the rule gives none) and 0 for the others; null where there is no answer."""
    chosen = entries(labels, "labels").select("row", "label", pl.col("p").fill_null(1.0))
    soft = entries(labels, "soft").select("row", "label", "p")
    chosen = chosen.join(soft.select("row").unique(), on="row", how="anti") if soft.height else chosen
    both = places(pl.concat([soft, chosen]), ids, labels)
    known = labels["labels"].is_not_null()
    return lists(filled(both, "p", labels.height, len(ids), 0.0), known)


def taxonomy_lines(taxonomy: Taxonomy) -> list[str]:
    """The taxonomy as a table: every label, what it means and its place in TONE."""
    lines = ["", f"Taxonomy: {escape(taxonomy.title)} ({escape(taxonomy.source)}).", ""]
    lines += ["| label | meaning | TONE |", "| --- | --- | --- |"]
    for label in taxonomy.labels:
        paths = (filter(None, (place.primary, place.secondary, place.tertiary)) for place in label.places)
        tone = " + ".join(" > ".join(path) for path in paths) or f"none: {label.tone_note}"
        lines.append(f"| {escape(label.id)} | {escape(label.definition)} | {escape(tone)} |")
    return lines
