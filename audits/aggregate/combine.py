"""From annotations to labels by a named rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import polars as pl
from pydantic import Field, TypeAdapter, ValidationError

from audits.aggregate import given
from audits.aggregate.adjudicated import Adjudicated
from audits.aggregate.attributes import attributes
from audits.aggregate.borda import Borda, borda
from audits.aggregate.dawid_skene import DawidSkene
from audits.aggregate.decision import Decision
from audits.aggregate.intersection import Intersection
from audits.aggregate.majority import Majority
from audits.aggregate.mean import Mean, Median
from audits.aggregate.numbers import intensity, scale, trace
from audits.aggregate.rule import Rule, VoteRule
from audits.aggregate.spans import spans
from audits.aggregate.stated import Stated
from audits.aggregate.texts import texts
from audits.aggregate.union import Union
from audits.aggregate.votes import Tone, votes
from audits.aggregate.words import words
from audits.answers import answer_column, has_scores, is_answer
from audits.figures import figure
from audits.methods import METHODS, VOTED, all_methods, why_not
from schemas.errors import DsbuildError
from schemas.tables import LABELS, conform, empty, polars_schema
from schemas.task import Task

Method = Annotated[
    Majority | Union | Intersection | DawidSkene | Mean | Median | Borda | Adjudicated | Stated,
    Field(discriminator="rule"),
]
"""What an aggregate's `method` may be in a recipe: `{rule: dawid_skene, smoothing: 0.01}`, or the rule's name alone."""

_METHOD: TypeAdapter[Rule] = TypeAdapter(Method)
_BY_KIND = {
    "attributes": attributes,
    "intensity": intensity,
    "open": words,
    "ranking": borda,
    "scale": scale,
    "span": spans,
    "text": texts,
    "trace": trace,
}


def as_method(method: str | Mapping[str, Any] | Rule) -> Rule:
    """A rule from its name, its options as a mapping, or itself.

    Raises:
        DsbuildError: there is no such rule, or it has no such option.
    """
    if isinstance(method, Rule):
        return method
    options = {"rule": method} if isinstance(method, str) else dict(method)
    try:
        return _METHOD.validate_python(options)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise DsbuildError(
            f"This is no aggregation method: {faults}.",
            fix=f"Rules: {', '.join(all_methods())}.",
        ) from error


def aggregate(
    annotations: pl.DataFrame,
    task: Task,
    *,
    name: str,
    method: str | Mapping[str, Any] | Rule = "majority",
    over: Sequence[str] | None = None,
    tier: str | None = None,
    compare: Sequence[str | Mapping[str, Any] | Rule] = (),
    tone: Tone | None = None,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Make labels of `annotations` (ANNOTATIONS) on `task` by the annotators `over` (default: all).

    Which annotations vote is said in `audits.answers`; the adjudicated rule also reads the adjudication round. Which
    rules a kind of task can have stands in `audits.methods`; what they do for it, with the rules and in the modules
    `votes`, `attributes`, `borda`, `numbers`, `spans`, `texts` and `words`.

    Args:
        name: the aggregate's name.
        method: the rule; its class says exactly what it does.
        tier: default: `gold` where people judged, `silver` where machines did (llm, model, lexicon), `stated` where
            authors did, else `mixed`.
        compare: further rules, only counted.
        tone: (primary, secondary, tertiary) of a label; default: the taxonomy's.

    Returns:
        LABELS, one row for every item with an annotation of the task, sorted by item, with every figure to 6 decimals;
        the answer is null where the rule gives no label; `annotators` answered or adjudicated; `agreement` is said by
        `votes` and `texts` and null elsewhere.
        And an entry of `aggregates` in metrics.json: name, task, method, options, from, tier, items, unlabelled, none
        ("none of these"), labels (count of each), values (of a scale: mean, sd, min, max; else null), ties, compare,
        fit (rounds, converged, log_likelihood, for rules that estimate), note.

    Raises:
        DsbuildError: unknown method or option, a rule that the task cannot have, a label that is not the task's, or a
            rater model over annotations that stand for several people.
    """
    rule = as_method(method)
    ours = annotations.filter(pl.col("task") == task.name)
    if over is not None:
        ours = ours.filter(pl.col("annotator").is_in(list(over)))
    voters = rule.voters(ours)
    decision = _decide(rule, voters, task, tone or _tone(task))
    tier = tier or _tier(voters, task)
    labels = _frame(decision, task, name, rule, tier)
    comparisons = []
    for other in map(as_method, compare):
        decided = _decide(other, other.voters(ours), task, None)
        comparisons.append({"method": other.rule, **_counts(decided, task)})
    figures = {
        "name": name,
        "task": task.name,
        "method": rule.rule,
        "options": rule.model_dump(exclude={"rule"}),
        "from": list(over) if over is not None else voters["annotator"].unique().sort().to_list(),
        "tier": tier,
        **_counts(decision, task),
        "none": decision.none,
        "values": _values(labels),
        "ties": decision.ties,
        "compare": comparisons,
        "fit": decision.fit,
        "note": " ".join(decision.notes) or None,
    }
    return labels, figures


def _decide(rule: Rule, annotations: pl.DataFrame, task: Task, tone: Tone | None) -> Decision:
    why = why_not(task.kind, rule.rule)
    if why is not None:
        raise DsbuildError(f"{why[:1].upper()}{why[1:]}.", where=f"task {task.name}")
    _people_only(rule, annotations, task)
    if task.kind in VOTED:
        assert isinstance(rule, VoteRule)
        return votes(rule, annotations, task, tone)
    if isinstance(rule, Stated):
        return given.stated(annotations, task)
    if isinstance(rule, Adjudicated):
        fallback = as_method(METHODS[task.kind][0])
        return given.adjudicated(annotations, task, _BY_KIND[task.kind](fallback, annotations, task))
    return _BY_KIND[task.kind](rule, annotations, task)


def _people_only(rule: Rule, annotations: pl.DataFrame, task: Task) -> None:
    if not isinstance(rule, DawidSkene):
        return
    several = annotations.filter(pl.col("votes") > 1)
    if several.height:
        raise DsbuildError(
            f"dawid_skene estimates one annotator's errors, but {several.height:,} annotations of {task.name} stand "
            "for several people each.",
            where=f"annotator {several['annotator'][0]}",
            fix="Use majority, which counts them, or the individual annotations if the corpus has them.",
        )
    soft = annotations.filter(pl.col("labels").is_not_null()).filter(pl.Series(_soft(annotations)))
    if soft.height:
        raise DsbuildError(
            f"dawid_skene needs one answer of each annotator, but {soft.height:,} annotations of {task.name} are soft "
            "labels.",
            where=f"annotator {soft['annotator'][0]}",
            fix="Use majority, which adds their probabilities up.",
        )


def _soft(annotations: pl.DataFrame) -> Any:
    return has_scores(annotations["labels"].drop_nulls())


def _tier(annotations: pl.DataFrame, task: Task) -> str | None:
    """The tier that the kinds of annotators make; None without annotations."""
    kinds = set(annotations.filter(is_answer(task))["annotator_kind"].unique())
    kinds = kinds or set(annotations["annotator_kind"].unique())
    if not kinds:
        return None
    if kinds == {"human"}:
        return "gold"
    if kinds == {"author"}:
        return "stated"
    return "silver" if kinds <= {"llm", "model", "lexicon"} else "mixed"


def _tone(task: Task) -> Tone | None:
    return None if task.taxonomy is None else task.taxonomy.tone_path


def _counts(decision: Decision, task: Task) -> dict[str, Any]:
    column = answer_column(task)
    unlabelled = decision.labels[column].null_count() if column in decision.labels.columns else decision.labels.height
    return {"items": decision.labels.height, "unlabelled": unlabelled, "labels": decision.counts}


def _values(labels: pl.DataFrame) -> dict[str, float | None] | None:
    """The figures of `value`; None where no row has one."""
    values = labels["value"].drop_nulls()
    if values.is_empty():
        return None
    lowest, highest = values.min(), values.max()
    assert isinstance(lowest, float)
    assert isinstance(highest, float)
    deviation = values.std() if len(values) > 1 else None
    mean = values.mean()
    assert isinstance(mean, float)
    return {
        "mean": figure(mean),
        "sd": figure(deviation if isinstance(deviation, float) else None),
        "min": figure(lowest),
        "max": figure(highest),
    }


def _frame(decision: Decision, task: Task, name: str, rule: Rule, tier: str | None) -> pl.DataFrame:
    """The rows of LABELS; `tone` of labels that a rule without votes chose is added here."""
    frame = decision.labels.with_columns(
        pl.lit(task.name).alias("task"),
        pl.lit(task.perspective).alias("perspective"),
        pl.lit(name).alias("aggregate"),
        pl.lit(tier, dtype=pl.String).alias("tier"),
        pl.lit(rule.rule).alias("method"),
    )
    if "tone" not in frame.columns and "labels" in frame.columns and task.taxonomy is not None:
        frame = frame.with_columns(_tone_of(frame["labels"], task))
    return conform(frame, LABELS) if frame.height else empty(LABELS)


def _tone_of(labels: pl.Series, task: Task) -> pl.Series:
    assert task.taxonomy is not None
    kind = polars_schema(LABELS)["tone"]
    paths = {label: task.taxonomy.tone_path(label) for label in task.label_ids}
    rows = (
        pl.DataFrame({"labels": labels})
        .with_row_index("row")
        .explode("labels")
        .unnest("labels")
        .drop_nulls("label")
        .with_columns(
            pl.col("label")
            .replace_strict(list(paths), [path[place] for path in paths.values()], default=None, return_dtype=pl.String)
            .alias(tier)
            for place, tier in enumerate(("primary", "secondary", "tertiary"))
        )
        .group_by("row", maintain_order=True)
        .agg(pl.struct("label", "primary", "secondary", "tertiary").alias("tone"))
    )
    joined = (
        pl.DataFrame({"labels": labels}).with_row_index("row").join(rows, on="row", how="left", maintain_order="left")
    )
    return joined.select(
        pl.when(pl.col("labels").is_not_null()).then(pl.col("tone").fill_null([])).cast(kind).alias("tone")
    )["tone"]
