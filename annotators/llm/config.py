"""What a recipe says about an LLM annotator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from schemas.config import AnnotatorConfig, AnnotatorEnv
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    import polars as pl

    from schemas.protocols import Annotator
    from schemas.task import Task

DEFAULT_BASE_URL = "https://api.openai.com/v1"
LOCAL = "local/"
TOKENS_AN_ENTRY = 16  # "disappointment": "strongly", with quotes, in tokens of a few letters each
# Kinds of task whose labels, if they have any, do not say what is asked.
_UNSAID = ("scale", "span", "pairwise", "attributes")


class Params(BaseModel):
    """Sampling parameters, by the names the chat completions API gives them; what is null is not sent.

    `extra_body` holds fields of the request body that a server has beyond that API, as in the openai SDK. With several
    samples, the n-th (from 0) is asked with `seed + n`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(default=0.0, ge=0, le=2)
    max_tokens: int | None = Field(default=256, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    reasoning_effort: str | None = None
    extra_body: dict[str, JsonValue] = {}

    @property
    def answer_tokens(self) -> int:
        """The most tokens an answer can have; what a budget reserves for it."""
        return self.max_completion_tokens or self.max_tokens or 4096

    def body(self) -> dict[str, JsonValue]:
        """The fields of the request body, `max_tokens` giving way to `max_completion_tokens`."""
        fields: dict[str, JsonValue] = self.model_dump(exclude_none=True, exclude={"extra_body"})
        if "max_completion_tokens" in fields:
            fields.pop("max_tokens", None)
        return fields | self.extra_body


class Price(BaseModel):
    """USD per million tokens of input and output."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class LLMConfig(AnnotatorConfig):
    """An LLM as an annotator.

    `model` is a name the endpoint knows, or `local/NAME` for a bundled model that is started and stopped for the run.
    `strategy` names the prompt template, `prompt` is a template file of one's own instead. `shots` is the name of a
    shipped file of examples or a path. `base_url` defaults to OPENAI_BASE_URL, else OpenAI's own; `api_key_env` names
    the variable that holds the key. Without it OPENAI_API_KEY is used, but only where the recipe names no `base_url`:
    a recipe cannot send that key to a server of its own choosing.

    `concurrency` is the most requests in flight; `max_attempts` how often a request that fails (not one that is told
    to wait) is sent; `timeout_s` bounds one request and `deadline_s` one row, waiting included; `max_failed` is the
    share of dead letters above which the run fails. `instructed` is false for a base model, which is shown examples
    only; a bundled model's card says it. `price` overrides the price table.
    """

    not_in_key: ClassVar[frozenset[str]] = frozenset(
        {"concurrency", "max_attempts", "timeout_s", "deadline_s", "api_key_env", "price", "max_failed"}
    )

    kind: Literal["llm"] = "llm"
    model: str = Field(min_length=1)
    strategy: str = Field(default="direct", pattern=r"^[a-z][a-z0-9_]*$")
    prompt: Path | None = None
    shots: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    params: Params = Params()
    samples: int = Field(default=1, ge=1, le=100)
    concurrency: int = Field(default=32, ge=1, le=4096)
    max_attempts: int = Field(default=6, ge=1)
    max_failed: float = Field(default=0.5, ge=0, le=1)
    timeout_s: float = Field(default=120, gt=0)
    deadline_s: float = Field(default=600, gt=0)
    instructed: bool | None = None
    price: Price | None = None

    @field_validator("base_url")
    @classmethod
    def _is_a_url_without_secrets(cls, url: str | None) -> str | None:
        if url is None:
            return None
        scheme, _, rest = url.partition("://")
        if scheme not in ("http", "https") or not rest:
            raise ValueError("base_url must begin with http:// or https://")
        if "@" in rest.partition("/")[0]:
            raise ValueError("base_url must not hold a user or a password; name the key's variable in api_key_env")
        return url

    @property
    def local(self) -> str | None:
        """The name of the bundled model, if it is one."""
        return self.model.removeprefix(LOCAL) if self.model.startswith(LOCAL) else None

    def endpoint(self) -> str:
        """The base URL, as written in the recipe or in OPENAI_BASE_URL."""
        return self.base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL

    def api_key(self) -> str | None:
        """The key from the environment; null where the recipe names an endpoint and no key for it.

        Raises:
            DsbuildError: the variable that should hold the key is not set.
        """
        name = self.api_key_env or ("OPENAI_API_KEY" if self.base_url is None else None)
        if name is None:
            return None
        key = os.environ.get(name, "").strip()
        if not key:
            raise DsbuildError(
                f'The key for annotator "{self.name}" is missing: the environment variable {name} is not set.',
                where=self.endpoint(),
                fix=f"Set it (export {name}=...), or name another one in api_key_env.",
            )
        if not key.isascii() or not key.isprintable():
            raise DsbuildError(
                f"The key in the environment variable {name} holds characters that no key has.",
                fix="Copy it again, without line breaks.",
            )
        return key

    def cannot(self, task: Task) -> str | None:
        """A curve over time is more than a chat answers, and a number means nothing to who is not told of what."""
        if task.kind == "trace":
            return f"an LLM gives no value for every moment, so it cannot answer {task.name}, which is a trace"
        if task.kind in _UNSAID and not task.instructions:
            return f"an LLM has to be told what {task.name} asks; give the task instructions"
        return None

    def params_for(self, tasks: Sequence[Task]) -> Params:
        """The sampling parameters: those of the recipe, with room in an answer for a level of every label and for every
        attribute, where the recipe does not say how long an answer may be."""
        entries = sum(len(task.label_ids) for task in tasks if task.kind == "intensity")
        entries += sum(len(task.attributes) for task in tasks)
        if not entries or {"max_tokens", "max_completion_tokens"} & self.params.model_fields_set:
            return self.params
        return self.params.model_copy(update={"max_tokens": (self.params.max_tokens or 0) + TOKENS_AN_ENTRY * entries})

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """What besides the options decides the answers: who is asked, and every word of the prompt."""
        from annotators.llm.questions import Questions
        from annotators.llm.strategies.prompt import prompt_hash

        return {
            "asked": [[group.identity, prompt_hash(group.prompt)] for group in Questions.groups(self, tasks)],
        }

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator with its store and its connection; a bundled model's server runs until the context ends."""
        from annotators.llm.build import build

        return build(
            self,
            tasks=tasks,
            store_path=env.store,
            workspace=env.cache,
            progress=env.progress,
            retry_failed=env.retry_failed,
            budget=env.budget,
            log_dir=env.logs,
        )

    def estimate(self, env: AnnotatorEnv, tasks: Sequence[Task], items: pl.DataFrame) -> dict[str, Any]:
        """What annotating `items` would take; see `annotators.llm.spending.cost.estimate`."""
        from annotators.llm.spending.cost import estimate

        return estimate(self, items, tasks, store_path=env.store if env.store.exists() else None)
