"""Annotations written as an LLM would have given them: the JSON of each answer, and the column `seen` of items.

`seen` is what an annotator is shown of others: list<struct{annotator, task, annotation_id, answer, extra}>, all
strings. `answer` is the JSON object in the form of the task's JSON Schema; an answer whose labels are counts of votes
or shares has its strongest label (of a multi all of them, the strongest first) and the object `scores` {label: weight}.
An annotation of a task that the recipe does not ask, a translation say, has its words in `extra` and no `answer`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from schemas.answer import Answer, Shown, Turn
from schemas.kinds import kind_of
from schemas.task import Task

SEEN = pl.Struct(dict.fromkeys(("annotator", "task", "annotation_id", "answer", "extra"), pl.String))
_ANSWER = ("labels", "value", "spans", "trace", "text", "asked")
_NEEDED = ("annotation_id", "item_id", "task", "annotator", "sample", "round", "skipped", *_ANSWER)


def answers_json(annotations: pl.DataFrame, task: Task, items: pl.DataFrame | None = None) -> pl.Series:
    """The JSON of every answer in `annotations` (ANNOTATIONS of `task`), in their order; null where there is none.

    `items` (ITEMS) are needed for spans, whose turns are told by their place. Every different answer is written once,
    so that most kinds cost little however many rows there are.
    """
    alike = [*_ANSWER, "item_id"] if task.kind == "span" else list(_ANSWER)
    keys = annotations.select(pl.struct(alike).struct.json_encode().alias("key"), *alike)
    distinct = keys.unique("key", maintain_order=True)
    shown = _shown(items, distinct["item_id"]) if task.kind == "span" and items is not None else {}
    column = kind_of(task).column
    written = [
        None if row[column] is None else _written(task, row, shown.get(row.get("item_id", "")))
        for row in distinct.to_dicts()
    ]
    table = distinct.select("key").with_columns(pl.Series("json", written, dtype=pl.String))
    return keys.select("key").join(table, on="key", how="left", maintain_order="left")["json"]


def _written(task: Task, row: Mapping[str, Any], shown: Shown | None) -> str:
    answer = Answer.from_columns(row)
    if task.kind in ("choice", "multi", "open", "pairwise") and answer.labels and answer.scores is not None:
        scores = {label: score or 0.0 for label, score in zip(answer.labels, answer.scores, strict=True)}
        order = sorted(scores, key=lambda label: -scores[label])
        best = Answer(labels=order[:1] if task.kind in ("choice", "pairwise") else order)
        given = {**task.given(best), "scores": scores}
    else:
        given = task.given(answer, shown)
    return json.dumps(given, ensure_ascii=False, separators=(", ", ": "))


def _shown(items: pl.DataFrame, ids: pl.Series) -> dict[str, Shown]:
    wanted = items.select("item_id", "text", "context").join(pl.DataFrame({"item_id": ids.unique()}), on="item_id")
    return {
        item: Shown(item, text, tuple(Turn(one["item_id"], one["speaker"], one["text"]) for one in context or ()))
        for item, text, context in wanted.iter_rows()
    }


def seen(parts: Sequence[pl.DataFrame], tasks: Sequence[Task], items: pl.DataFrame) -> pl.DataFrame:
    """`items` (ITEMS) with the column `seen` of what the annotations in `parts` (ANNOTATIONS) say about them.

    First answers (sample 0) that are not skipped; of each item in the order of the parts, in a part by annotator, then
    of the tasks, by-products last. An item about which nobody said anything has an empty list.
    """
    names = [field.name for field in SEEN.fields]
    rows = pl.concat(
        [pl.DataFrame(schema={"item_id": pl.String, **dict.fromkeys(names, pl.String)})]
        + [_rows(part, tasks, items).select("item_id", *names) for part in parts]
    )
    lists = (
        rows.unique("annotation_id", keep="first", maintain_order=True)
        .group_by("item_id", maintain_order=True)
        .agg(pl.struct(names).alias("seen").cast(SEEN))
    )
    joined = items.join(lists, on="item_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("seen").fill_null(pl.lit([], dtype=pl.List(SEEN))))


def _rows(annotations: pl.DataFrame, tasks: Sequence[Task], items: pl.DataFrame) -> pl.DataFrame:
    usable = annotations.select(_NEEDED).filter(
        (pl.col("sample").fill_null(0) == 0)
        & (pl.col("round").fill_null("first") == "first")
        & ~pl.col("skipped").fill_null(False)
    )
    usable = usable.join(items.select("item_id"), on="item_id", how="semi", maintain_order="left")
    nothing = pl.lit(None, dtype=pl.String)
    others = usable.filter(~pl.col("task").is_in([task.name for task in tasks]) & pl.col("text").is_not_null())
    rows = [others.with_columns(nothing.alias("answer"), extra="text", _place=pl.lit(len(tasks), dtype=pl.Int32))]
    for place, task in enumerate(tasks):
        mine = usable.filter(pl.col("task") == task.name)
        answer = answers_json(mine, task, items).alias("answer")
        mine = mine.with_columns(answer, nothing.alias("extra"), pl.lit(place, dtype=pl.Int32).alias("_place"))
        rows.append(mine.filter(pl.col("answer").is_not_null()))
    return pl.concat(rows).sort("annotator", "_place", "task", "annotation_id")
