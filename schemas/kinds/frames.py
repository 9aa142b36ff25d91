"""The two frames that rules are expressions over: a batch of annotations, and the entries of their answers' lists."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.kinds.registry import kind_of

if TYPE_CHECKING:
    from schemas.task import Task

_ROW, _BEFORE = "row:", "before:"
_OF_ROWS = ("_entries", "_scored", "_sum", "_unknown_asked")


class Batch:
    """Some annotations of a task, and what `schemas.kinds.base.Rule` may mention of them, each computed at most once.

    The lists of the answer's column are taken apart once. N rows have M entries in all.
    """

    def __init__(self, task: Task, rows: pl.DataFrame, said: pl.DataFrame | None) -> None:
        """`rows` are ANNOTATIONS, `said` is what `turns` makes of the items, null where they are not known."""
        self.rows = rows
        self._task = task
        self._kind = kind_of(task)
        self._said = said

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """(N,) how many entries the answer has; 0 where it is null or no list."""
        if self._kind.column not in ("labels", "spans", "trace"):
            return np.zeros(self.rows.height, dtype=np.int64)
        return self.rows[self._kind.column].list.len().fill_null(0).cast(pl.Int64).to_numpy()

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """(M,) the row that each entry is of."""
        return np.repeat(np.arange(self.rows.height), self.sizes)

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """(M,) which of its row's entries each is, from 0."""
        first = np.cumsum(self.sizes) - self.sizes
        return np.arange(len(self.owner)) - np.repeat(first, self.sizes)

    @cached_property
    def entries(self) -> pl.DataFrame:
        """(M,) the fields of every entry."""
        given = self.rows[self._kind.column]
        if not self.sizes.all():
            given = given.filter(pl.Series(self.sizes > 0))
        return given.explode().struct.unnest()

    def of_rows(self, names: set[str]) -> pl.DataFrame:
        """The rows, with those of `names` that are not columns of theirs."""
        return self.rows.with_columns(self._of_row(name).alias(name) for name in _OF_ROWS if name in names)

    def of_entries(self, names: set[str]) -> pl.DataFrame:
        """The entries, with those of `names` that are not fields of theirs."""
        wanted = sorted(names - set(self.entries.columns))
        rows = self.of_rows({name.removeprefix(_ROW) for name in wanted})
        made = []
        for name in wanted:
            if name.startswith(_ROW):
                column = rows[name.removeprefix(_ROW)].gather(pl.Series(self.owner))
            elif name.startswith(_BEFORE):
                before = self.entries[name.removeprefix(_BEFORE)].shift()
                column = _null_unless(pl.Series(self.place > 0), before)
            else:
                column = self._of_entry(name)
            made.append(column.alias(name))
        return self.entries.with_columns(made)

    def _of_row(self, name: str) -> pl.Series:
        if name == "_entries":
            return pl.Series(self.sizes)
        if name == "_unknown_asked":
            return self._unknown_asked()
        scores = self.entries["score"]
        if scores.null_count() == len(scores):
            return pl.Series(np.zeros(self.rows.height, dtype=np.int64))
        if name == "_scored":
            return pl.Series(np.bincount(self.owner[scores.is_not_null().to_numpy()], minlength=self.rows.height))
        return pl.Series(np.bincount(self.owner, weights=scores.fill_null(0.0).to_numpy(), minlength=self.rows.height))

    def _of_entry(self, name: str) -> pl.Series:
        if name == "_place":
            return pl.Series(self.place)
        if name == "_known":
            return pl.Series(self._codes >= 0)
        if name == "_twice":
            return self._twice()
        if name == "_crowded":
            return self._again(self._kind.slots(self._task))
        if name == "_unasked":
            return self._unasked()
        return self._turns[name]

    @cached_property
    def _asked(self) -> tuple[NDArray[np.int64], pl.Series, NDArray[np.bool_]]:
        """Of the K runs of neighbouring rows that were asked the same: (N,) the run of each row, the first name of each
        that cannot be asked (null where all can), and (K, what can be asked + 1) what was. The last is set everywhere:
        it stands for labels that are none, which have a rule of their own."""
        asked = self.rows["asked"]
        run = asked.to_frame().select(pl.col("asked").rle_id()).to_series().cast(pl.Int64).to_numpy()
        lists = asked.filter(pl.Series(np.diff(run, prepend=-1) > 0))
        owner = np.repeat(np.arange(len(lists)), lists.list.len().fill_null(0).cast(pl.Int64).to_numpy())
        names = lists.filter(lists.list.len() > 0).explode()
        codes = names.cast(pl.Enum(self._askable), strict=False).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
        put = np.zeros((len(lists), len(self._askable) + 1), dtype=np.bool_)
        put[lists.is_null().to_numpy()] = True
        put[owner, codes] = True
        put[:, -1] = True
        runs, first = np.unique(owner[codes < 0], return_index=True)
        told = names.filter(pl.Series(codes < 0)).gather(pl.Series(first)).fill_null("null")
        unknown = pl.Series([None], dtype=pl.String).new_from_index(0, len(lists))
        return run, unknown.scatter(runs.tolist(), told) if len(runs) else unknown, put

    @cached_property
    def _askable(self) -> list[str]:
        return list(dict.fromkeys(self._kind.asks(self._task).values()))

    def _unknown_asked(self) -> pl.Series:
        if self.rows["asked"].null_count() == self.rows.height:
            return pl.Series([None], dtype=pl.String).new_from_index(0, self.rows.height)
        run, unknown, _ = self._asked
        return unknown.gather(pl.Series(run))

    @cached_property
    def _codes(self) -> NDArray[np.int64]:
        """(M,) the place of each label among the task's, -1 for what is none of them."""
        codes = self.entries["label"].cast(pl.Enum(self._task.label_ids), strict=False).to_physical()
        return codes.cast(pl.Int64).fill_null(-1).to_numpy()

    def _twice(self) -> pl.Series:
        if self._kind.column == "labels" and self._task.label_ids:
            return self._again({label: label for label in self._task.label_ids})
        if not (self.sizes > 1).any():
            return pl.Series(np.zeros(len(self.owner), dtype=np.bool_))
        what = ["label"] if self._kind.column == "labels" else ["item_id", "start", "end", "label"]
        keyed = self.entries.select(*what, pl.Series("_owner", self.owner))
        return ~keyed.select(pl.struct(pl.all()).is_first_distinct()).to_series()

    def _again(self, slots: dict[str, str]) -> pl.Series:
        """(M,) whether a label of the same slot stands before it in its row; one without a slot never has one."""
        result = np.zeros(len(self.owner), dtype=np.bool_)
        if not slots or not (self.sizes > 1).any():
            return pl.Series(result)
        place_of = {name: place for place, name in enumerate(dict.fromkeys(slots.values()))}
        by_label = [place_of[slots[label]] if label in slots else -1 for label in self._task.label_ids]
        slot = np.array([*by_label, -1])[self._codes]
        has = slot >= 0
        # One cell for each row and slot: a count of each is cheaper than a sort, and nearly always the end of it.
        cell = self.owner * len(place_of) + slot
        counts = np.bincount(cell[has], minlength=self.rows.height * len(place_of))
        crowded = np.flatnonzero(has & (counts[np.where(has, cell, 0)] > 1))
        if crowded.size:
            _, first = np.unique(cell[crowded], return_index=True)
            result[np.delete(crowded, first)] = True
        return pl.Series(result)

    def _unasked(self) -> pl.Series:
        asks, asked = self._kind.asks(self._task), self.rows["asked"]
        if not asks or asked.null_count() == len(asked):
            return pl.Series(np.zeros(len(self.owner), dtype=np.bool_))
        run, _, put = self._asked
        place_of = {name: place for place, name in enumerate(self._askable)}
        by_label = np.array([*(place_of[asks[label]] for label in self._task.label_ids), -1])
        return pl.Series(~put[run[self.owner], by_label[self._codes]])

    @cached_property
    def _turns(self) -> pl.DataFrame:
        """(M,) `_said` and `_elsewhere` of each span."""
        if self._said is None:
            said, elsewhere = pl.lit(None, dtype=pl.String), pl.lit(False)
            return self.entries.with_columns(_said=said, _elsewhere=elsewhere)
        spans = pl.DataFrame(
            {"_item": self.rows["item_id"].gather(pl.Series(self.owner)), "_turn": self.entries["item_id"]}
        )
        found = spans.join(self._said, on=["_item", "_turn"], how="left", maintain_order="left")
        known = pl.col("_item").is_in(self._said["_item"].unique().implode())
        return found.with_columns(_elsewhere=known & pl.col("_turn").is_not_null() & pl.col("_there").is_null())


def turns(items: pl.DataFrame) -> pl.DataFrame:
    """What the items (ITEMS) say: for each `_item` and `_turn`, itself among them, the text `_said`, and `_there`."""
    own = items.select(_item="item_id", _turn="item_id", _said="text")
    before = items.select(_item="item_id", context="context").filter(pl.col("context").list.len() > 0)
    context = pl.col("context").struct
    before = before.explode("context").select("_item", _turn=context.field("item_id"), _said=context.field("text"))
    both = pl.concat([own, before]).unique(["_item", "_turn"], keep="first", maintain_order=True)
    return both.with_columns(_there=pl.lit(True))


def _null_unless(condition: pl.Series, values: pl.Series) -> pl.Series:
    return pl.select(pl.when(condition).then(values)).to_series()
