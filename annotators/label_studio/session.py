"""A session: one round of human annotation, as the recipe's `gold` entry says it."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PositiveInt,
    field_validator,
    model_validator,
)

from schemas.config import NAME
from schemas.selection import Selection
from schemas.task import Task

Person = Annotated[str, Field(pattern=NAME)]
FIRST = "first"
ADJUDICATION = "adjudication"


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _as_written(names: tuple[str, ...]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)


class Suggestions(BaseModel):
    """Show the answers of the annotator `from` to begin with, on this share of the items (0 to 1); of several
    annotators each on its part of them.

    The other items are shown bare, so that how far a suggestion pulls people can be measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: Annotated[
        tuple[Person, ...], BeforeValidator(_listed), PlainSerializer(_as_written), Field(alias="from", min_length=1)
    ]
    share: float = Field(default=1.0, ge=0, le=1)


class Adjudication(BaseModel):
    """What decides where people differ: their majority, else one person. Without `else` what is left stays open."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    rule: Literal["majority"] = "majority"
    else_: Person | None = Field(default=None, alias="else")


class HumanBudget(BaseModel):
    """At most so many items are put before people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: PositiveInt


class SessionConfig(BaseModel):
    """An entry of the recipe's `gold`.

    `people` are the names their answers are released under; an account of the server is one of them if its user name
    or the part of its e-mail address before the @ is that name. `overlap` is how many of them answer each item
    (default: all). `tasks` are the questions asked (default: all of the recipe), each in a project of its own.
    `budget` is how many items people judge at most: of those for which the condition in `on` holds, the ones for which
    it holds most strongly. `language` is what boxes and instructions are shown in; `instructions` (by language) replace
    the task's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    on: Selection = Selection()
    tasks: tuple[str, ...] | None = None
    people: tuple[Person, ...] = Field(min_length=1)
    overlap: PositiveInt | None = None
    budget: HumanBudget | None = None
    suggest: Suggestions | None = None
    adjudicate: Adjudication = Adjudication()
    language: str | None = None
    instructions: dict[str, str] = {}

    @field_validator("people", mode="before")
    @classmethod
    def _a_list(cls, people: Any) -> Any:
        if isinstance(people, str):
            raise ValueError("people is a list of names")
        return people

    @model_validator(mode="after")
    def _enough_people(self) -> Self:
        # Accounts are matched without regard to case, so two names must differ in more than that.
        if len({person.casefold() for person in self.people}) != len(self.people):
            raise ValueError("people names someone twice")
        if self.overlap is not None and self.overlap > len(self.people):
            raise ValueError(f"overlap is {self.overlap}, but there are {len(self.people)} people")
        return self

    @property
    def answers_wanted(self) -> int:
        """How many people answer each item."""
        return len(self.people) if self.overlap is None else self.overlap


def gets_suggestion(session: SessionConfig, item_id: str, seed: int) -> bool:
    """Whether people see a suggestion on this item: decided by a hash, so items that come later change nothing."""
    if session.suggest is None:
        return False
    salt = hashlib.blake2b(f"{seed}/{session.name}".encode(), digest_size=16).digest()
    draw = int.from_bytes(hashlib.blake2b(item_id.encode(), digest_size=8, salt=salt).digest(), "big") / 2**64
    return draw < session.suggest.share


def as_asked(session: SessionConfig, task: Task) -> Task:
    """The task with the session's own instructions in place of its own, where it has some."""
    return task if not session.instructions else task.model_copy(update={"instructions": session.instructions})
