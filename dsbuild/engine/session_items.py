"""Which items a session puts before people: those that it chooses, within what people's time allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from dsbuild.engine.choosing import chosen, route
from dsbuild.engine.node import Context
from dsbuild.engine.workspace import Output
from schemas.protocols import no_items

if TYPE_CHECKING:
    from annotators.label_studio.session import SessionConfig
    from annotators.label_studio.touched import Touched
    from schemas.task import Task

# What one answer of one person takes, for hours that are planned; a guess.
SECONDS_AN_ANSWER = 20.0


@dataclass(frozen=True)
class SessionItems:
    """The `items` (ITEMS) that a session is about, the strongest case first where it has a condition.

    `wanted` is for how many items the condition holds; `over` of them are left out, because the budget has no more;
    `kept` are in although it does not hold any more: people have answered them, and no answer is thrown away;
    `withdrawn` stand before people, who have not answered, and are asked for no longer.
    """

    items: pl.DataFrame
    wanted: int
    over: int = 0
    kept: int = 0
    withdrawn: int = 0

    def figures(self) -> dict[str, Any]:
        """The counts, where the session has a condition or a budget."""
        return {name: getattr(self, name) for name in ("wanted", "over", "kept")}


def session_tasks(ctx: Context, session: SessionConfig) -> list[Task]:
    """The tasks a session asks."""
    return [task for name, task in ctx.tasks.items() if session.tasks is None or name in session.tasks]


def session_items(ctx: Context, session: SessionConfig, outputs: Mapping[str, Output]) -> SessionItems:
    """The items that `session` is about, given what the nodes it reads have made.

    A function of these, the recipe and the human store: where models change, what they newly dispute comes in, and
    what people have answered stays.

    Raises:
        DsbuildError: its condition asks how sure an annotator is that never says so.
    """
    items = outputs["items"]
    routed = route(session.on, session_tasks(ctx, session), ctx.recipe, outputs)
    candidates = _whole(items, session, routed)
    limit = items_allowed(ctx, session, items)
    if routed is None and limit is None:
        return SessionItems(candidates, candidates.height)
    if routed is not None:
        candidates = (
            candidates.join(routed, on="item_id", how="left", maintain_order="left")
            .sort("strength", descending=True, maintain_order=True)
            .drop("holds", "strength")
        )
    everyone = session.model_copy(update={"on": session.on.model_copy(update={"where": None, "sample": None})})
    whole = _whole(items, everyone, None)
    before = _touched(ctx, session, whole)
    done = pl.col("item_id").is_in(list(before.answered))
    kept = whole.filter(done).join(candidates, on="item_id", how="anti", maintain_order="left")
    open_ = candidates.filter(~done)
    room = open_.height if limit is None else max(0, limit - kept.height - candidates.filter(done).height)
    asked = candidates.filter(done | pl.col("item_id").is_in(open_["item_id"].head(room).implode()))
    taken = pl.concat([asked, kept])
    withdrawn = before.pushed - before.answered - set(taken["item_id"])
    over = open_.height - min(room, open_.height)
    return SessionItems(taken, candidates.height, over, kept.height, len(withdrawn))


def _whole(items: Output, session: SessionConfig, routed: pl.DataFrame | None) -> pl.DataFrame:
    batches = list(chosen(items, session.on, routed)) if items.parts("items") else []
    return pl.concat(batches) if batches else no_items()


def _touched(ctx: Context, session: SessionConfig, items: pl.DataFrame) -> Touched:
    from annotators.label_studio.human_store import HumanStore
    from annotators.label_studio.touched import Touched, touched

    if not ctx.workspace.people.exists():
        return Touched(frozenset(), frozenset())
    with HumanStore(ctx.workspace.people) as store:
        return touched(store, session, items, session_tasks(ctx, session))


def items_allowed(ctx: Context, session: SessionConfig, items: Output) -> int | None:
    """How many items `session` may put before people: its own budget, else, where it has a condition, its share of the
    recipe's `human_hours`; null without a limit.

    Sessions without a condition or budget take what they need; what is left of the hours is divided evenly among
    those with a condition and no budget of their own, an answer taking `SECONDS_AN_ANSWER`.
    """
    if session.budget is not None:
        return session.budget.items
    hours = ctx.recipe.budget.human_hours
    if hours is None or session.on.where is None:
        return None
    seconds, sharing = hours * 3600, 0
    for one in ctx.recipe.gold:
        if one.budget is not None:
            seconds -= one.budget.items * seconds_an_item(ctx, one)
        elif one.on.where is None:
            seconds -= _whole(items, one, None).height * seconds_an_item(ctx, one)
        else:
            sharing += 1
    return max(0, int(seconds / sharing / seconds_an_item(ctx, session)))


def seconds_an_item(ctx: Context, session: SessionConfig) -> float:
    """What one item of a session takes of people's time, all of them together."""
    return max(1, len(session_tasks(ctx, session))) * session.answers_wanted * SECONDS_AN_ANSWER


def at_most(ctx: Context, session: SessionConfig, outputs: Mapping[str, Output]) -> int:
    """How many items a session can have, whatever those say who decide it; `outputs` has the items."""
    everyone = session.model_copy(update={"on": session.on.model_copy(update={"where": None})})
    many = _whole(outputs["items"], everyone, None).height
    limit = items_allowed(ctx, session, outputs["items"])
    return many if limit is None else min(many, limit)
