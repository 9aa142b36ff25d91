"""From a recipe file and options to everything that a run needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuild.engine.node import Context
from dsbuild.engine.workspace import Workspace
from dsbuild.recipe import load, tasks_of

if TYPE_CHECKING:
    from annotators.llm.spending.budget import Budget
    from dsbuild.recipe import Recipe
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
    made = priced(loaded.recipe)
    given: dict[str, Any] = {}
    if progress is not None:
        given["progress"] = progress
    if say is not None:
        given["say"] = say
    return Context(
        recipe=made,
        recipe_text=loaded.text,
        recipe_path=Path(recipe),
        directory=loaded.directory,
        tasks=tasks_of(made),
        workspace=Workspace(Path(workspace)),
        releases=Path(out),
        overrides=tuple(overrides),
        sample=sample,
        retry_failed=retry_failed,
        **given,
    )


def budget_of(ctx: Context) -> Budget | None:
    """The money that the recipe's annotators share, None without a limit."""
    usd = ctx.recipe.budget.usd
    if usd is None:
        return None
    from annotators.llm.spending.budget import Budget

    return Budget(usd, ctx.workspace.ledger(ctx.recipe.dataset))


def priced(recipe: Recipe) -> Recipe:
    """`recipe` with the prices of a price file: the one its `prices` names, else the one DSBUILD_PRICES does.

    Raises:
        RecipeError: the file cannot be read or is no list of prices.
    """
    prices = recipe.prices or (Path(named) if (named := os.environ.get("DSBUILD_PRICES")) else None)
    if prices is None:
        return recipe
    return recipe.model_copy(update={"annotate": tuple(entry.priced(prices) for entry in recipe.annotate)})
