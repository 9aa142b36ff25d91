"""What the strings of a file stand for: labels of the task, and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import polars as pl

from corpora.labels import LabelColumns
from schemas.task import Task
from schemas.taxonomy import fold

_YES = ("1", "true", "yes")
_NO = ("0", "false", "no")


class Words:
    """The words of one entry of `labels`: its own `values` first, then those of its task."""

    def __init__(self, entry: LabelColumns, task: Task) -> None:
        self._entry = entry
        self._task = task

    @property
    def is_open(self) -> bool:
        """Whether any word is a label."""
        return self._task.kind == "open"

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """What may stand for a label."""
        known = list(self._task.label_ids)
        if self._task.kind == "attributes":
            return (*self._entry.values, *self._task.attributes)
        if self._task.taxonomy is not None:
            for label in self._task.taxonomy.labels:
                code = getattr(label, "code", None)
                known += [*label.aliases, *([str(code)] if code is not None else [])]
        return (*self._entry.values, *known)

    def answers(self, text: str) -> bool:
        """Whether `text` is an answer at all: `values` may say that it is none."""
        return self._entry.values.get(text, text) is not None

    def label(self, text: str) -> str | None:
        """The label that `text` stands for, null where it is none."""
        meant = self._entry.values.get(text, text)
        if meant is None:
            return None
        if self.is_open:
            return fold(meant) or None
        if self._task.taxonomy is not None:
            return self._task.taxonomy.resolve(meant)
        return self._folded.get(fold(meant))

    def meant(self, text: str) -> str:
        """What `text` stands for by the entry's `values`, else itself."""
        return self._entry.values.get(text) or text

    @cached_property
    def _folded(self) -> dict[str, str]:
        known = self._task.attributes if self._task.kind == "attributes" else self._task.label_ids
        return {fold(name): name for name in known}

    @cached_property
    def _numbers(self) -> dict[str, float | None]:
        """Words that stand for numbers: yes and no where a label is there or not, the names of levels."""
        found: dict[str, float | None] = {}
        if self._task.kind in ("choice", "multi"):
            found |= {**dict.fromkeys(_YES, 1.0), **dict.fromkeys(_NO, 0.0)}
        levels: Mapping[str, float] = level_values(self._task)
        found |= {fold(name): value for name, value in levels.items()}
        return found

    def numbers(self, cells: pl.Series) -> pl.DataFrame:
        """{number: Float64, bad: Boolean} of `cells` (String): null and not bad where a cell is blank or no answer;
        bad where it is no finite number."""
        frame = cells.str.strip_chars().rename("cell").to_frame()
        number = pl.col("cell").cast(pl.Float64, strict=False)
        frame = frame.with_columns(number=pl.when(number.is_finite()).then(number))
        # Whatever is no number is looked up word by word; usually there are few such words.
        words = set(self._entry.values)
        unread = pl.col("number").is_null() & pl.col("cell").is_not_null() & (pl.col("cell") != "")
        odd = frame.filter(unread | pl.col("cell").is_in(list(words)))["cell"].unique().to_list()
        if not odd:
            return frame.select("number", bad=pl.lit(False))
        known = pl.DataFrame([self._number(one) for one in odd], orient="row", schema=_KNOWN)
        frame = frame.join(known, on="cell", how="left", maintain_order="left")
        return frame.select(
            number=pl.when(pl.col("looked")).then("meant").otherwise("number"),
            bad=pl.col("bad").fill_null(False),
        )

    def _number(self, text: str) -> tuple[str, float | None, bool, bool]:
        meant = self._entry.values.get(text, text)
        if meant is None:
            return text, None, False, True
        folded = fold(meant)
        if folded in self._numbers:
            return text, self._numbers[folded], False, True
        try:
            value = float(meant)
        except ValueError:
            return text, None, True, True
        finite = abs(value) < float("inf")
        return text, value if finite else None, not finite, True


_KNOWN = {"cell": pl.String, "meant": pl.Float64, "bad": pl.Boolean, "looked": pl.Boolean}


def level_values(task: Task) -> dict[str, float]:
    """{name of a level: its number} of a task of levels; empty for any other."""
    levels: tuple[str, ...] = getattr(task, "levels", ())
    bounds: tuple[float, float] | None = getattr(task, "range", None)
    step: float | None = getattr(task, "step", None)
    low = bounds[0] if bounds is not None else 0.0
    return {name: low + place * (step if step is not None else 1.0) for place, name in enumerate(levels)}
