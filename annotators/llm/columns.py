"""Verdicts as tables, column by column: annotations, dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from annotators.llm.reading import Bad, Good
from schemas.ids import annotation_ids
from schemas.protocols import no_dead_letters
from schemas.tables import ANNOTATIONS, conform, polars_schema

if TYPE_CHECKING:
    from annotators.llm.questions import Questions
    from annotators.llm.rows import Row
    from schemas.answer import Answer

Found = Sequence[tuple["Row", Good | Bad]]


def annotation_table(found: Found, questions: Questions, provenance: str) -> pl.DataFrame:
    """The answers in `found` as ANNOTATIONS, sorted by item, task and sample; its texts beside the answers too."""
    good = [(row, verdict) for row, verdict in found if isinstance(verdict, Good)]
    parts = [_table([], questions, provenance, "", None)]
    for place, task in enumerate(questions.tasks):
        mine = [(row, one, _confidence(one, place)) for row, one in good if not isinstance(one.answers[place], Bad)]
        answers: list[Answer] = [one.answers[place] for _, one, _ in mine]  # type: ignore[misc]  # Bad ones are out
        rows = [row for row, _, _ in mine]
        columns = _answers(answers) | {"confidence": pl.Series([sure for _, _, sure in mine], dtype=pl.Float64)}
        parts.append(_table(rows, questions, provenance, task.name, task.perspective, **columns))
    for field, name in questions.prompt.by_products.items():
        said = [(row, one.extra[field]) for row, one in good if field in one.extra]
        texts = pl.Series([text for _, text in said], dtype=pl.String)
        parts.append(_table([row for row, _ in said], questions, provenance, name, None, text=texts))
    return pl.concat(parts).sort("item_id", "task", "sample")


def dead_letter_table(found: Found, questions: Questions) -> pl.DataFrame:
    """The rows and tasks in `found` without an answer {item_id, task, annotator, reason, detail, raw}, sorted."""
    letters = [
        (row, task.name, bad)
        for row, verdict in found
        for place, task in enumerate(questions.tasks)
        if (bad := _failed(verdict, place)) is not None
    ]
    several = questions.config.samples > 1 and not questions.config.vote
    frame = pl.DataFrame(
        {
            "item_id": [row.item_id for row, _, _ in letters],
            "task": [task for _, task, _ in letters],
            "annotator": [questions.config.name] * len(letters),
            "reason": [bad.reason for _, _, bad in letters],
            "detail": [bad.detail + (f" (sample {row.sample})" if several else "") for row, _, bad in letters],
            "raw": [bad.raw for _, _, bad in letters],
        },
        schema=no_dead_letters().schema,
    )
    return frame.sort("item_id", "task", "detail", "raw")


def _failed(verdict: Good | Bad, place: int) -> Bad | None:
    if isinstance(verdict, Bad):
        return verdict
    answer = verdict.answers[place]
    return answer if isinstance(answer, Bad) else None


def _confidence(good: Good, place: int) -> float | None:
    return good.confidence[place] if good.confidence else None


def _table(
    rows: Sequence[Row], questions: Questions, provenance: str, task: str, perspective: str | None, **answer: pl.Series
) -> pl.DataFrame:
    """(rows,) ANNOTATIONS of one task; `answer` holds the columns that are an answer's own."""
    name = questions.config.name
    columns = {
        "annotation_id": annotation_ids(((row.item_id, row.sample) for row in rows), task, name),
        "item_id": [row.item_id for row in rows],
        "item_hash": [row.item_hash for row in rows],
        "sample": [row.sample for row in rows],
    }
    same = {
        "task": task,
        "perspective": perspective,
        "annotator": name,
        "annotator_kind": questions.config.kind,
        "round": "first",
        "shown": "text" if questions.config.media is None else "all",
        "provenance": provenance,
    }
    frame = pl.DataFrame(columns, schema_overrides={"item_id": pl.String, "item_hash": pl.String}).with_columns(
        *(pl.lit(value, dtype=pl.String).alias(column) for column, value in same.items()),
        pl.lit(False).alias("skipped"),
        *(series.alias(column) for column, series in answer.items()),
    )
    return conform(frame, ANNOTATIONS)


def _answers(answers: Sequence[Answer]) -> dict[str, pl.Series]:
    """(answers,) their columns of ANNOTATIONS; those that no answer fills are left out."""
    columns: dict[str, pl.Series] = {}
    if any(answer.labels is not None for answer in answers):
        columns["labels"] = _labels(answers)
    if any(answer.value is not None for answer in answers):
        columns["value"] = pl.Series([answer.value for answer in answers], dtype=pl.Float64)
    if any(answer.text is not None for answer in answers):
        columns["text"] = pl.Series([answer.text for answer in answers], dtype=pl.String)
    for name in ("spans", "trace", "asked"):
        if any(getattr(answer, name) is not None for answer in answers):
            given = [answer.columns()[name] for answer in answers]
            columns[name] = pl.Series(given, dtype=polars_schema(ANNOTATIONS)[name])
    return columns


def _labels(answers: Sequence[Answer]) -> pl.Series:
    """(answers,) the column `labels`: a list of structs is made of its flat columns, which costs one microsecond
    an answer and not sixty."""
    lists = [answer.labels for answer in answers]
    offsets: list[int | None] = [0]
    total = 0
    for labels in lists:
        total += len(labels or ())
        offsets.append(total)
    # Of a list that is null Arrow marks the offset at which it begins.
    marked = [None if labels is None else begin for labels, begin in zip(lists, offsets, strict=False)]
    scores = _flat(_beside(answer.labels, answer.scores) for answer in answers)
    originals = _flat(_beside(answer.labels, answer.originals) for answer in answers)
    # By way of polars, since pyarrow imports pandas before it makes an array of a list.
    flat = {
        "label": pl.Series(_flat(lists), dtype=pl.String),
        "score": pl.Series(scores, dtype=pl.Float64),
        "original": pl.Series(originals, dtype=pl.String),
    }
    entries = pa.StructArray.from_arrays([column.to_arrow() for column in flat.values()], names=list(flat))
    begins = pl.Series([*marked, total], dtype=pl.Int64).to_arrow()
    return pl.Series(pa.LargeListArray.from_arrays(begins, entries))


def _flat(lists: Iterable[Sequence[Any] | None]) -> list[Any]:
    return list(chain.from_iterable(one for one in lists if one is not None))


def _beside(labels: Sequence[str] | None, values: Sequence[Any] | None) -> Sequence[Any]:
    return values if values is not None else [None] * len(labels or ())
