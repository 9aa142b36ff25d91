"""Sessions: what people answered, once everybody has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dsbuild.engine.choosing import code_of
from dsbuild.engine.node import Context, Stage
from dsbuild.engine.session_items import session_items, session_tasks
from dsbuild.engine.workspace import Output, Writer
from schemas.errors import WaitingForPeople
from schemas.ids import digest
from schemas.tables import ANNOTATIONS, empty

if TYPE_CHECKING:
    from annotators.label_studio.human_store import HumanStore
    from annotators.label_studio.session import SessionConfig


@contextmanager
def human_store(ctx: Context) -> Iterator[HumanStore]:
    """The workspace's human store, open."""
    from annotators.label_studio.human_store import HumanStore

    with HumanStore(ctx.workspace.people) as store:
        yield store


@dataclass(frozen=True)
class GoldNode:
    """One session. Its key holds what people have answered so far, so that an answer more runs it again."""

    entry: SessionConfig
    inputs: tuple[str, ...] = ("items",)
    stage: Stage = "gold"

    @property
    def code(self) -> tuple[str, ...]:
        own = ("annotators.label_studio", "schemas", "dsbuild.engine.nodes.gold", "dsbuild.engine.session_items")
        return (*own, *code_of(self.entry.on))

    @property
    def name(self) -> str:
        return f"gold:{self.entry.name}"

    def config(self, ctx: Context) -> Any:
        tasks = session_tasks(ctx, self.entry)
        answers: list[Any] = []
        if ctx.workspace.people.exists():
            from annotators.label_studio.session import ADJUDICATION, FIRST

            with human_store(ctx) as store:
                for task in tasks:
                    for round in (FIRST, ADJUDICATION):
                        answers += [asdict(row) for row in store.current(self.entry.name, task.name, round)]
        return {
            "entry": self.entry.model_dump(mode="json", by_alias=True),
            "tasks": [task.model_dump(mode="json") for task in tasks],
            "answers": digest(answers),
            **({} if self.entry.on.where is None else {"hours": _hours(ctx)}),
        }

    def run(self, ctx: Context, inputs: Mapping[str, Output], out: Writer) -> None:
        from annotators.label_studio.outcome import outcome

        about = session_items(ctx, self.entry, inputs)
        items = about.items
        out.add("annotations", empty(ANNOTATIONS))
        if self.entry.on.where is not None or self.entry.budget is not None:
            out.count(about.figures())
        with human_store(ctx) as store:
            for task in session_tasks(ctx, self.entry):
                found = outcome(store, self.entry, items, task)
                if found.missing:
                    raise self._waiting(ctx, f"{found.missing} of {items.height} items wait for answers to {task.name}")
                if found.waiting:
                    raise self._disputed(ctx, len(found.disputed), task.name)
                out.add("annotations", found.annotations.sort("annotation_id"))
                out.add("provenance", found.provenance)
                out.count(
                    {
                        "items": items.height,
                        "answers": found.annotations.height,
                        "stale": found.stale,
                        "disputed": len(found.disputed),
                        "strangers": sum(found.strangers.values()),
                    }
                )

    def _waiting(self, ctx: Context, what: str) -> WaitingForPeople:
        return WaitingForPeople(
            f"The session '{self.entry.name}' is not finished: {what}.",
            fix=(
                f"Put the items before people: dsbuild gold push {ctx.command(self.entry.name)}. When they have "
                f"answered: dsbuild gold pull {ctx.command(self.entry.name)}, and run the recipe again."
            ),
        )

    def _disputed(self, ctx: Context, many: int, task: str) -> WaitingForPeople:
        judge = self.entry.adjudicate.else_
        return WaitingForPeople(
            f"The session '{self.entry.name}' is not finished: on {many} items the answers to {task} have no majority, "
            f"and {judge} has not decided them.",
            fix=(
                f"Put them before {judge}: dsbuild gold adjudicate {ctx.command(self.entry.name)}. Then: "
                f"dsbuild gold pull {ctx.command(self.entry.name)}, and run the recipe again."
            ),
        )


def _hours(ctx: Context) -> Any:
    """What decides how much of people's time is left for a session: the hours, and what the others take."""
    sessions = [entry.model_dump(mode="json", by_alias=True) for entry in ctx.recipe.gold]
    return [ctx.recipe.budget.human_hours, sessions if ctx.recipe.budget.human_hours is not None else None]
