"""What a recipe says about a translator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from pydantic import Field, field_validator, model_validator

from schemas.config import VARIABLE, AnnotatorConfig, AnnotatorEnv
from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from schemas.protocols import Annotator
    from schemas.task import Task

OwnBackend = Literal["libretranslate", "apertium"]
"""Servers of one's own, spoken to directly."""
Service = Literal["google", "mymemory", "deepl", "microsoft"]
"""Services on the web, by way of deep-translator."""
KEYED: tuple[str, ...] = ("deepl", "microsoft")


class TranslatorConfig(AnnotatorConfig):
    """A translator as an annotator, whose translations an LLM that `sees` it is shown.

    `backend` is one of the web services that deep-translator speaks to, or a server of one's own at `base_url` that
    speaks LibreTranslate's or Apertium's interface. `to` is the language (BCP 47) to translate into; a text that is in
    it already is taken as it is. `back` also translates back and takes how near that comes to the original (chrF, see
    `chrf.py`) as the translation's confidence. `batch` texts go into one request where the backend takes several;
    `concurrency` is the most requests at once, `max_attempts` how often one is sent, `timeout_s` how long it may take.
    `api_key_env` names the variable with the key. `tasks` may name one task of the kind text that the translation
    answers; without it the translation is a by-product called `translation`.
    """

    not_in_key: ClassVar[frozenset[str]] = frozenset(
        {"batch", "concurrency", "max_attempts", "timeout_s", "api_key_env", "max_failed"}
    )

    kind: Literal["translator"] = "translator"
    tasks: tuple[str, ...] | None = Field(default=(), max_length=1)
    backend: OwnBackend | Service
    base_url: str | None = None
    api_key_env: str | None = Field(default=None, pattern=VARIABLE)
    to: str = Field(default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$")
    back: bool = True
    batch: int = Field(default=32, ge=1, le=1000)
    concurrency: int = Field(default=4, ge=1, le=256)
    max_attempts: int = Field(default=5, ge=1)
    timeout_s: float = Field(default=60, gt=0)
    max_failed: float = Field(default=0.5, ge=0, le=1)

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

    @model_validator(mode="after")
    def _has_what_the_backend_needs(self) -> TranslatorConfig:
        own = self.backend in get_args(OwnBackend)
        if own and self.base_url is None:
            raise ValueError(f"the backend {self.backend} is a server of your own: say where it is in base_url")
        if not own and self.base_url is not None:
            raise ValueError(f"the backend {self.backend} has an address of its own; base_url is for your own server")
        if self.backend in KEYED and self.api_key_env is None:
            raise ValueError(f"the backend {self.backend} needs a key: name its environment variable in api_key_env")
        return self

    def api_key(self) -> str | None:
        """The key from the environment; null where the recipe names none.

        Raises:
            DsbuildError: the variable is not set.
        """
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise DsbuildError(
                f'The key for translator "{self.name}" is missing: the environment variable {self.api_key_env} is not'
                " set.",
                fix=f"Set it (export {self.api_key_env}=...), or name another one in api_key_env.",
            )
        return key

    @property
    def identity(self) -> dict[str, str]:
        """Who translates: what the cache tells translators apart by."""
        return {"backend": self.backend, "base_url": self.base_url or "", "version": _version(self.backend)}

    def cannot(self, task: Task) -> str | None:
        """A translation is a text."""
        if task.kind == "text":
            return None
        return f"a translator gives a text, so it answers a task of the kind text; {task.name} is {task.kind}"

    def fingerprint(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """The library that speaks to a web service decides what comes back too."""
        return {"identity": self.identity}

    def open(self, env: AnnotatorEnv, tasks: Sequence[Task]) -> AbstractAsyncContextManager[Annotator]:
        """The annotator, with its connection and its cache."""
        from annotators.translation.annotator import opened

        return opened(self, env)


def _version(backend: str) -> str:
    if backend in get_args(OwnBackend):
        return ""
    from importlib.metadata import version

    return f"deep-translator {version('deep-translator')}"
