"""What a recipe says about a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from annotators.running.source import Source
from schemas.config import AnnotatorConfig, AnnotatorEnv

if TYPE_CHECKING:
    from schemas.protocols import Annotator
    from schemas.task import Task


class ClassifierConfig(AnnotatorConfig):
    """A classifier of texts as an annotator.

    `path` is a folder or an ONNX file (extra `onnx`), or a folder for transformers; `model` a name on the hub (extra
    `transformers`), at `revision`. `labels` says which label of the task each class of the model is, where neither its
    name nor an alias does; a class that is none of them is given null. `classes` names the model's classes in their
    order, where its config.json does not.

    `activation` makes shares of the model's outputs: softmax, sigmoid, or none where they are shares already; by
    default as its config.json says. `soft` writes the share of every label (the default), else the labels decided on:
    of a multi those over `threshold`. `max_tokens` cuts texts; by default at what the model reads. `top` adds the
    by-product `emotion_topk`, `cause_words` the by-product of that name (see `annotators.occlusion`), which takes one
    more pass for every word. `batch_size` and `threads` change the speed alone.
    """

    not_in_key: ClassVar[frozenset[str]] = frozenset({"batch_size", "threads"})
    shares: ClassVar[tuple[str, ...]] = (
        "annotators.rows",
        "annotators.labelled",
        "annotators.occlusion",
        "annotators.running",
    )

    kind: Literal["classifier"] = "classifier"
    path: Path | None = None
    model: str | None = None
    revision: str | None = None
    labels: dict[str, str | None] = Field(default={})
    classes: tuple[str, ...] = ()
    output: str | None = None
    activation: Literal["softmax", "sigmoid", "none"] | None = None
    soft: bool = True
    threshold: float | None = Field(default=None, gt=0, lt=1)
    max_tokens: int | None = Field(default=None, ge=8)
    batch_size: PositiveInt = 32
    threads: PositiveInt = 1
    top: int = Field(default=0, ge=0, le=50)
    cause_words: int = Field(default=0, ge=0, le=50)

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.soft and self.threshold is not None:
            raise ValueError("`threshold` decides on labels, which a soft label leaves open: add soft: false")
        self.source()
        return self

    def source(self) -> Source:
        """Where the model lies."""
        return Source(
            path=self.path,
            model=self.model,
            revision=self.revision,
            max_tokens=self.max_tokens,
            batch_size=self.batch_size,
            threads=self.threads,
        )

    def cannot(self, task: Task) -> str | None:
        """It tells the classes it was trained on."""
        if task.kind in ("choice", "multi"):
            return None
        return f"a classifier answers tasks of the kinds choice and multi; {task.name} is {task.kind}"

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """A hash of the model's files, or its name and revision."""
        return {"model": self.source().identity()}

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator; the model is loaded with the first batch."""
        from annotators.classifier.annotator import ClassifierAnnotator

        return nullcontext(ClassifierAnnotator(self, env.progress))
