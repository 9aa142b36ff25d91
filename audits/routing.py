"""What a condition about annotators (`schemas.where`) comes to on each item: whether it holds, and how strongly.

- `disagree`: the mean of the task's own distance over the pairs of annotators that both answered, first answers only.
- `uncertain`: 1 - confidence of the least sure of them. The confidence of an answer is what came with it
  (`confidence`); else, of a soft label or of counts of votes, 1 - H / log(L + 1), H the entropy over the L labels and
  "none of these" (Shannon, 1948), of labels that do not exclude each other 1 minus the entropy in bits of the label
  that is least sure; else, of several samples, the share of those that give the most frequent answer (Wang et al.,
  2023, "Self-consistency improves chain of thought reasoning in language models", ICLR).
- `missing`: 1 where one of them gave no answer, else 0.

Of several tasks the one with the strongest answer counts. Nothing is said where nobody answered: an item without two
answers is not in disagreement, one without an answer not uncertain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from audits.answers import first_answers, is_answer
from schemas.answer import Answer
from schemas.errors import DsbuildError
from schemas.task import Task
from schemas.where import All, Call, Condition, Not

_ANSWER = ("labels", "value", "spans", "trace", "text", "asked")
_ONE_OF = ("choice", "pairwise")
_SHARED = (*_ONE_OF, "multi", "open")  # kinds whose scores are shares of labels
_FIGURES = {"item_id": pl.String, "strength": pl.Float64}


@dataclass(frozen=True)
class Said:
    """What one name of a condition stands for: its `annotations` (ANNOTATIONS), and the tasks it is asked about."""

    annotations: pl.DataFrame
    tasks: Sequence[Task]


def route(condition: Condition, said: Mapping[str, Said], items: pl.Series) -> pl.DataFrame:
    """`item_id`, `holds` (Boolean) and `strength` (Float64, 0 to 1) of every one of `items` (item ids), in their order.

    `said` has every name of the condition.

    Raises:
        DsbuildError: it asks how sure an annotator is that never says so.
    """
    if isinstance(condition, Call):
        found = _QUESTIONS[condition.word](condition, [(name, said[name]) for name in condition.names], items)
        table = pl.DataFrame({"item_id": items}).join(found, on="item_id", how="left", maintain_order="left")
        strength = pl.col("strength").fill_null(0.0)
        return table.select("item_id", (strength > _bound(condition)).alias("holds"), strength.alias("strength"))
    if isinstance(condition, Not):
        inner = route(condition.of, said, items)
        return inner.with_columns(~pl.col("holds"), (1 - pl.col("strength")).alias("strength"))
    parts = [route(one, said, items) for one in condition.of]
    every = isinstance(condition, All)
    names = [str(place) for place in range(len(parts))]
    found = pl.DataFrame([part["holds"].alias(name) for name, part in zip(names, parts, strict=True)])
    strong = pl.DataFrame([part["strength"].alias(name) for name, part in zip(names, parts, strict=True)])
    both = pl.all_horizontal(names) if every else pl.any_horizontal(names)
    bound = pl.min_horizontal(names) if every else pl.max_horizontal(names)
    return pl.DataFrame(
        {"item_id": items, "holds": found.select(both).to_series(), "strength": strong.select(bound).to_series()}
    )


def ranked(routed: pl.DataFrame) -> pl.DataFrame:
    """The rows of `route` for which the condition holds, the strongest first; the order of equals stays."""
    return routed.filter("holds").sort("strength", descending=True, maintain_order=True)


def _bound(call: Call) -> float:
    """The strength above which a question is answered with yes."""
    if call.word == "uncertain":
        return 0.0 if call.bound is None else 1 - call.bound
    return 0.0 if call.bound is None else call.bound


def _asked(call: Call, one: Said) -> list[Task]:
    return [task for task in one.tasks if call.task in (None, task.name)]


def _disagree(call: Call, said: Sequence[tuple[str, Said]], items: pl.Series) -> pl.DataFrame:
    found = []
    for task in {task.name: task for _, one in said for task in _asked(call, one)}.values():
        answers = [first_answers(one.annotations, task) for _, one in said if task in _asked(call, one)]
        found.append(differences(pl.concat(answers).unique("annotation_id", maintain_order=True), task))
    return _strongest(found)


def differences(answers: pl.DataFrame, task: Task) -> pl.DataFrame:
    """`item_id` and `strength`: the mean distance over pairs of `answers` to an item (ANNOTATIONS of `task`, one for
    each annotator and item); items without two answers that can be compared are not in it."""
    coded, distinct = _coded(answers)
    pairs = (
        coded.join(coded, on="item_id", suffix="_b")
        .filter(pl.col("annotator") < pl.col("annotator_b"))
        .select(
            "item_id", pl.min_horizontal("code", "code_b").alias("a"), pl.max_horizontal("code", "code_b").alias("b")
        )
    )
    apart = pairs.select("a", "b").filter(pl.col("a") != pl.col("b")).unique().sort("a", "b")
    measured = [_difference(task, distinct[a], distinct[b]) for a, b in apart.iter_rows()]
    apart = apart.with_columns(pl.Series("strength", measured, dtype=pl.Float64))
    same = pl.when(pl.col("a") == pl.col("b")).then(0.0).otherwise("strength")
    return (
        pairs.join(apart, on=["a", "b"], how="left")
        .with_columns(same.alias("strength"))
        .drop_nulls("strength")
        .group_by("item_id")
        .agg(pl.col("strength").mean())
        .select(*_FIGURES)
    )


def _difference(task: Task, a: Answer, b: Answer) -> float | None:
    try:
        return task.difference(a, b)
    except ValueError:  # they were not asked the same, so there is nothing to compare
        return None


def _coded(answers: pl.DataFrame) -> tuple[pl.DataFrame, list[Answer]]:
    """`item_id`, `annotator`, `code` of every row, and the distinct answers that the codes stand for."""
    keys = answers.select("item_id", "annotator", *_ANSWER, pl.struct(_ANSWER).struct.json_encode().alias("key"))
    distinct = keys.unique("key", maintain_order=True).with_row_index("code")
    coded = keys.select("item_id", "annotator", "key").join(distinct.select("key", "code"), on="key")
    return coded.select("item_id", "annotator", "code"), [Answer.from_columns(row) for row in distinct.to_dicts()]


def _uncertain(call: Call, said: Sequence[tuple[str, Said]], items: pl.Series) -> pl.DataFrame:
    found = []
    for name, one in said:
        parts = [confidence(one.annotations, task) for task in _asked(call, one)]
        if any(part["answers"].sum() for part in parts) and not any(part["confidence"].count() for part in parts):
            raise DsbuildError(
                f"{call} cannot be told: {name} never says how sure it is.",
                fix="Ask for several samples (samples: 5), for log probabilities, or an annotator with soft labels.",
            )
        sure = (part.drop_nulls("confidence") for part in parts)
        found += [part.select("item_id", (1 - pl.col("confidence")).alias("strength")) for part in sure]
    return _strongest(found)


def confidence(annotations: pl.DataFrame, task: Task) -> pl.DataFrame:
    """`item_id`, `annotator`, `answers` (how many samples) and `confidence` (0 to 1; null where nothing says it) of the
    answers to `task` in `annotations` (ANNOTATIONS)."""
    rows = annotations.filter(
        (pl.col("task") == task.name) & is_answer(task) & (pl.col("round").fill_null("first") == "first")
    ).sort("item_id", "annotator", pl.col("sample").fill_null(0), "annotation_id")
    rows = rows.with_columns(_shared_confidence(rows, task).alias("_shared"), _said(task).alias("_answer"))
    of = ["item_id", "annotator"]
    modes = (
        rows.group_by(*of, "_answer")
        .len()
        .group_by(of)
        .agg((pl.col("len").max() / pl.col("len").sum()).alias("_agree"), pl.col("len").sum().alias("answers"))
    )
    firsts = rows.group_by(of, maintain_order=True).agg(pl.col("confidence").first(), pl.col("_shared").first())
    several = pl.when(pl.col("answers") > 1).then("_agree")
    return firsts.join(modes, on=of, maintain_order="left").select(
        *of, "answers", pl.coalesce("confidence", "_shared", several).clip(0.0, 1.0).alias("confidence")
    )


def _said(task: Task) -> pl.Expr:
    """What is the same for the same answer, in whatever words and order it was given."""
    if task.kind in _SHARED:
        return pl.col("labels").list.eval(pl.element().struct.field("label")).list.sort().list.join("\n")
    return pl.struct(_ANSWER).struct.json_encode()


def _shared_confidence(rows: pl.DataFrame, task: Task) -> pl.Series:
    """The confidence in each row of its soft label or counts; null where it has none."""
    if task.kind not in _SHARED or rows.is_empty():
        return pl.Series([None] * rows.height, dtype=pl.Float64)
    weights = (
        rows.select("labels", pl.col("votes").fill_null(1).alias("_people"))
        .with_row_index("_row")
        .explode("labels")
        .select("_row", (pl.col("labels").struct.field("score") / pl.col("_people")).clip(0, 1).alias("p"))
        .drop_nulls("p")
    )
    if task.kind in _ONE_OF:
        none = (1 - pl.col("p").sum()).clip(0, 1)
        entropy = _surprise(pl.col("p")).sum() + _surprise(none)
        sure = 1 - entropy / float(pl.Series([len(task.label_ids) + 1]).log()[0])
    else:
        sure = 1 - ((_surprise(pl.col("p")) + _surprise(1 - pl.col("p"))) / float(pl.Series([2.0]).log()[0])).max()
    found = weights.group_by("_row").agg(sure.alias("sure"))
    every = pl.DataFrame({"_row": pl.Series(range(rows.height), dtype=pl.UInt32)})
    return every.join(found, on="_row", how="left", maintain_order="left")["sure"]


def _surprise(p: pl.Expr) -> pl.Expr:
    """-p log p, 0 at 0."""
    return pl.when(p > 0).then(-p * p.log()).otherwise(0.0)


def _missing(call: Call, said: Sequence[tuple[str, Said]], items: pl.Series) -> pl.DataFrame:
    table = pl.DataFrame({"item_id": items})
    found = []
    for _, one in said:
        for task in _asked(call, one):
            answered = one.annotations.filter((pl.col("task") == task.name) & is_answer(task)).select("item_id")
            found.append(table.join(answered, on="item_id", how="anti").with_columns(strength=pl.lit(1.0)))
    return _strongest(found)


def _strongest(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    every = pl.concat([pl.DataFrame(schema=_FIGURES), *(part.select(*_FIGURES) for part in parts)])
    return every.group_by("item_id").agg(pl.col("strength").max())


_QUESTIONS = {"disagree": _disagree, "uncertain": _uncertain, "missing": _missing}
