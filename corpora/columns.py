"""How the rows of a corpus become items and people: what a recipe's entry and a card both can say."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from corpora.labels import PatternText, check_pattern, checked_bind
from schemas.forms.vocabularies import MEDIA_ROLES

# What a group's id is the name of a person for; these names are not released in clear.
PERSONS = ("speaker", "author", "subject")

Names = Literal["hash", "keep"]


class Columns(BaseModel):
    """Which columns of a corpus's files hold what an item is made of: a column's name, or a text with names in braces
    (`"{TV_ID}-{Speaker}"`) that are columns, bound by `bind`, or bound by the path.

    `dialogue` and `turn` (a number) put an item into its dialogue. Without `text`, items are known by their media or
    by their `id` alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: PatternText | None = None
    id: PatternText | None = None
    language: PatternText | None = None
    split: PatternText | None = None
    dialogue: PatternText | None = None
    turn: PatternText | None = None
    speaker: PatternText | None = None

    @field_validator("*")
    @classmethod
    def _are_patterns(cls, text: str | None) -> str | None:
        return None if text is None else check_pattern(text)

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.text is None and self.id is None:
            raise ValueError("columns names a text, or at least an id")
        if self.turn is not None and self.dialogue is None:
            raise ValueError("a turn belongs to a dialogue; name its column with `dialogue`")
        return self

    def named(self) -> dict[str, str]:
        """{role: column or pattern} for the roles that have one."""
        return {role: column for role, column in self.model_dump().items() if column is not None}


class MediaFile(BaseModel):
    """A file that is a part of an item: its path with names in braces, and the columns of where in it the item starts
    and ends, in seconds or as hh:mm:ss.fff."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: PatternText
    start: PatternText | None = None
    end: PatternText | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain_is_a_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @field_validator("*")
    @classmethod
    def _are_patterns(cls, text: str | None) -> str | None:
        return None if text is None else check_pattern(text)


class PeopleColumns(BaseModel):
    """Which columns say who the people of a corpus are: their name (`id`), `gender`, `age`, `languages`, and `traits`
    by scale, such as `{big-five: [Openness, Neuroticism]}`.

    They stand in the items' rows, or in a `file` of their own. `role` is speaker, author, subject or annotator; where
    it is left out, the use of the same `id` among the columns or as an annotator says it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: PatternText
    gender: PatternText | None = None
    age: PatternText | None = None
    languages: PatternText | None = None
    traits: dict[str, tuple[str, ...]] = {}
    role: Literal["annotator", "speaker", "author", "subject"] | None = None
    file: PatternText | None = None
    header: tuple[str, ...] | None = Field(default=None, min_length=1)
    records: PatternText | None = None

    @field_validator("id", "gender", "age", "languages", "file")
    @classmethod
    def _are_patterns(cls, text: str | None) -> str | None:
        return None if text is None else check_pattern(text)


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, dict) else value


class Reading(BaseModel):
    """What a recipe's entry and a card both say about reading a corpus's files.

    Attributes:
        bind: {column: pattern of its cells}: takes names out of cells, for use in braces.
        header: the names of the columns, for files that have none.
        records: the path of the records in JSON files, `"episodes/{e}/scenes/{s}/utterances/{u}"`: see
            corpora.readers.tree.
        groups: {kind: column or pattern}: what must never be split besides dialogue and speaker.
        media: {role: path, or {path, start, end}}.
        context: how many turns before it are shown with a turn of a dialogue.
        people: who speaks, writes or annotates.
        names: `hash` replaces the names of people by keyed hashes (see corpora.pseudonyms), `keep` leaves them as they
            are: for names that are pseudonyms already, or no people's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bind: dict[str, PatternText] = {}
    header: tuple[str, ...] | None = Field(default=None, min_length=1)
    records: PatternText | None = None
    groups: dict[str, PatternText] = {}
    media: dict[str, MediaFile] = {}
    context: int | None = Field(default=None, ge=0)
    people: Annotated[tuple[PeopleColumns, ...], BeforeValidator(_as_list)] = ()
    names: Names = "hash"

    @field_validator("bind")
    @classmethod
    def _bind_is_checked(cls, bind: dict[str, str]) -> dict[str, str]:
        return checked_bind(bind)

    @field_validator("groups")
    @classmethod
    def _groups_are_patterns(cls, groups: dict[str, str]) -> dict[str, str]:
        doubled = sorted(set(groups) & {"dialogue", "speaker"})
        if doubled:
            raise ValueError(f"the {doubled[0]} is one of `columns`; leave it out of groups")
        return {kind: check_pattern(text) for kind, text in groups.items()}

    @field_validator("media")
    @classmethod
    def _media_have_roles(cls, media: dict[str, MediaFile]) -> dict[str, MediaFile]:
        for role in media:
            if role not in MEDIA_ROLES.words:
                raise ValueError(f"there is no media role {role!r}; there are: {', '.join(MEDIA_ROLES.words)}")
        return media
