"""The card of a bundled model: which weights, under which licence, served how."""

from __future__ import annotations

import difflib
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue

from schemas.errors import DsbuildError, RecipeError
from schemas.ids import digest

SERVER = "xllamacpp"


class Weights(BaseModel):
    """The file of weights: `module` of `package` has `assemble(path)`, which writes `file`; `sha256` is of that."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: str
    module: str
    file: str
    sha256: str


class Launch(BaseModel):
    """How the server is started: slots, threads, context in tokens, and llama.cpp's switches of the same names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_parallel: int
    n_threads: int
    n_ctx: int
    swa_full: bool
    cache_ram_mib: int


class ModelCard(BaseModel):
    """A bundled model. `instructed` is false for a base model, which is shown examples and told nothing;
    `template` is the chat template (Jinja); `restore_head` whether what all prompts begin with is kept evaluated (see
    LocalServer); `request` goes into the body of every request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    licence: str
    instructed: bool
    weights: Weights
    template: str
    launch: Launch
    restore_head: bool
    request: dict[str, JsonValue] = {}

    def identity(self) -> dict[str, JsonValue]:
        """What the answers depend on: the weights, the server's version, template and launch, never a port.

        Raises:
            DsbuildError: the server is not installed.
        """
        try:
            server = version(SERVER)
        except PackageNotFoundError as error:
            raise DsbuildError(
                f"The model local/{self.name} needs {SERVER}, which is not installed.",
                fix='Install it with: pip install "dsbuild[local]"',
            ) from error
        return {
            "local": self.name,
            "weights": self.weights.sha256,
            "server": f"{SERVER} {server}",
            "template": digest(self.template),
            "launch": self.launch.model_dump(),
            "restore_head": self.restore_head,
        }


def names() -> list[str]:
    """The names of the bundled models, sorted."""
    folder = files("annotators.llm.local") / "models"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_card(name: str) -> ModelCard:
    """The card of the bundled model `name`.

    Raises:
        RecipeError: there is no such model.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f'Did you mean "local/{close[0]}"?' if close else f"There is: {', '.join(names())}."
        raise RecipeError(f'There is no bundled model "local/{name}".', fix=hint)
    text = (files("annotators.llm.local") / "models" / f"{name}.yaml").read_text(encoding="utf-8")
    return ModelCard.model_validate(yaml.safe_load(text))
