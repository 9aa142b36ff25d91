"""What running a recipe does, one thing at a time: nodes, and what they are given."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from dsbuild.engine.code import code_hash
from dsbuild.engine.workspace import Output, Workspace, Writer
from schemas.ids import digest

if TYPE_CHECKING:
    from dsbuild.recipe import Recipe
    from schemas.protocols import Progress
    from schemas.task import Task

Stage = Literal["corpora", "build", "annotate", "gold", "aggregate", "audit", "release"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True)
class Context:
    """What nodes are handed from outside: the recipe, where to keep things, and who watches."""

    recipe: Recipe
    recipe_text: str
    recipe_path: Path
    directory: Path
    tasks: Mapping[str, Task]
    workspace: Workspace
    releases: Path
    overrides: tuple[str, ...] = ()
    sample: int | None = None
    retry_failed: bool = False
    progress: Callable[[str], Progress] = field(default=lambda name: _silent)
    say: Callable[[str], None] = field(default=lambda line: None)

    @property
    def seed(self) -> int:
        """The recipe's seed, from which every draw is derived."""
        return self.recipe.seed

    def command(self, *more: str) -> str:
        """What to write after a command so that it means this run: the recipe, what it is about, the same options."""
        options = [f"--set {shlex.quote(one)}" for one in self.overrides]
        if self.sample is not None:
            options.append(f"--sample {self.sample}")
        if self.workspace.root != Path(".dsbuild"):
            options.append(f"--workspace {shlex.quote(str(self.workspace.root))}")
        return " ".join([shlex.quote(str(self.recipe_path)), *more, *options])


def _silent(done: int, total: int, **figures: Any) -> None:
    """No display."""


class Node(Protocol):
    """One thing to do: its place in the graph, what decides its key, and how it is done."""

    @property
    def name(self) -> str: ...

    @property
    def stage(self) -> Stage: ...

    @property
    def inputs(self) -> tuple[str, ...]: ...

    @property
    def code(self) -> tuple[str, ...]: ...

    def config(self, ctx: Context) -> Any:
        """The resolved configuration, as JSON; no path, no secret."""

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        """Do it, writing tables and figures to `out`."""


def node_key(node: Node, ctx: Context, inputs: Mapping[str, Output]) -> str:
    """The key of a node: a hash of its configuration, the content of its inputs, and its code."""
    return digest(
        {
            "name": node.name,
            "config": node.config(ctx),
            "inputs": {name: inputs[name].content for name in node.inputs},
            "code": code_hash(*node.code),
        }
    )
