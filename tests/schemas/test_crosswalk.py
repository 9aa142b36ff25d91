"""What labels become through TONE, what that loses, and how it stands against a published grouping."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.crosswalk import KINDS, against, crosswalk, looked_up, losses
from schemas.errors import DsbuildError
from schemas.taxonomy import Taxonomy, load_taxonomy, parse_taxonomy, shipped
from schemas.tone import Node, nodes

NAMES = shipped()


def set_of(name: str, *labels: str) -> Taxonomy:
    """A taxonomy of "id", "id=term:tier" and "id=term:tier+term:tier"; "id=neutral" and "id=other" are roles."""
    made = []
    for text in labels:
        label, _, places = text.partition("=")
        if places in ("neutral", "other", ""):
            made.append({"id": label, "tone_note": "no emotion", "role": places or None})
            continue
        parts = [{"term": one.split(":")[0], "tier": int(one.split(":")[1])} for one in places.split("+")]
        made.append({"id": label, **({"tone": parts[0]} if len(parts) == 1 else {"tone_parts": parts})})
    return parse_taxonomy({"name": name, "title": name, "source": "a test", "labels": made}, name)


# What labels become


A = set_of(
    "a",
    "glad=joy:1",
    "bliss=bliss:3",
    "mad=anger:1",
    "awkward=embarrassment:3",
    "affectionate=affection:2",
    "shock and joy=surprise:1+joy:1",
    "bliss and glee=bliss:3+glee:3",
    "dark love=love:1+terror:3",
    "sly",
    "calm=neutral",
    "rest=other",
)
B = set_of(
    "b",
    "happy=joy:1",
    "irate=rage:2",
    "sour=disgust:2",
    "shame=shame:2",
    "surprise=surprise:1",
    "odd=surprise:1",
    "none=neutral",
    "others=other",
)


@pytest.mark.parametrize(
    ("label", "kind", "targets", "path"),
    [
        ("glad", "exact", ("happy",), "at joy (tier 1) in both"),
        ("bliss", "broader", ("happy",), "bliss (tier 3, in cheerfulness, in joy), below joy (tier 1)"),
        ("mad", "narrower", ("irate", "sour"), "anger (tier 1), above rage, disgust"),
        ("awkward", "none", (), "nothing at, above or below embarrassment (tier 3, in neglect, in sadness)"),
        ("affectionate", "none", (), "nothing at, above or below affection (tier 2, in love)"),
        ("shock and joy", "none", (), "for surprise (tier 1) there is no one label"),
        ("bliss and glee", "broader", ("happy",), "a blend of bliss"),
        ("dark love", "none", (), "a blend of love (tier 1) and terror"),
        ("sly", "none", (), "no place in TONE: no emotion"),
        ("calm", "exact", ("none",), "no emotion in both"),
        ("rest", "none", (), "what a leaves over, which may be any label of b"),
    ],
)
def test_a_label_becomes_what_stands_at_above_or_below_its_place(
    label: str, kind: str, targets: tuple[str, ...], path: str
) -> None:
    found = crosswalk(A, B).by_label[label]
    assert (found.kind, found.targets) == (kind, targets)
    assert path in found.path


def test_one_label_below_is_taken_and_of_several_none() -> None:
    walk = crosswalk(A, set_of("c", "irate=rage:2", "x"))
    assert (walk.by_label["mad"].kind, walk.by_label["mad"].sure) == ("narrower", True)
    assert not crosswalk(A, B).by_label["mad"].sure


def test_the_nearest_label_above_wins() -> None:
    walk = crosswalk(A, set_of("c", "happy=joy:1", "cheerful=cheerfulness:2"))
    assert walk.by_label["bliss"].targets == ("cheerful",)


def test_a_blend_becomes_all_labels_of_its_parts_or_the_blend_of_the_same_parts() -> None:
    parts = crosswalk(A, set_of("c", "startled=surprise:1", "happy=joy:1")).by_label["shock and joy"]
    assert (parts.kind, parts.targets, parts.sure) == ("several", ("startled", "happy"), True)
    same = crosswalk(A, set_of("c", "happy=joy:1", "wow=joy:1+surprise:1")).by_label["shock and joy"]
    assert (same.kind, same.targets) == ("exact", ("wow",))


def test_labels_at_one_place_are_told_apart_by_their_words_only() -> None:
    b = set_of("b", "surprise=surprise:1", "confusion=surprise:1")
    a = set_of("a", "Confusion=surprise:1", "startled=surprise:1", "amazed=amazement:3", "Surprise=surprise:1")
    found = crosswalk(a, b).by_label
    assert found["Confusion"].targets == ("confusion",)
    assert found["Surprise"].targets == ("surprise",)
    # From below, the label that bears the node's own word is the node's; at the node itself either may be meant.
    assert (found["amazed"].kind, found["amazed"].targets) == ("broader", ("surprise",))
    assert (found["startled"].kind, found["startled"].sure) == ("several", False)


def test_what_is_left_over_is_the_same_only_beside_the_same_labels() -> None:
    a = set_of("a", "glad=joy:1", "low=sadness:1", "rest=other")
    assert crosswalk(a, set_of("b", "sad=sadness:1", "happy=joy:1", "others=other")).by_label["rest"].targets == (
        "others",
    )
    assert crosswalk(a, set_of("b", "sad=sadness:1", "others=other")).by_label["rest"].kind == "none"


@pytest.mark.parametrize("name", NAMES)
def test_a_taxonomy_becomes_itself_without_loss(name: str) -> None:
    walk = crosswalk(load_taxonomy(name), load_taxonomy(name))
    assert [(one.label, one.kind, one.targets) for one in walk.mappings] == [
        (label, "exact", (label,)) for label in walk.source.ids
    ]
    assert losses(walk).bits == 0


def _chain(node: Node) -> list[Node]:
    steps = [Node(node.primary), Node(node.primary, node.secondary), node]
    return steps[: node.tier]


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_every_mapping_of_two_shipped_taxonomies_is_borne_out_by_the_tree(one: str, other: str) -> None:
    a, b = load_taxonomy(one), load_taxonomy(other)
    walk = crosswalk(a, b)
    assert [mapping.label for mapping in walk.mappings] == a.ids
    for mapping in walk.mappings if one != other else ():
        assert mapping.kind in KINDS
        assert mapping.path
        assert bool(mapping.targets) == (mapping.kind != "none")
        assert list(mapping.targets) == [label for label in b.ids if label in mapping.targets]
        here = a.places(mapping.label)
        there = [b.places(target) for target in mapping.targets]
        if not here:
            roles = {b.labels[b.index[target]].role for target in mapping.targets}
            assert mapping.kind == "none" or roles == {a.labels[a.index[mapping.label]].role}
        elif mapping.kind == "exact":
            assert [set(place) for place in there] == [set(here)]
        elif mapping.kind == "narrower":
            assert all(here[0] in _chain(place[0])[:-1] for place in there)
        elif mapping.kind == "broader":
            assert all(there[0][0] in _chain(node) for node in here)
        # Nothing is called none while the tree has a label for it: none at, above or below.
        elif mapping.kind == "none" and len(here) == 1:
            at = [place[0] for place in map(b.places, b.ids) if len(place) == 1]
            assert not any(node in _chain(here[0]) or here[0] in _chain(node) for node in at)


def test_coarser_labels_come_back_from_finer_ones_whatever_the_tier() -> None:
    primaries = load_taxonomy("parrott-primary")
    fine = set_of("fine", *(f"{node.term}-{node.tier}={node.term}:{node.tier}" for node in nodes()))
    walk = crosswalk(fine, primaries)
    assert {mapping.targets for mapping in walk.mappings} == {(label,) for label in primaries.ids}
    for node in nodes():
        assert walk.by_label[f"{node.term}-{node.tier}"].targets == (node.primary,)


# What an answer says about labels it lacks


def test_who_was_not_asked_a_label_said_nothing_about_it() -> None:
    a = set_of("a", "fun=amusement:3", "mad=anger:1", "calm=neutral")
    b = set_of("b", "joy=joy:1", "rage=rage:2", "disgust=disgust:2", "love=love:1", "neutral=neutral")
    cover = crosswalk(a, b).coverage()
    # Amusement alone was asked of joy; anger covers all that is below it, unless anger was said.
    assert cover.known == ("rage", "disgust", "neutral")
    assert cover.unless == {"mad": ("rage", "disgust")}
    assert crosswalk(a, b).coverage(["fun"]).known == ()


# Bits


def test_the_loss_of_the_worked_example() -> None:
    """Four labels 1/2, 1/4, 1/8, 1/8 (Cover and Thomas, example 2.1.1: H = 7/4), the last two merged: H(B) = 3/2."""
    a = set_of("a", "w=joy:1", "x=anger:1", "y=guilt:3", "z=regret:3")
    walk = crosswalk(a, set_of("b", "joy=joy:1", "anger=anger:1", "shame=shame:2"))
    found = losses(walk, {"w": 4, "x": 2, "y": 1, "z": 1})
    assert (found.before, found.after, found.bits) == (1.75, 1.5, 0.25)
    assert found.of_label == {"w": 0, "x": 0, "y": 1, "z": 1}
    assert losses(walk).bits == 0.5


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(NAMES), st.data())
def test_the_loss_is_the_difference_of_the_entropies_and_never_below_zero(
    one: str, other: str, data: st.DataObject
) -> None:
    walk = crosswalk(load_taxonomy(one), load_taxonomy(other))
    counts = {label: data.draw(st.integers(0, 1000), label=label) for label in walk.source.ids}
    found = losses(walk, {label: float(n) for label, n in counts.items()})
    kept = {label: n for label, n in counts.items() if n and walk.by_label[label].sure}
    total = sum(kept.values())
    assert (found.labels, found.converted) == (sum(counts.values()), total)
    merged: Counter[tuple[str, ...]] = Counter()
    for label, n in kept.items():
        merged[walk.by_label[label].targets] += n

    def entropy(parts: list[int]) -> float:
        return -sum(n / total * math.log2(n / total) for n in parts)

    wanted = entropy(list(kept.values())) - entropy(list(merged.values())) if total else 0.0
    assert found.bits == pytest.approx(wanted, abs=2e-6)
    assert found.bits >= 0
    assert found.bits == pytest.approx(sum(n / total * found.of_label[label] for label, n in kept.items()), abs=2e-6)


@pytest.mark.parametrize("counts", [{"hangry": 1.0}, {"joy": -1.0}, {"joy": math.nan}])
def test_what_is_no_count_is_refused(counts: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no count of a label of meld"):
        losses(crosswalk(load_taxonomy("meld"), load_taxonomy("ekman")), counts)


# GoEmotions against its published grouping


def test_plain_parrott_agrees_on_16_labels_differs_on_4_and_has_no_word_for_8() -> None:
    walk = crosswalk(looked_up(load_taxonomy("goemotions")), load_taxonomy("parrott-primary"))
    found = against(walk, "ekman")
    assert {
        verdict: sum(one.verdict == verdict for one in found) for verdict in ("agrees", "disagrees", "no place")
    } == {
        "agrees": 16,
        "disagrees": 4,
        "no place": 8,
    }
    assert " ".join(one.label for one in found if one.verdict == "agrees") == (
        "amusement anger annoyance disappointment embarrassment excitement fear grief joy nervousness optimism pride "
        "relief remorse sadness surprise"
    )
    # Love and what is below it is a family of its own; disgust lies in anger.
    assert {one.label: (one.published, one.found) for one in found if one.verdict == "disagrees"} == {
        "caring": ("joy", ("love",)),
        "desire": ("joy", ("love",)),
        "love": ("joy", ("love",)),
        "disgust": ("disgust", ("anger",)),
    }
    why = {one.label: one.why for one in found}
    assert why["disgust"] == "published under disgust; in TONE disgust (tier 2, in anger), below anger (tier 1)"
    assert "in love" in why["caring"]
    assert {one.label for one in found if one.verdict == "no place"} == {
        "admiration", "approval", "confusion", "curiosity", "disapproval", "gratitude", "realization", "neutral",
    }  # fmt: skip
    assert all(
        "no node has this name" in one.why or one.label == "neutral" for one in found if one.verdict == "no place"
    )


def test_placed_labels_agree_on_19_and_every_difference_is_told() -> None:
    """What the placements give, as it is: they follow their sources, not this grouping."""
    walk = crosswalk(load_taxonomy("goemotions"), load_taxonomy("goemotions-ekman"))
    found = against(walk, "ekman")
    # What the published file puts under joy stands under love in the tree, which Ekman's six do not have.
    assert {one.label for one in found if one.verdict == "disagrees"} == {
        "admiration", "approval", "caring", "desire", "gratitude", "love",
    }  # fmt: skip
    assert {one.label for one in found if one.verdict == "no place"} == {"curiosity", "realization", "neutral"}
    assert sum(one.verdict == "agrees" for one in found) == 19
    assert all(one.why for one in found)
    assert walk.by_label["disgust"].kind == "exact"


def test_a_grouping_that_is_not_there_is_told_with_those_that_are() -> None:
    walk = crosswalk(load_taxonomy("goemotions"), load_taxonomy("ekman"))
    with pytest.raises(DsbuildError, match="ekman, sentiment"):
        against(walk, "plutchik")
