"""The public functions behind the command line: plan, run, verify, migrate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuild.engine.graph import graph_of
from dsbuild.engine.node import Context, Stage
from dsbuild.engine.plan import plan
from dsbuild.engine.run import Ran, execute
from dsbuild.engine.setup import budget_of, context

if TYPE_CHECKING:
    from dsbuild.engine.node import Node
    from dsbuild.release.manifest import Manifest
    from dsbuild.release.migrate import Migrated

__all__ = ["Result", "migrate", "plan", "run", "verify"]


@dataclass(frozen=True)
class Result:
    """What a run did; `release` is the folder of the release, null if the run did not come so far."""

    context: Context
    graph: list[Node]
    ran: Ran

    @property
    def release(self) -> Path | None:
        output = self.ran.outputs.get("release")
        if output is None:
            return None
        return self.context.releases / self.context.recipe.dataset / str(output.figures["release"]["version"])

    @property
    def idle(self) -> bool:
        """Whether everything had been done before."""
        return not self.ran.done


def run(
    recipe: str | Path,
    *,
    until: Stage | None = None,
    only: str | None = None,
    redo: str | None = None,
    **options: Any,
) -> Result:
    """Run a recipe: whatever has not been done yet under the same configuration, inputs and code.

    `options` are those of `dsbuild.engine.setup.context`.

    Raises:
        WaitingForPeople: everything that can run has run, and a session lacks answers.
        GateFailed: the dataset misses a condition of its recipe; there is no release.
        DsbuildError: anything else that a person can act on.
    """
    ctx = context(recipe, **options)
    budget = budget_of(ctx)
    graph = graph_of(ctx, budget)
    try:
        ran = execute(graph, ctx, until=until, only=only, redo=redo)
    finally:
        if budget is not None:
            budget.close()
    if ran.waiting:
        raise ran.waiting[0]
    return Result(ctx, graph, ran)


def verify(folder: str | Path) -> Manifest:
    """Check every file of a release against its manifest.

    Raises:
        DsbuildError: a file is missing, was changed, or does not belong there.
    """
    from dsbuild.release.verify import verify as check

    return check(Path(folder))


def migrate(folder: str | Path, out: str | Path | None = None) -> Migrated:
    """Bring an older release to the schema of today: a new release beside it, or below `out`, the folder of releases.

    Raises:
        DsbuildError: the release is damaged, a sample, or of an unknown schema, or a row breaks the schema of today.
    """
    from dsbuild.release.migrate import migrate as upgrade

    return upgrade(Path(folder), None if out is None else Path(out))
