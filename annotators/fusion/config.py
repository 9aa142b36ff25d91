"""What a recipe says about a fusion of annotators."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.config import AnnotatorConfig, AnnotatorEnv

if TYPE_CHECKING:
    from schemas.protocols import Annotator
    from schemas.task import Task

Weights = dict[str, float | dict[str, float]]


class Head(BaseModel):
    """One head of a multi-head fusion: the logit of each annotator (or of each of its labels; what is left out is 0),
    and the logit of the head itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: Weights = {}
    weight: float = 0.0


class FusionConfig(AnnotatorConfig):
    """An annotator that fuses the answers of others, `from`, to the same task.

    `method`: "mean" (weighted by `weights`: a number for each annotator or for each of its labels, default 1),
    "majority" (a vote; of equals the one with the larger mean share), "mhpf" (multi-head probability fusion, with the
    logits in `heads`), "ppa" and "pfsa" (basic emotions to compound ones, after the weighted mean of the basic ones).
    Of scales there is "mean".

    For "ppa" and "pfsa" the others answered the task `basic`, whose labels are those of the `taxonomy`; `pairs` says
    which two each compound label blends, where their places in TONE do not.

    `by_confidence` lets a label without a score count with the confidence of its answer, instead of 1. `soft` writes
    the share of every label (the default but for majority) instead of the labels decided on; a set holds those over
    `threshold`. `least` is how many must have answered. The confidence is 1 - the normalised entropy of what is fused;
    the by-product `disagreement` is how far apart the answers are, from 0 to 1.
    """

    shares: ClassVar[tuple[str, ...]] = ("annotators.rows", "annotators.labelled")

    kind: Literal["fusion"] = "fusion"
    from_: tuple[str, ...] = Field(alias="from", min_length=1)
    method: Literal["mean", "majority", "mhpf", "ppa", "pfsa"] = "mean"
    weights: Weights = Field(default={})
    heads: tuple[Head, ...] = ()
    basic: str | None = None
    taxonomy: str | None = None
    pairs: dict[str, tuple[str, str]] = Field(default={})
    by_confidence: bool = False
    soft: bool | None = None
    threshold: float = Field(default=0.5, gt=0, lt=1)
    least: int = Field(default=1, ge=1)
    disagreement: bool = True

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if len(set(self.from_)) != len(self.from_):
            raise ValueError("`from` names an annotator twice")
        named = [*self.weights, *(name for head in self.heads for name in head.weights)]
        strange = [name for name in named if name not in self.from_]
        if strange:
            raise ValueError(f"{strange[0]!r} has a weight, but is not in `from`")
        numbers = [n for w in self.weights.values() for n in (w.values() if isinstance(w, dict) else [w])]
        if any(number < 0 for number in numbers):
            raise ValueError("a weight is 0 or more")
        if (self.method == "mhpf") != bool(self.heads):
            raise ValueError("`heads` belong to the method mhpf, which needs one or more")
        if self.method == "mhpf" and self.weights:
            raise ValueError("with mhpf the weights stand in `heads`")
        compound = self.method in ("ppa", "pfsa")
        if compound and (self.basic is None or self.taxonomy is None):
            raise ValueError(f"{self.method} needs `basic`, the task of the basic emotions, and its `taxonomy`")
        if not compound and (self.basic is not None or self.taxonomy is not None or self.pairs):
            raise ValueError("`basic`, `taxonomy` and `pairs` belong to the methods ppa and pfsa")
        if self.least > len(self.from_):
            raise ValueError(f"`least` asks for {self.least} answers, and `from` names {len(self.from_)}")
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """Those it fuses."""
        return self.from_

    @property
    def gives_shares(self) -> bool:
        """Whether answers are soft labels."""
        return self.method != "majority" if self.soft is None else self.soft

    def cannot(self, task: Task) -> str | None:
        """It fuses labels of a closed set, and numbers by their mean."""
        compound = self.method in ("ppa", "pfsa")
        if task.kind == "choice" or (task.kind == "multi" and not compound):
            return None
        if task.kind == "scale" and self.method == "mean":
            return None
        kinds = {"mean": "choice, multi and scale", "ppa": "choice", "pfsa": "choice"}.get(
            self.method, "choice and multi"
        )
        return f"a fusion by {self.method} answers tasks of the kinds {kinds}; {task.name} is {task.kind}"

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """The basic labels, where there are any."""
        if self.taxonomy is None:
            return {}
        from schemas.taxonomy import load_taxonomy

        return {"basic": load_taxonomy(self.taxonomy).model_dump(mode="json")}

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator; there is nothing to start or stop."""
        from annotators.fusion.annotator import FusionAnnotator

        return nullcontext(FusionAnnotator(self, env.read))
