"""From annotations to labels by a named rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import Field, TypeAdapter, ValidationError

from audits.aggregate.adjudicated import Adjudicated
from audits.aggregate.ballot import Ballot, Outcome, count
from audits.aggregate.dawid_skene import DawidSkene
from audits.aggregate.intersection import Intersection
from audits.aggregate.majority import Majority
from audits.aggregate.rule import Rule
from audits.aggregate.stated import Stated
from audits.aggregate.union import Union
from audits.arrays import Floats
from schemas.errors import DsbuildError
from schemas.tables import LABELS, conform, polars_schema
from schemas.task import Task

Method = Annotated[Majority | Union | Intersection | DawidSkene | Adjudicated | Stated, Field(discriminator="rule")]
"""What an aggregate's `method` may be in a recipe: `{rule: dawid_skene, smoothing: 0.01}`, or the rule's name alone."""

_METHOD: TypeAdapter[Rule] = TypeAdapter(Method)
Tone = Callable[[str], tuple[str | None, str | None, str | None]]

# Posteriors of an iterative fit are the same on every machine to this many decimals.
_DECIMALS = 6


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
            fix="Rules: majority, union, intersection, dawid_skene, adjudicated, stated.",
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

    Which annotations vote is said in `audits.answers`; the adjudicated rule also reads the adjudication round.

    Args:
        name: the aggregate's name.
        method: the rule; its class says exactly what it does.
        tier: default: `gold` where people judged, `silver` where machines did (llm, model, lexicon), `stated` where
            authors did, else `mixed`.
        compare: further rules, only counted.
        tone: (primary, secondary, tertiary) of a label; default: the taxonomy's.

    Returns:
        LABELS, one row for every item with an annotation of the task, sorted by item: `labels` in the taxonomy's order
        with the rule's p to 6 decimals, null where the rule gives no label; `annotators` who answered or adjudicated;
        `agreement`, the share of those who answered in the first round whose answer is exactly the final one (on the
        labels that were put to them), null where there is no label or nobody answered in the first round.
        And an entry of `aggregates` in metrics.json: name, task, method, options, from, tier, items, unlabelled, none
        ("none of these"), labels (count of each), ties, compare, fit (rounds, converged, log_likelihood, for rules
        that estimate), note.

    Raises:
        DsbuildError: unknown method or option, a rule that the task cannot have, a label that is not the task's, or a
            rater model over annotations that stand for several people.
    """
    rule = as_method(method)
    ours = annotations.filter(pl.col("task") == task.name)
    if over is not None:
        ours = ours.filter(pl.col("annotator").is_in(list(over)))
    voters = rule.voters(ours)
    _people_only(rule, voters, task)
    ballot = count(voters, task)
    outcome = rule.decide(ballot)
    tier = tier or _tier(voters)
    labels = _frame(ballot, outcome, name, rule, tier, tone)
    comparisons = []
    for other in map(as_method, compare):
        _people_only(other, other.voters(ours), task)
        others = count(other.voters(ours), task)
        comparisons.append({"method": other.rule, **_counts(others, other.decide(others))})
    figures = {
        "name": name,
        "task": task.name,
        "method": rule.rule,
        "options": rule.model_dump(exclude={"rule"}),
        "from": list(over) if over is not None else voters["annotator"].unique().sort().to_list(),
        "tier": tier,
        **_counts(ballot, outcome),
        "none": int(outcome.none.sum()),
        "ties": int(outcome.ties.sum()),
        "compare": comparisons,
        "fit": outcome.fit,
        "note": " ".join([*ballot.answers.notes, *outcome.notes]) or None,
    }
    return labels, figures


def _people_only(rule: Rule, annotations: pl.DataFrame, task: Task) -> None:
    several = annotations.filter(pl.col("votes") > 1)
    if isinstance(rule, DawidSkene) and several.height:
        raise DsbuildError(
            f"dawid_skene estimates one annotator's errors, but {several.height:,} annotations of {task.name} stand "
            "for several people each.",
            where=f"annotator {several['annotator'][0]}",
            fix="Use majority, or the individual annotations if the corpus has them.",
        )


def _tier(annotations: pl.DataFrame) -> str | None:
    """The tier that the kinds of annotators make; None without annotations."""
    answered = ~pl.col("skipped").fill_null(False) & pl.col("labels").is_not_null()
    kinds = set(annotations.filter(answered)["annotator_kind"].unique()) or set(annotations["annotator_kind"].unique())
    if not kinds:
        return None
    if kinds == {"human"}:
        return "gold"
    if kinds == {"author"}:
        return "stated"
    return "silver" if kinds <= {"llm", "model", "lexicon"} else "mixed"


def _counts(ballot: Ballot, outcome: Outcome) -> dict[str, Any]:
    by_label = outcome.chosen.sum(axis=0).tolist()
    return {
        "items": len(ballot.items),
        "unlabelled": int((~outcome.decided).sum()),
        "labels": dict(zip(ballot.task.label_ids, by_label, strict=True)),
    }


def _agreement(ballot: Ballot, outcome: Outcome) -> Floats:
    """(I,) share of first answers that are exactly the final one; NaN where fewer than two answered."""
    answers = ballot.answers
    asked = answers.asked[answers.answer]
    differs = (answers.member[answers.answer] ^ outcome.chosen[ballot.item]) & asked
    same = np.bincount(ballot.item[~differs.any(axis=1)], minlength=len(ballot.items))
    share = same / np.maximum(ballot.answered, 1)
    return np.where(outcome.decided & (ballot.answered > 1), share, np.nan)


def _annotators(ballot: Ballot) -> list[int]:
    """(I,) distinct annotators who answered or adjudicated."""
    where = np.flatnonzero(ballot.adjudicated)
    first = pl.DataFrame(
        {"item": ballot.item, "by": pl.Series(ballot.answers.annotators, dtype=pl.String)[ballot.answers.annotator]}
    )
    judges = pl.DataFrame({"item": where, "by": [ballot.adjudicators[i] for i in where]}, schema=first.schema)
    both = pl.concat([first, judges]).unique()
    return [int(n) for n in np.bincount(both["item"].to_numpy(), minlength=len(ballot.items))]


def _frame(
    ballot: Ballot, outcome: Outcome, name: str, rule: Rule, tier: str | None, tone: Tone | None
) -> pl.DataFrame:
    task = ballot.task
    tone = tone or (lambda label: task.taxonomy.tone_path(label) if task.taxonomy else (None, None, None))
    rows, columns = np.nonzero(outcome.chosen)
    schema = polars_schema(LABELS)
    paths = pl.DataFrame(
        [(label, *tone(label)) for label in task.label_ids],
        schema={"label": pl.String, "primary": pl.String, "secondary": pl.String, "tertiary": pl.String},
        orient="row",
    )
    lists = (
        paths[columns]
        .with_columns(
            pl.Series("row", rows, dtype=pl.Int64),
            pl.Series("p", outcome.p[rows, columns].round(_DECIMALS), dtype=pl.Float64),
        )
        .group_by("row", maintain_order=True)
        .agg(
            pl.struct("label", "p").alias("labels"),
            pl.struct("label", "primary", "secondary", "tertiary").alias("tone"),
        )
    )
    agreement = pl.Series(_agreement(ballot, outcome), dtype=pl.Float64).fill_nan(None)
    frame = (
        pl.DataFrame(
            {
                "row": pl.Series(np.arange(len(ballot.items)), dtype=pl.Int64),
                "item_id": pl.Series(ballot.items, dtype=pl.String),
                "annotators": pl.Series(_annotators(ballot), dtype=pl.Int32),
                "agreement": agreement,
                "none": outcome.none,
            }
        )
        .join(lists, on="row", how="left", maintain_order="left")
        .with_columns(
            pl.when("none").then(pl.lit([], dtype=schema[column])).otherwise(column).alias(column)
            for column in ("labels", "tone")
        )
        .with_columns(
            pl.lit(task.name).alias("task"),
            pl.lit(task.perspective).alias("perspective"),
            pl.lit(name).alias("aggregate"),
            pl.lit(tier, dtype=pl.String).alias("tier"),
            pl.lit(rule.rule).alias("method"),
        )
        .drop("row", "none")
    )
    return conform(frame, LABELS)
