"""What an entry of `labels` says about rows, as annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from corpora.answers.attributes import from_attributes
from corpora.answers.numbers import from_columns, from_rows
from corpora.answers.plan import Plan, Slot
from corpora.answers.said import ANSWER, Said
from corpora.answers.single import from_samples, from_scale, from_text, from_times
from corpora.answers.spans import from_quotes
from corpora.answers.strings import from_strings
from corpora.labels import TIME
from corpora.patterns import names_in
from corpora.pseudonyms import Pseudonyms
from corpora.scope import chosen
from schemas.ids import annotation_id
from schemas.tables import ANNOTATIONS, conform, empty

NOBODY = "no annotator"

_REJECT = {
    "item_id": pl.String,
    "reason": pl.String,
    "detail": pl.String,
    "file": pl.String,
    "line": pl.Int64,
    "raw": pl.String,
}
# Beside the columns of the file, rows have: the item's id and hash, its text, the file's name and the line.
ROW = ("_id_", "_hash_", "_text_", "_file_", "_line_")


@dataclass(frozen=True)
class Answers:
    """Annotations (ANNOTATIONS), those refused {item_id, reason, detail, file, line, raw}, how often each string was
    taken for a label whose id it is not ("respect -> Respect"), how often each label string stood, rows without answer,
    and rows that `rows` and `except` left out."""

    annotations: pl.DataFrame = field(default_factory=lambda: empty(ANNOTATIONS))
    refused: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_REJECT))
    mapped: Mapping[str, int] = field(default_factory=dict)
    strings: Mapping[str, int] = field(default_factory=dict)
    unanswered: int = 0
    left_out: int = 0


def read_answers(plan: Plan, rows: pl.DataFrame, names: Pseudonyms, provenance: str) -> Answers:
    """What `plan` makes of `rows`: the columns it wants, what the scope binds, and those of ROW."""
    entry = plan.entry
    here = rows
    if entry.rows:
        here = here.filter(chosen(entry.rows))
    if entry.except_:
        here = here.filter(~chosen(entry.except_))
    parts: list[pl.DataFrame] = []
    strings: dict[str, int] = {}
    mapped: dict[str, int] = {}
    silent = 0
    passed = here.select(chosen(entry.skipped)).to_series() if entry.skipped else None
    for slot in plan.slots:
        who = (
            here.with_columns(_who_=plan.scope.expr(entry.annotator, slot.binds))["_who_"]
            if not entry.is_named
            else None
        )
        if who is None:
            who = pl.Series("_who_", [entry.annotator]).new_from_index(0, here.height)
        elif entry.names_people:
            who = names.column(who)
        groups = _groups(plan, here, who) if entry.is_long else None
        said = _said(plan, slot, here, groups, rows)
        answers = said.answers.with_columns(skipped=pl.lit(False))
        if passed is not None:
            first = groups == pl.int_range(here.height, dtype=pl.UInt32, eager=True) if groups is not None else True
            answers = _skipped(answers, passed & first)
        parts.append(
            answers.with_columns(
                here[column].gather(answers["row"]) for column in ("_id_", "_hash_", "_file_", "_line_")
            ).with_columns(who.gather(answers["row"]).alias("_who_"))
        )
        answering = pl.int_range(here.height, dtype=pl.UInt32, eager=True) if groups is None else groups.unique()
        silent += int((~answering.is_in(answers["row"].implode())).sum())
        _add(strings, said.strings)
        _add(mapped, said.mapped)
    told = pl.concat(parts).sort("row", maintain_order=True) if len(parts) > 1 else parts[0]
    annotations, refused = _annotations(plan, told, names.corpus, provenance)
    return Answers(annotations, refused, mapped, strings, silent, rows.height - here.height)


def _said(plan: Plan, slot: Slot, here: pl.DataFrame, groups: pl.Series | None, rows: pl.DataFrame) -> Said:
    entry, kind = plan.entry, plan.task.kind
    if entry.columns is None:
        assert entry.label is not None
        fixed = pl.lit(entry.label) if not names_in(entry.label) else plan.scope.expr(entry.label)
        return from_strings(plan, here.with_columns(_label_=fixed)["_label_"])
    if groups is not None:
        if entry.time is not None:
            return from_times(plan, slot, here, groups)
        assert entry.label is not None
        about = pl.lit(entry.label) if not names_in(entry.label) else plan.scope.expr(entry.label, slot.binds)
        return from_rows(plan, slot, here.with_columns(_label_=about)["_label_"], here, groups)
    if entry.is_wide and kind == "attributes":
        return from_attributes(plan, slot, here)
    if entry.is_wide:
        return from_columns(plan, slot, here)
    if TIME in names_in(entry.columns) and kind == "trace":
        return from_samples(plan, slot, here)
    if kind == "text":
        return from_text(plan, slot, here)
    if kind == "scale":
        return from_scale(plan, slot, here)
    if kind == "span":
        return from_quotes(plan, slot, here, rows)
    return from_strings(plan, here[slot.columns[0][0]])


def _groups(plan: Plan, here: pl.DataFrame, who: pl.Series) -> pl.Series:
    """For each row the number of the first row of the same answer, UInt32: one annotator's on one item. Where an
    annotator rates one label of an item again, that is another answer."""
    entry = plan.entry
    about = entry.label if entry.label is not None else entry.time
    assert about is not None
    cells = pl.lit(about) if entry.label is not None and not names_in(about) else plan.scope.expr(about)
    frame = here.with_columns(who.alias("_who_"), cells.alias("_about_"))
    again = pl.int_range(pl.len()).over("_id_", "_who_", "_about_").alias("_again_")
    first = pl.int_range(pl.len(), dtype=pl.UInt32).alias("_row_")
    return frame.with_columns(again, first).select(pl.col("_row_").min().over("_id_", "_who_", "_again_")).to_series()


def _skipped(answers: pl.DataFrame, passed: pl.Series) -> pl.DataFrame:
    """`answers` where the rows in which the annotator `passed` have none, and say that it is so."""
    rows = pl.DataFrame({"row": passed.arg_true().cast(pl.UInt32)})
    others = answers.join(rows, on="row", how="anti", maintain_order="left")
    empty_ones = rows.select(
        "row",
        *(
            pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in answers.schema.items()
            if name not in ("row", "skipped")
        ),
        skipped=pl.lit(True),
    )
    return pl.concat([others, empty_ones.select(answers.columns)]).sort("row", maintain_order=True)


def _annotations(plan: Plan, told: pl.DataFrame, corpus: str, provenance: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The annotations that keep their task's rules, and what was refused of `told`."""
    task, entry = plan.task, plan.entry
    told = told.with_columns(
        pl.when(pl.col("_who_").is_null() & pl.col("reason").is_null())
        .then(pl.lit(NOBODY))
        .otherwise("reason")
        .alias("reason")
    )
    refused = told.filter(pl.col("reason").is_not_null()).select(
        "reason", "detail", item_id="_id_", file="_file_", line="_line_", raw=pl.lit(None, dtype=pl.String)
    )
    good = told.filter(pl.col("reason").is_null())
    numbered = good.with_columns(
        _name_=pl.format("{}:{}", pl.lit(corpus), "_who_"),
        _sample_=pl.int_range(pl.len(), dtype=pl.Int32).over("_id_", "_who_"),
    )
    named = numbered.select("_id_", "_name_", "_sample_")
    ids = [annotation_id(item, task.name, name, sample) for item, name, sample in named.iter_rows()]
    annotations = numbered.select(
        *ANSWER,
        "skipped",
        annotation_id=pl.Series(ids, dtype=pl.String),
        item_id="_id_",
        item_hash="_hash_",
        annotator="_name_",
        sample="_sample_",
        task=pl.lit(task.name),
        perspective=pl.lit(task.perspective),
        annotator_kind=pl.lit(entry.kind),
        round=pl.lit("first"),
        shown=pl.lit(entry.shown, dtype=pl.String),
        provenance=pl.lit(provenance),
    )
    kept, broken = task.validate_annotations(conform(annotations, ANNOTATIONS))
    if broken.height:
        # In the order of the rows, as the rules are held against each by itself.
        places = numbered.with_columns(annotations["annotation_id"]).join(
            kept.select("annotation_id"), on="annotation_id", how="anti", maintain_order="left"
        )
        lost = places.select(file="_file_", line="_line_").with_columns(
            broken.select("item_id", "reason", "detail", "raw")
        )
        refused = pl.concat([refused, lost.select(refused.columns)])
    return kept, refused.select(list(_REJECT))


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        total[name] = total.get(name, 0) + count
