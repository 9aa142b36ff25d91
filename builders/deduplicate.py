"""Each text once: repeats of a split are merged, and a text stays only in the first of the splits it stands in.

What is compared is a unit: a whole dialogue where items belong to one (group kind `dialogue`), else an item. Texts
are compared in NFC with single blanks, so that the step says the same before and after `normalise`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from builders.groups import group_names
from builders.near_duplicates import pairs
from builders.step import StepOptions
from builders.text import composed
from schemas.protocols import StepOutput
from schemas.tables import REJECTS, conform

REPEAT = "repeat within its split"
_NO_SPLIT = ""


class Deduplicate(StepOptions):
    """`- deduplicate: {near: 0.9, keep: [test, validation, train]}`.

    `keep` is the order in which splits have a right to a text; splits it does not name come after those it does, by
    name. Within a split the first unit stays. An exact repeat within a split is merged: its annotations move to the
    unit that stays. A text that also stands in a split with an earlier right is dropped, with its annotations.
    `near` is the Jaccard similarity of character 5-gram sets from which on two units are near duplicates
    (builders/near_duplicates.py); `false` looks for exact ones only. Taken in that same order, a unit stays unless
    it is a near duplicate of one that stays; so none are left, and doing it again drops nothing. An item without text
    (a clip, an image) is never a duplicate here.

    Figures, each by split: `repeats merged`, `texts lost to another split`, `near duplicates dropped`; and
    `texts in several splits`, counted once each, before near duplicates go.
    """

    shape: ClassVar[Literal["two_pass"]] = "two_pass"

    near: float | Literal[False] = Field(default=0.9)
    keep: tuple[str, ...] = ("test", "validation", "train")

    @field_validator("near", mode="before")
    @classmethod
    def _a_share(cls, near: Any) -> Any:
        if near is True or (not isinstance(near, bool) and isinstance(near, int | float) and not 0 < near <= 1):
            raise ValueError("near is a similarity over 0 and at most 1, or false")
        return near

    @model_validator(mode="after")
    def _each_split_once(self) -> Self:
        if len(set(self.keep)) != len(self.keep):
            raise ValueError("keep names a split twice")
        return self

    @property
    def bytes_per_item(self) -> int:
        """Memory for one item: ids and a text of tweet length, and with `near` its 5-grams while they are joined."""
        return 400 if self.near is False else 6_000

    def summarise(self, items: pl.DataFrame) -> pl.DataFrame:
        """{item_id, split, dialogue, text}: what the decision needs of `items` (ITEMS)."""
        dialogue = group_names(items, ["dialogue"]).list.first()
        return items.select(
            "item_id",
            pl.col("split").fill_null(_NO_SPLIT),
            dialogue.alias("dialogue"),
            composed(pl.col("text")).alias("text"),
        )

    def decide(self, summary: pl.DataFrame) -> pl.DataFrame:
        """{item_id, reason, to, detail, kind, shared}: one row for each item that goes (reason not null) or whose text
        stood in other splits with a later right too (`shared`)."""
        rows = summary.with_row_index("_row")
        rank = {split: position for position, split in enumerate(self.keep)}
        splits = sorted(rows["split"].unique().to_list(), key=lambda split: (rank.get(split, len(rank)), split))
        order = pl.DataFrame(
            {"split": splits, "_rank": range(len(splits))}, schema={"split": pl.String, "_rank": pl.Int64}
        )
        unit_key = pl.coalesce("dialogue", pl.concat_str(pl.lit("\x1e"), pl.col("_row").cast(pl.String)))
        turns = rows.join(order, on="split", maintain_order="left").with_columns(unit_key.alias("_key"))
        # A dialogue that stands in several splits is several units, one for each.
        units = (
            turns.group_by("_key", "split", maintain_order=True)
            .agg(
                pl.first("_row", "_rank", "item_id"),
                pl.col("text").str.join("\x1e", ignore_nulls=False).alias("text"),
                pl.len().alias("_turns"),
            )
            .filter(pl.col("text").is_not_null())
            .sort("_rank", "_row")
            .with_row_index("_unit")
        )
        exact = units.with_columns(
            pl.first("_unit").over("text").alias("_kept"),
            pl.first("_unit").over("text", "split").alias("_first"),
            pl.first("split").over("text").alias("_kept_split"),
            (pl.col("split").n_unique().over("text") > 1).alias("_shared"),
        )
        near = self._near(exact.filter(pl.col("_unit") == pl.col("_kept")))
        gone = exact.join(near, on="_unit", how="left", maintain_order="left").with_columns(
            pl.when(pl.col("_unit") != pl.col("_first"))
            .then(pl.lit("repeat"))
            .when(pl.col("_unit") != pl.col("_kept"))
            .then(pl.lit("lost"))
            .when(pl.col("_near").is_not_null())
            .then(pl.lit("near"))
            .alias("kind")
        )
        return self._by_item(turns, gone)

    def _near(self, units: pl.DataFrame) -> pl.DataFrame:
        """{_unit, _near, similarity}: units (in their order) that go because they are near one that stays."""
        schema = {"_unit": pl.UInt32, "_near": pl.UInt32, "similarity": pl.Float64}
        if self.near is False or units.is_empty():
            return pl.DataFrame(schema=schema)
        named = units.select(pl.col("_unit").cast(pl.String).alias("item_id"), "text")
        found = pairs(named, self.near)
        gone: dict[int, tuple[int, float]] = {}
        numbers = found.select(pl.col("a", "b").cast(pl.UInt32), "similarity")
        # By the later unit, then the earlier: all that may stay before a unit has been decided when its turn comes.
        for earlier, later, similarity in numbers.sort("b", "a").iter_rows():
            if earlier not in gone and later not in gone:
                gone[later] = (earlier, similarity)
        rows = [(unit, near, similarity) for unit, (near, similarity) in gone.items()]
        return pl.DataFrame(rows, schema=schema, orient="row")

    @staticmethod
    def _by_item(turns: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
        """The decision on units as one on items; the turns of a merged dialogue move one to one."""
        stays = units.select(
            pl.col("_unit").alias("_of"), pl.col("item_id").alias("_of_id"), pl.col("split").alias("_of_split")
        )
        judged = (
            units.with_columns((pl.col("_shared") & (pl.col("_unit") == pl.col("_kept"))).alias("_holds"))
            .filter(pl.col("kind").is_not_null() | pl.col("_holds"))
            .with_columns(
                pl.when(pl.col("kind") == "repeat")
                .then("_first")
                .when(pl.col("kind") == "lost")
                .then("_kept")
                .when(pl.col("kind") == "near")
                .then("_near")
                .alias("_of")
            )
            .join(stays, on="_of", how="left", maintain_order="left")
            .with_columns(
                pl.when(pl.col("kind") == "repeat")
                .then(pl.lit(REPEAT))
                .when(pl.col("kind") == "lost")
                .then(pl.format("text stands in {}", "_kept_split"))
                .when(pl.col("kind") == "near")
                .then(pl.format("near duplicate in {}", _shown("_of_split")))
                .alias("reason"),
                pl.when(pl.col("kind") == "repeat")
                .then(pl.format("merged into {}", "_of_id"))
                .when(pl.col("kind") == "lost")
                .then(pl.format("same text as {} in {}", "_of_id", "_of_split"))
                .when(pl.col("kind") == "near")
                .then(
                    pl.format(
                        "near duplicate of {} in {}, similarity {}",
                        "_of_id",
                        _shown("_of_split"),
                        pl.col("similarity").round(4),
                    )
                )
                .alias("detail"),
            )
        )
        numbered = turns.with_columns(pl.int_range(pl.len()).over("_key", "split").alias("_turn"))
        per_item = judged.join(numbered, on=["_key", "split"], how="inner", suffix="_of_turn").with_columns(
            item_id="item_id_of_turn"
        )
        # Where a repeat's annotations go: to the same turn of the unit that stays.
        goals = (
            units.select(pl.col("_unit").alias("_of"), "_key", "split")
            .join(numbered.select("_key", "split", "_turn", pl.col("item_id").alias("to")), on=["_key", "split"])
            .select("_of", "_turn", "to")
        )
        return (
            per_item.join(goals, on=["_of", "_turn"], how="left")
            .sort("_row_of_turn")
            .select(
                "item_id",
                "reason",
                pl.when(pl.col("kind") == "repeat").then("to").alias("to"),
                "detail",
                "kind",
                (pl.col("_holds") & (pl.col("_turn") == 0)).alias("shared"),
            )
        )

    def apply(self, items: pl.DataFrame, decision: pl.DataFrame) -> StepOutput:
        """`items` (ITEMS) that stay, the others as rejects, and where the annotations of merged ones go."""
        judged = items.join(decision, on="item_id", how="left", maintain_order="left")
        gone = judged.filter(pl.col("reason").is_not_null())
        rejects = gone.select(
            stage=pl.lit("build:deduplicate"),
            reason="reason",
            item_id="item_id",
            file=pl.col("source").struct.field("file"),
            line=pl.col("source").struct.field("row"),
            detail="detail",
            raw=pl.struct("text", "split").struct.json_encode(),
        )
        names = {
            "repeat": "repeats merged",
            "lost": "texts lost to another split",
            "near": "near duplicates dropped",
        }
        counts = gone.group_by("kind", pl.col("split").fill_null(_NO_SPLIT)).len().sort("kind", "split")
        figures: dict[str, Any] = {
            name: {split: n for of, split, n in counts.iter_rows() if of == kind} for kind, name in names.items()
        }
        figures["texts in several splits"] = int(judged["shared"].fill_null(False).sum())
        return StepOutput(
            items=judged.filter(pl.col("reason").is_null()).select(items.columns),
            rejects=conform(rejects, REJECTS),
            figures=figures,
            moved=gone.filter(pl.col("to").is_not_null()).select("item_id", "to"),
        )


def _shown(split: str) -> pl.Expr:
    return pl.when(pl.col(split) == _NO_SPLIT).then(pl.lit("the corpus")).otherwise(split)
