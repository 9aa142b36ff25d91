"""A crosswalk held against a grouping that somebody published, label by label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.crosswalk.mapping import Crosswalk
from schemas.errors import DsbuildError
from schemas.taxonomy import Taxonomy, ToneRef, fold
from schemas.tone import nodes

Verdict = Literal["agrees", "disagrees", "no place"]


@dataclass(frozen=True)
class Comparison:
    """One label: the group it was published in (null: in none), what TONE makes of it, whether that is the same, and
    why it is not. A label without a place in TONE is no disagreement: nothing was said about it."""

    label: str
    published: str | None
    found: tuple[str, ...]
    verdict: Verdict
    why: str


def looked_up(taxonomy: Taxonomy) -> Taxonomy:
    """`taxonomy` with every label placed by its own name alone: at the widest node of that word, or nowhere.

    This is what somebody gets who looks labels up in the published tree, without placing the words it lacks.
    """
    # Later entries win, so the widest tier comes last.
    by_word = {node.term: node for node in sorted(nodes(), key=lambda one: -one.tier)}
    labels = []
    for label in taxonomy.labels:
        node = by_word.get(fold(label.id))
        nowhere = {"tone": None, "tone_parts": (), "tone_reason": None, "tone_note": "no node has this name"}
        place = (
            nowhere if node is None else nowhere | {"tone": ToneRef(term=node.term, tier=node.tier), "tone_note": None}
        )
        labels.append(label.model_copy(update=place))
    return taxonomy.model_copy(update={"name": f"{taxonomy.name} (looked up by name)", "labels": tuple(labels)})


def against(walk: Crosswalk, grouping: str) -> list[Comparison]:
    """Every label of the source: what `walk` makes of it beside its group in the published `grouping`.

    A group is the target's label of that name; one that the target does not have agrees with nothing.

    Raises:
        DsbuildError: the source has no such grouping.
    """
    groups = walk.source.groups.get(grouping)
    if groups is None:
        known = ", ".join(walk.source.groups) or "none"
        raise DsbuildError(f"{walk.source.name} has no grouping '{grouping}'.", fix=f"It has: {known}.")
    group_of = {label: group for group, members in groups.items() for label in members}
    found = []
    for mapping in walk.mappings:
        group = group_of.get(mapping.label)
        wanted = None if group is None else walk.target.resolve(group) or group
        places = walk.source.places(mapping.label)
        if group is None:
            verdict: Verdict = "no place" if not places else "disagrees"
            why = "in no published group"
        elif not places:
            verdict, why = "no place", mapping.path
        elif mapping.targets == (wanted,):
            verdict, why = "agrees", mapping.path
        else:
            verdict, why = "disagrees", f"published under {group}; in TONE {mapping.path}"
        found.append(Comparison(mapping.label, group, mapping.targets, verdict, why))
    return found
