"""Answers of other annotators, to begin with: read from their annotations, kept in the store as they were shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from annotators.label_studio.human_store import answer_fields
from annotators.label_studio.session import SessionConfig
from schemas.ids import annotation_id
from schemas.kinds import kind_of
from schemas.task import Answer, Task

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
    """The first answer of the suggesting annotator to each item, by item id; of several the one that the item's own
    hash draws among those that have answered."""
    if annotations is None or config.suggest is None:
        return {}
    import polars as pl

    rows = annotations.filter(
        (pl.col("task") == task.name)
        & pl.col("annotator").is_in(config.suggest.from_)
        & ~pl.col("skipped").fill_null(False)
        & pl.col(kind_of(task).column).is_not_null()
    ).sort("sample", "annotation_id")
    if len(config.suggest.from_) > 1:
        # Equal answers of one annotator share a draw, so its first sample stays its first.
        drawn = {
            (item, who): annotation_id(item, config.name, who)
            for item, who in rows.select("item_id", "annotator").unique().iter_rows()
        }
        draws = [drawn[pair] for pair in rows.select("item_id", "annotator").iter_rows()]
        rows = rows.with_columns(pl.Series("_draw", draws)).sort("_draw", "sample").drop("_draw")
    found: dict[str, Suggested] = {}
    for row in rows.unique("item_id", keep="first", maintain_order=True).to_dicts():
        found[row["item_id"]] = Suggested(row["annotator"], row["annotation_id"], Answer.from_columns(row))
    return found
