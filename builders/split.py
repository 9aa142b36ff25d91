"""Which split each item belongs to: the source's, or ours by groups, stratified, from a seed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from builders.groups import Components, group_names
from builders.near_duplicates import pairs
from builders.step import StepOptions
from schemas.errors import DsbuildError
from schemas.protocols import StepOutput
from schemas.tables import REJECTS, conform, empty

SPLITS = ("train", "validation", "test")
NO_SOURCE_SPLIT = "no split in the source"


class Split(StepOptions):
    """`- split: source`, or `- split: {by: [dialogue, speaker], test: 0.1, validation: 0.1, seed: 7}`.

    Of the second form: items that share a group of a kind in `by` (default: of any kind) stay together, and so does
    all that is connected through them; with `near`, near duplicates of that similarity too. Every corpus and language
    is divided in the same shares, and with `stratify: TASK` every label that the items carry for that task. The
    answer depends on the seed, the item ids and the groups, never on the order of rows.

    Figures: `items` by split.
    """

    source: bool = False
    by: tuple[str, ...] | None = None
    test: float = Field(default=0.1, ge=0, lt=1)
    validation: float = Field(default=0.1, ge=0, lt=1)
    seed: int = 7
    near: float | None = Field(default=None, gt=0, le=1)
    stratify: str | None = None

    @classmethod
    def from_recipe(cls, value: Any) -> Self:
        """A step from `source` or a mapping of options.

        Raises:
            ValueError: it is neither.
        """
        if value == "source":
            return cls(source=True)
        if not isinstance(value, dict):
            raise ValueError("split is `source`, or a mapping such as {by: [dialogue], test: 0.1, validation: 0.1}")
        return cls.model_validate(value)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.source and self.model_fields_set - {"source"} and self != type(self)(source=True):
            raise ValueError("the source's splits are taken as they are: nothing else can be set")
        if self.test + self.validation >= 1:
            raise ValueError("test and validation leave nothing for train")
        return self

    @property
    def shape(self) -> Literal["map", "two_pass"]:
        """The source's splits need no look at the other items."""
        return "map" if self.source else "two_pass"

    @property
    def bytes_per_item(self) -> int:
        """Memory for one item: its id, groups and stratum, and with `near` its text's 5-grams."""
        return 1_000 if self.near is None else 7_000

    @property
    def wants_annotations(self) -> bool:
        """Whether `summarise` is to be handed the annotations that the items carry."""
        return self.stratify is not None

    def summarise(self, items: pl.DataFrame, annotations: pl.DataFrame | None = None) -> pl.DataFrame:
        """{item_id, groups: list of strings, stratum, text}: what the decision needs of `items` (ITEMS).

        `annotations` (ANNOTATIONS) are those the items carry, for `stratify`.

        Raises:
            DsbuildError: `stratify` is set and no annotations were handed in.
        """
        label = self._labels(items, annotations)
        return items.select(
            "item_id",
            group_names(items, self.by),
            stratum=pl.concat_str("corpus", pl.col("language").fill_null("und"), label.fill_null(""), separator="\x1f"),
            text="text" if self.near is not None else pl.lit(None, dtype=pl.String),
        )

    def _labels(self, items: pl.DataFrame, annotations: pl.DataFrame | None) -> pl.Series:
        """The label of each item that it is stratified by: of all that anyone gave it, the first by name."""
        if self.stratify is None:
            return pl.Series("label", [None] * items.height, dtype=pl.String)
        if annotations is None:
            raise DsbuildError(
                "The split is to be stratified by labels, and none were handed in.",
                where="build: split.stratify",
                fix="Leave `stratify` out.",
            )
        labels = (
            annotations.filter(pl.col("task") == self.stratify)
            .select("item_id", pl.col("labels").list.eval(pl.element().struct.field("label")).alias("label"))
            .explode("label")
            .drop_nulls("label")
            .group_by("item_id")
            .agg(pl.col("label").min())
        )
        return items.select("item_id").join(labels, on="item_id", how="left", maintain_order="left")["label"]

    def decide(self, summary: pl.DataFrame) -> pl.DataFrame:
        """{item_id, split}.

        Raises:
            DsbuildError: groups connect so many items that no division in these shares exists.
        """
        ordered = summary.sort("item_id")
        ids: list[str] = ordered["item_id"].to_list()
        components = self._components(ordered)
        self._refuse_a_giant(components, len(ids))
        strata: list[str] = ordered["stratum"].to_list()
        chosen = self._assign(components, ids, strata)
        return pl.DataFrame({"item_id": ids, "split": chosen}, schema={"item_id": pl.String, "split": pl.String})

    def _components(self, ordered: pl.DataFrame) -> list[list[int]]:
        together = Components(ordered.height)
        first: dict[str, int] = {}
        grouped = ordered.with_row_index("_row").select("_row", "groups").explode("groups").drop_nulls("groups")
        for row, group in grouped.iter_rows():
            together.join(row, first.setdefault(group, row))
        if self.near is not None:
            place = {item: row for row, item in enumerate(ordered["item_id"].to_list())}
            for a, b, _ in pairs(ordered.select("item_id", "text"), self.near).iter_rows():
                together.join(place[a], place[b])
        return list(together.all())

    def _refuse_a_giant(self, components: Sequence[Sequence[int]], items: int) -> None:
        largest = max((len(one) for one in components), default=0)
        most = max(1 - self.test - self.validation, self.test, self.validation)
        # One item is always whole; beyond that a component must fit into the largest split.
        if largest > 1 and largest > most * items + 1:
            kinds = "groups of any kind" if self.by is None else f"the groups {', '.join(self.by)}"
            raise DsbuildError(
                f"{largest} of {items} items are connected through {kinds}, more than the largest split may have.",
                where="build: split",
                fix="Name fewer kinds of groups in `by`, or ask for other shares.",
            )

    def _assign(self, components: Sequence[Sequence[int]], ids: Sequence[str], strata: Sequence[str]) -> list[str]:
        shares = (1 - self.test - self.validation, self.validation, self.test)
        salt = str(self.seed).encode()
        by_stratum: dict[str, list[tuple[int, bytes, Sequence[int]]]] = {}
        for rows in components:
            counts = Counter(strata[row] for row in rows)
            stratum = min(counts, key=lambda name: (-counts[name], name))
            # Rows are in the order of ids, so the first has the least id: it names the component.
            order = hashlib.blake2b(ids[rows[0]].encode(), digest_size=16, key=salt).digest()
            by_stratum.setdefault(stratum, []).append((-len(rows), order, rows))
        chosen = [""] * len(ids)
        owed = [0.0, 0.0, 0.0]
        for _, members in sorted(by_stratum.items()):
            total = sum(-size for size, _, _ in members)
            # What rounding left over in the strata before is made good in this one.
            owed = [debt + share * total for debt, share in zip(owed, shares, strict=True)]
            for size, _, rows in sorted(members, key=lambda member: member[:2]):
                to = max(range(3), key=lambda split: (shares[split] > 0, owed[split], -split))
                owed[to] += size
                for row in rows:
                    chosen[row] = SPLITS[to]
        return chosen

    def apply(self, items: pl.DataFrame, decision: pl.DataFrame | None = None) -> StepOutput:
        """`items` (ITEMS) with their split. From the source, items without one are rejected.

        Raises:
            DsbuildError: the source names no split for any of these items.
        """
        if decision is not None:
            done = items.drop("split").join(decision, on="item_id", how="left", maintain_order="left")
            done = done.select(items.columns)
            return StepOutput(items=done, rejects=empty(REJECTS), figures={"items": _counts(done)})
        lacking = items["source_split"].is_null()
        if items.height and lacking.all():
            raise DsbuildError(
                "The corpora name no splits that could be taken over.",
                where="build: split",
                fix="Give `path` as {split: file} or name `columns.split`, or divide by groups: split: {by: [...]}.",
            )
        rejects = items.filter(lacking).select(
            stage=pl.lit("build:split"),
            reason=pl.lit(NO_SOURCE_SPLIT),
            item_id="item_id",
            file=pl.col("source").struct.field("file"),
            line=pl.col("source").struct.field("row"),
            raw=pl.struct("text").struct.json_encode(),
        )
        done = items.filter(~lacking).with_columns(split="source_split")
        return StepOutput(items=done, rejects=conform(rejects, REJECTS), figures={"items": _counts(done)})


def _counts(items: pl.DataFrame) -> dict[str, int]:
    return dict(items.group_by("split").len().sort("split").iter_rows())
