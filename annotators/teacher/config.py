"""What a recipe says about a model of valence, arousal and dominance."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from annotators.running.source import Source
from schemas.config import AnnotatorConfig, AnnotatorEnv

if TYPE_CHECKING:
    from schemas.protocols import Annotator
    from schemas.task import Task


class Place(BaseModel):
    """Where a number stands in a model's outputs: in which of them, and at which place of its last axis."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    output: str | None = None
    index: int = Field(default=0, ge=0)


class TeacherConfig(AnnotatorConfig):
    """A model that gives numbers for texts or for sound, as an annotator of scales.

    `path` is an ONNX file or a folder (extra `onnx`), or a folder for transformers; `model` a name on the hub (extra
    `transformers`), at `revision`. `outputs` says for each scale task where its number stands: a place, or {output:
    NAME, index: PLACE}. `range` is the model's lowest and highest number, moved linearly into the task's range;
    `activation` is what makes its outputs such numbers: none, sigmoid (0..1) or tanh (-1..1).

    `input` "audio" takes the item's media of that role: mixed to one channel, at `sample_rate`, at most `seconds` of
    it, with mean 0 and variance 1 where `normalise`; files of at most `max_mb`. Files lie below the corpus's folder, or
    below `media_folder`. `max_tokens` cuts texts. `batch_size` and `threads` change the speed alone.
    """

    not_in_key: ClassVar[frozenset[str]] = frozenset({"batch_size", "threads"})
    shares: ClassVar[tuple[str, ...]] = (
        "annotators.rows",
        "annotators.media",
        "annotators.sound",
        "annotators.running",
    )

    kind: Literal["teacher"] = "teacher"
    path: Path | None = None
    model: str | None = None
    revision: str | None = None
    outputs: dict[str, int | Place] = Field(min_length=1)
    range: tuple[float, float] = (0.0, 1.0)
    activation: Literal["none", "sigmoid", "tanh"] = "none"
    input: Literal["text", "audio"] = "text"
    sample_rate: PositiveInt = 16_000
    seconds: float = Field(default=30, gt=0, le=600)
    normalise: bool = False
    max_mb: float = Field(default=50, gt=0, le=2000)
    media_folder: Path | None = None
    max_tokens: int | None = Field(default=None, ge=8)
    batch_size: PositiveInt = 32
    threads: PositiveInt = 1

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if not self.range[0] < self.range[1]:
            raise ValueError("`range` is the model's lowest and highest number")
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

    def place(self, task: Task) -> Place:
        """Where the number of `task` stands."""
        given = self.outputs[task.name]
        return given if isinstance(given, Place) else Place(index=given)

    def cannot(self, task: Task) -> str | None:
        """It gives the numbers that `outputs` names."""
        if task.kind != "scale":
            return f"a teacher gives numbers, so it answers tasks of the kind scale; {task.name} is {task.kind}"
        if task.name not in self.outputs:
            return f"nothing says which output is {task.name}: outputs: {{{task.name}: PLACE}}"
        return None

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """A hash of the model's files, or its name and revision."""
        return {"model": self.source().identity()}

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator; the model is loaded with the first batch."""
        from annotators.teacher.annotator import TeacherAnnotator

        return nullcontext(TeacherAnnotator(self, env.folder, env.progress))
