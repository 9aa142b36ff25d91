"""A closed set of labels, every one tied to a TONE node or saying why not."""

from __future__ import annotations

import difflib
import unicodedata
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import DsbuildError
from schemas.plain_yaml import load_yaml
from schemas.tone.tree import Node, node

FOLDER = Path(__file__).with_name("taxonomies")


class ToneRef(BaseModel):
    """A place in TONE's tree: a term and its tier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    term: str
    tier: int = Field(ge=1, le=3)


class Label(BaseModel):
    """One label: its id as released, what it means, other spellings, names by language, and its place in TONE.

    The place is one node (`tone`), or several that the label blends (`tone_parts`), or none and why (`tone_note`).
    `tone_reason` says why it is that place; the shipped sets have one wherever no spelling is the node's own word.
    `code` is what the release writes for it in numbers or letters. `role` marks what is no emotion and yet stands in
    many sets: neutral, and what the others leave over.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    definition: str = ""
    descriptions: dict[str, tuple[str, ...]] = {}
    aliases: tuple[str, ...] = ()
    names: dict[str, str] = {}
    code: str | int | None = None
    role: Literal["neutral", "other"] | None = None
    tone: ToneRef | None = None
    tone_parts: tuple[ToneRef, ...] = ()
    tone_note: str | None = None
    tone_reason: str | None = None

    @model_validator(mode="after")
    def _placed_or_explained(self) -> Self:
        if (self.tone is not None) + bool(self.tone_parts) + (self.tone_note is not None) != 1:
            raise ValueError(
                f"label {self.id!r} needs one of `tone`, `tone_parts` and, where it has no node, `tone_note`"
            )
        if len(self.tone_parts) == 1:
            raise ValueError(f"label {self.id!r} has one part: write it as `tone`")
        places = self.places
        if len(set(places)) != len(places):
            raise ValueError(f"label {self.id!r} has the same part twice")
        return self

    @property
    def places(self) -> tuple[Node, ...]:
        """The TONE nodes of the label: none, one, or the parts of a blend."""
        refs = (self.tone,) if self.tone is not None else self.tone_parts
        return tuple(node(ref.term, ref.tier) for ref in refs)

    @property
    def spellings(self) -> set[str]:
        """The id, the aliases and the English name, folded."""
        names = [self.names["en"]] if "en" in self.names else []
        return {fold(text) for text in (self.id, *self.aliases, *names)}


def fold(text: str) -> str:
    """`text` as labels are compared: NFC, without blanks at its ends, case folded."""
    return unicodedata.normalize("NFC", text).strip().casefold()


class Taxonomy(BaseModel):
    """A named set of labels. `exclusive` labels (neutral) never stand beside others.

    `kind` is what the labels name; only emotions have places in TONE. `groups` are published groupings of the labels,
    {grouping: {group: ids}}; `levels` the published names of intensities, the weakest first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    source: str
    url: str | None = None
    year: int | None = None
    kind: Literal["emotion", "sentiment", "act", "condition", "other"] = "emotion"
    exclusive: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    groups: dict[str, dict[str, tuple[str, ...]]] = {}
    labels: tuple[Label, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("two labels have the same id")
        unknown = set(self.exclusive) - set(self.ids)
        if unknown:
            raise ValueError(f"exclusive names no label: {sorted(unknown)}")
        for grouping, groups in self.groups.items():
            listed = [label for members in groups.values() for label in members]
            if set(listed) - set(self.ids) or len(set(listed)) != len(listed):
                raise ValueError(f"groups.{grouping} names a label twice, or one there is not")
        codes = [fold(str(label.code)) for label in self.labels if label.code is not None]
        if len(set(codes)) != len(codes):
            raise ValueError("two labels have the same code")
        if self.kind != "emotion" and any(label.places for label in self.labels):
            raise ValueError(f"labels of kind {self.kind} are no emotions, so they have no place in TONE")
        owners: dict[str, str] = {}
        for label in self.labels:
            for spelling in {fold(s) for s in (label.id, *label.aliases)}:
                if owners.setdefault(spelling, label.id) != label.id:
                    raise ValueError(f"{spelling!r} stands for both {owners[spelling]!r} and {label.id!r}")
        return self

    @property
    def ids(self) -> list[str]:
        """The labels' ids in the taxonomy's order, which is the order of every soft label and class index."""
        return [label.id for label in self.labels]

    @cached_property
    def index(self) -> dict[str, int]:
        """The position of each id."""
        return {label: position for position, label in enumerate(self.ids)}

    @cached_property
    def _spellings(self) -> dict[str, str]:
        # Codes come last, so that none of them hides a name.
        codes = {fold(str(label.code)): label.id for label in self.labels if label.code is not None}
        return codes | {fold(s): label.id for label in self.labels for s in (label.id, *label.aliases)}

    def resolve(self, text: str) -> str | None:
        """The id that `text` stands for: an id, an alias, either in another case, or a released code; None if it is
        no label."""
        if text in self.index:
            return text
        return self._spellings.get(fold(text))

    def places(self, label: str) -> tuple[Node, ...]:
        """The TONE nodes of a label id: none, one, or the parts of a blend."""
        return self.labels[self.index[label]].places

    def tone(self, label: str) -> Node | None:
        """The TONE node of a label id, None where it has none."""
        ref = self.labels[self.index[label]].tone
        return None if ref is None else node(ref.term, ref.tier)

    def tone_path(self, label: str) -> tuple[str | None, str | None, str | None]:
        """(primary, secondary, tertiary) of a label id; None from its tier down, all None where it has no node."""
        place = self.tone(label)
        return (None, None, None) if place is None else (place.primary, place.secondary, place.tertiary)


def shipped() -> list[str]:
    """The names of the taxonomies that come with dsbuild."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def parse_taxonomy(data: Any, where: str) -> Taxonomy:
    """A taxonomy from what its YAML file holds.

    Raises:
        DsbuildError: it does not follow the format; every fault is named with its place.
    """
    if isinstance(data, dict):
        for label in data.get("labels") or ():
            # A plain list of descriptions is English.
            if isinstance(label, dict) and isinstance(label.get("descriptions"), list):
                label["descriptions"] = {"en": label["descriptions"]}
    try:
        return Taxonomy.model_validate(data)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors())
        raise DsbuildError(f"This is no taxonomy: {faults}.", where=where) from error


def load_taxonomy(name_or_path: str) -> Taxonomy:
    """A shipped taxonomy by its name, or a file of one's own by its path (ending in .yaml or .yml).

    Raises:
        DsbuildError: there is no such taxonomy, or the file does not hold one.
    """
    own = name_or_path.endswith((".yaml", ".yml"))
    path = Path(name_or_path) if own else FOLDER / f"{name_or_path}.yaml"
    if not own and name_or_path not in shipped():
        close = difflib.get_close_matches(name_or_path, shipped(), n=1)
        hint = f'Did you mean "{close[0]}"? ' if close else ""
        raise DsbuildError(
            f"There is no taxonomy '{name_or_path}'.",
            fix=f"{hint}Shipped: {', '.join(shipped())}. A file of your own is named by its path.",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DsbuildError("There is no such taxonomy file.", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise DsbuildError(f"This is no YAML file: {error}", where=str(path)) from error
    return _parsed(text, str(path), not own)


@cache
def _parsed(text: str, where: str, ours: bool) -> Taxonomy:
    # By its text, not by its path: a file may be edited while the program that imports us runs.
    try:
        return parse_taxonomy(load_yaml(text, ours=ours), where)
    except yaml.YAMLError as error:
        raise DsbuildError(f"This is no YAML file: {error}", where=where) from error
