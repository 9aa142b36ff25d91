"""From a recipe file and options to everything that a run needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuild.engine.node import Context
from dsbuild.engine.workspace import Workspace
from dsbuild.recipe import load, tasks_of

if TYPE_CHECKING:
    from schemas.config import Spending
    from schemas.protocols import Progress

WORKSPACE = Path(".dsbuild")
RELEASES = Path("releases")


def context(
    recipe: str | Path,
    *,
    overrides: Sequence[str] = (),
    workspace: str | Path = WORKSPACE,
    out: str | Path = RELEASES,
    sample: int | None = None,
    retry_failed: bool = False,
    progress: Callable[[str], Progress] | None = None,
    say: Callable[[str], None] | None = None,
) -> Context:
    """Everything a run needs, with the recipe loaded and checked.

    Raises:
        RecipeError: the recipe is wrong; every mistake is told with its place.
    """
    loaded = load(recipe, overrides)
    given: dict[str, Any] = {}
    if progress is not None:
        given["progress"] = progress
    if say is not None:
        given["say"] = say
    return Context(
        recipe=loaded.recipe,
        recipe_text=loaded.text,
        recipe_path=Path(recipe),
        directory=loaded.directory,
        tasks=tasks_of(loaded.recipe),
        workspace=Workspace(Path(workspace)),
        releases=Path(out),
        overrides=tuple(overrides),
        sample=sample,
        retry_failed=retry_failed,
        **given,
    )


def budget_of(ctx: Context) -> Spending | None:
    """The money that the recipe's annotators share, None without a limit."""
    usd = ctx.recipe.budget.usd
    if usd is None:
        return None
    from annotators.llm.spending.cost import Budget

    return Budget(usd)
