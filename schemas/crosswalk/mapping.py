"""What every label of one taxonomy becomes in another, found by where both stand in TONE and by nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from schemas.taxonomy import Label, Taxonomy
from schemas.tone import Node

MappingKind = Literal["exact", "broader", "narrower", "several", "none"]
KINDS: tuple[MappingKind, ...] = get_args(MappingKind)


@dataclass(frozen=True)
class Mapping:
    """What a label becomes.

    `targets` are the labels that it may mean, in the other taxonomy's order; `path` says in words how they were found,
    or why there are none.

    - exact: one label at the same place (the same node, or a blend of the same parts);
    - broader: one label at the nearest place above;
    - narrower: labels below; which of them is meant is not known, unless there is just one;
    - several: the parts of a blend become several labels, or one place has several labels;
    - none: nothing at, above or below, or no place at all.
    """

    label: str
    kind: MappingKind
    targets: tuple[str, ...]
    path: str
    blend: bool = False
    """Whether the targets hold together (parts of a blend), so that all of them are meant and not one of them."""

    @property
    def sure(self) -> bool:
        """Whether what the label becomes is known: one target, or all parts of a blend."""
        return len(self.targets) == 1 or self.blend


@dataclass(frozen=True)
class Coverage:
    """What an answer that lacks a label of the target says about it.

    `known` are the labels of the target that stand at, or below, a label that was put to the annotator: who did not say
    "joy" did not say "amusement" either (but who did not say "amusement" may well have meant joy). `unless` names, for
    labels of the source, those of them that an answer with this label leaves open after all: who said "joy" may have
    meant amusement.
    """

    known: tuple[str, ...]
    unless: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Crosswalk:
    """The mappings of all labels of `source`, in its order, to labels of `target`."""

    source: Taxonomy
    target: Taxonomy
    mappings: tuple[Mapping, ...]

    @cached_property
    def by_label(self) -> dict[str, Mapping]:
        """The mapping of each label of the source."""
        return {mapping.label: mapping for mapping in self.mappings}

    def coverage(self, asked: Sequence[str] | None = None) -> Coverage:
        """What an answer to the source's labels `asked` (null: all) says about labels of the target that it lacks."""
        ids = self.source.ids if asked is None else list(asked)
        if self.source == self.target:
            return Coverage(tuple(ids), {})
        put: dict[frozenset[Node], list[str]] = {}
        for label in ids:
            places = self.source.places(label)
            if places:
                put.setdefault(frozenset(places), []).append(label)
        neutral = any(self.source.labels[self.source.index[label]].role == "neutral" for label in ids)
        known: list[str] = []
        unless: dict[str, list[str]] = {}
        for target in self.target.labels:
            over = next((place for place in _at_or_above(target.places) if place in put), None)
            if over is not None and over != frozenset(target.places):
                for label in put[over]:
                    unless.setdefault(label, []).append(target.id)
            if over is not None or (target.role == "neutral" and neutral):
                known.append(target.id)
        return Coverage(tuple(known), {label: tuple(targets) for label, targets in unless.items()})


def crosswalk(a: Taxonomy, b: Taxonomy) -> Crosswalk:
    """What each label of `a` becomes in `b`, through TONE.

    The place of a label is its node, or the parts it blends. Looked for are, in this order: a label of `b` at the same
    place; at the nearest node above; at the nodes below. A blend without an equal becomes what its parts become, and
    nothing where a part becomes nothing. Where one node has several labels of `b`, a label of the same spelling is
    meant; for a label from below it is the one that bears the node's own word; else it is one of several.

    Neutral is no emotion and has no place: labels whose `role` is neutral map to each other. Labels for what the others
    leave over map only where both taxonomies leave the same over. A taxonomy maps to itself label by label, whatever
    its labels are.
    """
    if a == b:
        same = "the same label of the same taxonomy"
        return Crosswalk(a, b, tuple(Mapping(label, "exact", (label,), same) for label in a.ids))
    finder = _Finder(a, b)
    return Crosswalk(a, b, tuple(finder.find(label) for label in a.labels))


def told(node: Node) -> str:
    """A node in words: its term, its tier, and what it lies in."""
    return f"{node.term} ({', '.join([f'tier {node.tier}', *(f'in {above.term}' for above in _parents(node))])})"


def _parents(node: Node) -> list[Node]:
    """The nodes above, the nearest first."""
    found = []
    if node.tertiary is not None:
        found.append(Node(node.primary, node.secondary))
    if node.secondary is not None:
        found.append(Node(node.primary))
    return found


def _at_or_above(places: tuple[Node, ...]) -> list[frozenset[Node]]:
    """A place and, where it is one node, every node above it."""
    above = [frozenset([node]) for node in _parents(places[0])] if len(places) == 1 else []
    return [frozenset(places), *above] if places else []


class _Finder:
    def __init__(self, a: Taxonomy, b: Taxonomy) -> None:
        self.a, self.b = a, b
        self.at: dict[frozenset[Node], list[Label]] = {}
        for label in b.labels:
            if label.places:
                self.at.setdefault(frozenset(label.places), []).append(label)

    def find(self, label: Label) -> Mapping:
        if label.role == "neutral":
            return self._neutral(label)
        if label.role == "other":
            return self._other(label)
        if not label.places:
            return Mapping(label.id, "none", (), f"no place in TONE: {label.tone_note}")
        if len(label.places) > 1:
            return self._blend(label)
        return self._single(label, label.places[0])

    def _neutral(self, label: Label) -> Mapping:
        found = [one.id for one in self.b.labels if one.role == "neutral"]
        if not found:
            return Mapping(label.id, "none", (), f"no emotion, and {self.b.name} has no label for that")
        kind: MappingKind = "exact" if len(found) == 1 else "several"
        return Mapping(label.id, kind, tuple(found), "no emotion in both")

    def _other(self, label: Label) -> Mapping:
        found = [one.id for one in self.b.labels if one.role == "other"]
        if len(found) == 1 and _left_over(self.a) == _left_over(self.b):
            return Mapping(label.id, "exact", (found[0],), "what the same other labels leave over")
        return Mapping(label.id, "none", (), f"what {self.a.name} leaves over, which may be any label of {self.b.name}")

    def _single(self, label: Label, node: Node) -> Mapping:
        here = self._labels(node)
        if here:
            found = _meant(label, here, node, below=False)
            kind: MappingKind = "exact" if len(found) == 1 else "several"
            return Mapping(label.id, kind, _ids(found), f"at {told(node)} in both")
        for above in _parents(node):
            here = self._labels(above)
            if here:
                found = _meant(label, here, above, below=True)
                kind = "broader" if len(found) == 1 else "several"
                return Mapping(label.id, kind, _ids(found), f"{told(node)}, below {told(above)}")
        down = [one for one in self.b.labels if len(one.places) == 1 and node in _parents(one.places[0])]
        if down:
            listed = ", ".join(one.places[0].term for one in down)
            return Mapping(label.id, "narrower", _ids(down), f"{told(node)}, above {listed}")
        return Mapping(label.id, "none", (), f"nothing at, above or below {told(node)}")

    def _labels(self, node: Node) -> list[Label]:
        return self.at.get(frozenset([node]), [])

    def _blend(self, label: Label) -> Mapping:
        words = " and ".join(told(node) for node in label.places)
        same = self.at.get(frozenset(label.places), [])
        if same:
            found = [one for one in same if one.spellings & label.spellings][:1] or same
            return Mapping(
                label.id, "exact" if len(found) == 1 else "several", _ids(found), f"a blend of {words} in both"
            )
        parts = [self._single(label, node) for node in label.places]
        lost = [told(node) for node, part in zip(label.places, parts, strict=True) if not part.sure]
        if lost:
            return Mapping(label.id, "none", (), f"a blend of {words}: for {' and '.join(lost)} there is no one label")
        targets = tuple(one for one in self.b.ids if any(one in part.targets for part in parts))
        kind: MappingKind = "several" if len(targets) > 1 else "broader"
        return Mapping(label.id, kind, targets, f"a blend of {words}", blend=len(targets) > 1)


def _ids(labels: Sequence[Label]) -> tuple[str, ...]:
    return tuple(label.id for label in labels)


def _meant(label: Label, here: Sequence[Label], node: Node, *, below: bool) -> list[Label]:
    """Which of the labels at one node `label` means, which stands there too or `below`."""
    if len(here) == 1:
        return list(here)
    same = [one for one in here if one.spellings & label.spellings]
    namesake = [one for one in here if node.term in one.spellings] if below or node.term in label.spellings else []
    return next((found for found in (same, namesake) if len(found) == 1), list(here))


def _left_over(taxonomy: Taxonomy) -> set[tuple[Node, ...] | str]:
    """What a taxonomy's other labels cover: their places, and neutral."""
    return {label.places or str(label.role) for label in taxonomy.labels if label.role != "other"}
