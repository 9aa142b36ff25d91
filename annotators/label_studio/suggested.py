"""Answers of other annotators, to begin with: read from their annotations, kept in the store as they were shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from annotators.label_studio.human_store import answer_fields
from annotators.label_studio.session import SessionConfig
from schemas.kinds import kind_of
from schemas.task import Answer, Span, Task

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Suggested:
    """An answer and whose it is; for an adjudicator, who is not to know, "answer N, by COUNT" and no annotation."""

    annotator: str
    annotation_id: str | None
    answer: Answer

    def to_json(self) -> dict[str, Any]:
        """As the human store keeps it: labels and text always, the rest of the answer where there is any."""
        fields = answer_fields(self.answer)
        more = {key: value for key, value in fields.items() if value is not None}
        kept = {key: fields[key] for key in ("labels", "text")}
        return {"annotator": self.annotator, "annotation_id": self.annotation_id, **kept, **more}


def suggested(annotations: pl.DataFrame | None, config: SessionConfig, task: Task) -> dict[str, Suggested]:
    """The first answer of the suggesting annotator to each item, by item id."""
    if annotations is None or config.suggest is None:
        return {}
    import polars as pl

    rows = annotations.filter(
        (pl.col("task") == task.name)
        & (pl.col("annotator") == config.suggest.from_)
        & ~pl.col("skipped").fill_null(False)
        & pl.col(kind_of(task).column).is_not_null()
    ).sort("sample", "annotation_id")
    found: dict[str, Suggested] = {}
    for row in rows.unique("item_id", keep="first", maintain_order=True).to_dicts():
        found[row["item_id"]] = Suggested(row["annotator"], row["annotation_id"], answer_of(row))
    return found


def answer_of(row: Mapping[str, Any]) -> Answer:
    """The answer that a row of ANNOTATIONS holds."""
    given = row["labels"]
    labels = originals = scores = None
    if given is not None:
        labels = [one["label"] for one in given]
        if any(one["original"] is not None for one in given):
            originals = [one["label"] if one["original"] is None else one["original"] for one in given]
        if any(one["score"] is not None for one in given):
            scores = [one["score"] for one in given]
    return Answer(
        labels=labels,
        originals=originals,
        scores=scores,
        value=row["value"],
        spans=None if row["spans"] is None else [Span(**span) for span in row["spans"]],
        trace=None if row["trace"] is None else [(point["t"], point["value"]) for point in row["trace"]],
        text=row["text"],
        asked=row["asked"],
    )
