"""How the labels that a corpus already carries are to be read: one entry of `labels`."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.config import NAME
from schemas.selection import Selection

LABEL = "{label}"
_BRACES = re.compile(r"\{([^{}]*)\}")

AnnotatorKind = Literal["human", "llm", "model", "lexicon", "author"]
Identity = Literal["person", "slot", "pool"]
Shown = Literal["text", "audio", "video", "all"]


class LabelColumns(BaseModel):
    """Which columns answer which task, and whose answers they are.

    `columns` is a column whose values are the answer (labels, joined by `separator` where there may be several; the
    text itself for a text task), or a pattern with `{label}`: one column of 0 and 1 for each label. `annotator` names
    who answered, `kind` what that is, `identity` whether the name stands for one person, a slot ("reader 2 of 3") or
    a pool of people; `on` limits the entry to some of the source's splits; `shown` says what the annotator saw.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str = Field(pattern=NAME)
    columns: str = Field(min_length=1)
    annotator: str = Field(min_length=1)
    kind: AnnotatorKind
    identity: Identity | None = None
    separator: str | None = Field(default=None, min_length=1)
    on: Selection = Selection()
    shown: Shown | None = None

    @model_validator(mode="after")
    def _only_what_is_read(self) -> Self:
        others = [name for name in _BRACES.findall(self.columns) if name != "label"]
        if others:
            raise ValueError(f"a pattern may hold {{label}} only, not {{{others[0]}}}")
        if self.columns.count(LABEL) > 1:
            raise ValueError("a pattern holds {label} once")
        if _BRACES.search(self.annotator):
            raise ValueError("an annotator is named, it cannot be taken from a column")
        if self.is_wide and self.separator is not None:
            raise ValueError("separator belongs to a column of labels, not to columns of 0 and 1")
        beyond = [name for name in ("corpora", "languages", "sample") if getattr(self.on, name) is not None]
        if beyond:
            raise ValueError(f"labels are limited by splits only, not by {beyond[0]}")
        return self

    @property
    def is_wide(self) -> bool:
        """Whether there is one column for each label."""
        return LABEL in self.columns

    def label_in(self, column: str) -> str | None:
        """What stands for `{label}` in the name of `column`; None if the pattern does not fit."""
        before, after = self.columns.split(LABEL)
        fits = column.startswith(before) and column.endswith(after) and len(column) > len(before) + len(after)
        return column[len(before) : len(column) - len(after)] if fits else None
