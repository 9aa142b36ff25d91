"""The shipped label sets: how many labels, spelled as released, each placed in TONE or saying why not."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from schemas.taxonomy import Label, Taxonomy, fold, load_taxonomy, shipped
from schemas.tone import nodes

COUNTS = {
    "abaw-basic": 8,
    "abaw-compound": 8,
    "artemis": 9,
    "brighter": 6,
    "cped": 13,
    "cped-acts": 19,
    "cped-scenes": 11,
    "cped-sentiment": 3,
    "crema-d": 6,
    "crowd-envent": 13,
    "crowdflower": 13,
    "dailydialog": 7,
    "dailydialog-acts": 4,
    "ekman": 6,
    "ekman-neutral": 7,
    "emoevent": 7,
    "emonet": 40,
    "emorynlp": 7,
    "emoset": 8,
    "emotiontalk": 7,
    "emotiontalk-sentiment": 5,
    "empathetic-dialogues": 32,
    "goemotions": 28,
    "goemotions-ekman": 7,
    "iemocap": 11,
    "imhi-cams": 6,
    "imhi-sad": 9,
    "imhi-swmh": 5,
    "imhi-tsid": 4,
    "imhi-yesno": 2,
    "isear": 7,
    "leia": 5,
    "mahaemotions": 10,
    "mahaemotions-11": 11,
    "meld": 7,
    "meld-sentiment": 3,
    "mer2023": 6,
    "msp-podcast": 10,
    "msp-podcast-secondary": 17,
    "osum": 8,
    "parrott-primary": 6,
    "parrott-secondary": 25,
    "parrott-tertiary": 135,
    "plutchik": 8,
    "plutchik-24": 24,
    "plutchik-dyads": 28,
    "ren20k": 8,
    "semeval2007": 6,
    "tec": 6,
    "wassa2022": 7,
    "wassa2023": 8,
    "wrime": 8,
}
KINDS = {
    "act": {"cped-acts", "dailydialog-acts"},
    "sentiment": {"cped-sentiment", "emotiontalk-sentiment", "meld-sentiment"},
    "condition": {"imhi-cams", "imhi-sad", "imhi-swmh", "imhi-tsid", "imhi-yesno"},
    "other": {"cped-scenes"},
}


def _column(path: Path, name: str, separator: str = ",") -> list[str]:
    quotes = '"' if separator == "," else None
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(
            file, delimiter=separator, quotechar=quotes, quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
        )
    return [row[header.index(name)] for row in rows]


def _place(label: Label) -> tuple[tuple[str, int], ...]:
    parts = label.tone_parts or ((label.tone,) if label.tone else ())
    return tuple((part.term, part.tier) for part in parts)


def _labels() -> list[tuple[Taxonomy, Label]]:
    return [(taxonomy, label) for taxonomy in map(load_taxonomy, shipped()) for label in taxonomy.labels]


def test_these_and_no_others_are_shipped_with_so_many_labels() -> None:
    assert {name: len(load_taxonomy(name).labels) for name in shipped()} == COUNTS


@pytest.mark.parametrize("name", COUNTS)
def test_a_file_is_named_dated_sourced_and_of_its_kind(name: str) -> None:
    taxonomy = load_taxonomy(name)
    kinds = {each: kind for kind, names in KINDS.items() for each in names}
    assert (taxonomy.name, taxonomy.kind) == (name, kinds.get(name, "emotion"))
    assert taxonomy.source
    assert taxonomy.year is not None
    assert str(taxonomy.year) in taxonomy.source or f"arXiv:{taxonomy.year % 100:02d}" in taxonomy.source
    if taxonomy.url is not None:
        assert re.fullmatch(r"https://(arxiv\.org/abs|aclanthology\.org)/[\w.-]+/?", taxonomy.url)


@pytest.mark.parametrize("name", COUNTS)
def test_definitions_are_one_sentence_each_and_no_two_alike(name: str) -> None:
    definitions = [label.definition for label in load_taxonomy(name).labels]
    assert all(re.fullmatch(r"[A-Z].*[^.]\.", each) for each in definitions)
    assert len(set(definitions)) == len(definitions)


@pytest.mark.parametrize("name", COUNTS)
def test_names_are_normalised_and_no_two_labels_have_one_name_in_a_language(name: str) -> None:
    by_language = defaultdict(list)
    for label in load_taxonomy(name).labels:
        for language, word in label.names.items():
            assert unicodedata.is_normalized("NFC", word)
            by_language[language].append(fold(word))
    assert all(len(set(words)) == len(words) for words in by_language.values())


# Placement in TONE


def test_every_label_has_one_place_or_parts_or_a_note() -> None:
    for taxonomy, label in _labels():
        given = [bool(label.tone), bool(label.tone_parts), bool(label.tone_note)]
        assert sum(given) == 1, (taxonomy.name, label.id)
        assert taxonomy.kind == "emotion" or label.tone_note, (taxonomy.name, label.id)


def test_a_place_whose_word_is_not_the_label_has_a_reason() -> None:
    for taxonomy, label in _labels():
        words = {fold(each) for each in (label.id, *label.aliases, label.names.get("en", label.id))}
        literal = label.tone is not None and label.tone.term in words
        assert label.tone_note or label.tone_reason or literal, (taxonomy.name, label.id)


def test_a_word_of_several_tiers_means_the_widest_but_in_parrotts_own_tiers() -> None:
    widest: dict[str, int] = {}
    for node in nodes():
        widest.setdefault(node.term, node.tier)
        widest[node.term] = min(widest[node.term], node.tier)
    for taxonomy, label in _labels():
        if not taxonomy.name.startswith("parrott-"):
            assert all(tier == widest[term] for term, tier in _place(label)), (taxonomy.name, label.id)


def test_one_word_has_one_place_in_all_sets() -> None:
    """Left out: Parrott's own tiers, dyads (their pair is what they are) and Happiness in the frozen MahaEmotions."""
    places = defaultdict(set)
    for taxonomy, label in _labels():
        maha = taxonomy.name.startswith("mahaemotions") and label.id == "Happiness"
        if taxonomy.kind == "emotion" and not taxonomy.name.startswith(("parrott-", "plutchik-dyads")) and not maha:
            places[fold(label.id)].add(_place(label))
    assert {word: each for word, each in places.items() if len(each) > 1} == {}


@pytest.mark.parametrize("tier", [1, 2, 3])
def test_parrotts_tiers_are_the_tree(tier: int) -> None:
    taxonomy = load_taxonomy(f"parrott-{['primary', 'secondary', 'tertiary'][tier - 1]}")
    mine = [each for each in nodes() if each.tier == tier]
    assert [taxonomy.tone(label) for label in taxonomy.ids] == mine
    if tier > 1:
        groups = taxonomy.groups["primary"]
        assert {(group, label) for group, labels in groups.items() for label in labels} == {
            (node.primary, node.term) for node in mine
        }


def test_every_word_of_parrotts_two_published_forms_resolves_at_its_tier(shared_data: Path) -> None:
    for form in ("long", "short"):
        for tier in ("primary", "secondary", "tertiary"):
            words = set(_column(shared_data / "parrott" / f"{form}.tsv", tier, "\t"))
            taxonomy = load_taxonomy(f"parrott-{tier}")
            assert {word for word in words if taxonomy.resolve(word) is None} == set()


def test_dyads_are_the_28_pairs_of_the_wheel_grouped_by_how_far_apart_they_stand() -> None:
    wheel = load_taxonomy("plutchik").ids
    dyads = load_taxonomy("plutchik-dyads")
    pairs = {label.id: frozenset(str(label.code).split("+")) for label in dyads.labels}
    assert set(pairs.values()) == set(map(frozenset, combinations(wheel, 2)))
    for steps, group in enumerate(dyads.groups["dyad"].values(), start=1):
        for label in group:
            one, other = sorted(map(wheel.index, pairs[label]))
            assert min(other - one, one + 8 - other) == steps
    for other_name in ("awe", "disapproval", "cynicism", "fatalism", "joy+trust"):
        assert dyads.resolve(other_name) is not None


def test_the_24_words_are_eight_emotions_in_three_intensities() -> None:
    groups = load_taxonomy("plutchik-24").groups
    assert groups["intensity"]["basic"] == tuple(load_taxonomy("plutchik").ids) == tuple(groups["emotion"])
    for words in groups["emotion"].values():
        for level, word in zip(("mild", "basic", "strong"), words, strict=True):
            assert word in groups["intensity"][level]


def test_parts_of_a_compound_expression_are_its_adverb_and_its_adjective_in_this_order() -> None:
    primary = {"Fear": "fear", "Happ": "joy", "Sadl": "sadness", "Disg": "disgust", "Angr": "anger", "Surp": "surprise"}
    for label in load_taxonomy("abaw-compound").labels[:7]:
        adverb, adjective = label.id.split()
        assert [term for term, _ in _place(label)] == [primary[adverb[:4]], primary[adjective[:4]]]


# Published groupings


def test_goemotions_groups_are_the_published_json() -> None:
    """ekman_mapping.json and sentiment_dict.json of google-research/goemotions, in their order."""
    groups = load_taxonomy("goemotions").groups
    assert {name: " ".join(labels) for name, labels in groups["ekman"].items()} == {
        "anger": "anger annoyance disapproval",
        "disgust": "disgust",
        "fear": "fear nervousness",
        "joy": "joy amusement approval excitement gratitude love optimism relief pride admiration desire caring",
        "sadness": "sadness disappointment embarrassment grief remorse",
        "surprise": "surprise realization confusion curiosity",
    }
    assert {name: " ".join(labels) for name, labels in groups["sentiment"].items()} == {
        "positive": "amusement excitement joy love desire optimism caring pride admiration gratitude relief approval",
        "negative": "fear nervousness remorse embarrassment disappointment sadness grief disgust anger annoyance "
        "disapproval",
        "ambiguous": "realization surprise curiosity confusion",
    }
    assert list(groups["ekman"]) == load_taxonomy("goemotions-ekman").ids[:6]


def test_emonet_is_guide_json(shared_data: Path) -> None:
    options = json.loads((shared_data / "EmoNet-Face" / "guide.json").read_text(encoding="utf-8"))["options"]
    taxonomy = load_taxonomy("emonet")
    assert taxonomy.ids == list(options["labels"])
    assert {group: list(labels) for group, labels in taxonomy.groups["energy"].items()} == options["buttons"]
    for label in taxonomy.labels:
        assert set(label.descriptions["en"]) == {each.casefold() for each in options["labels"][label.id]}


@pytest.mark.parametrize(
    ("name", "folder", "file"), [("cped", "cped", "valid_split"), ("meld", "meld", "dev_sent_emo")]
)
def test_sentiment_groups_hold_in_every_row(name: str, folder: str, file: str, shared_data: Path) -> None:
    path = shared_data / folder / f"{file}.csv"
    seen = defaultdict(set)
    for emotion, sentiment in zip(_column(path, "Emotion"), _column(path, "Sentiment"), strict=True):
        seen[emotion].add(sentiment)
    groups = load_taxonomy(name).groups["sentiment"]
    ours = {label: {group} for group, labels in groups.items() for label in labels}
    assert ours == {emotion: sentiments for emotion, sentiments in seen.items() if len(sentiments) == 1}


def test_neutral_and_other_are_marked_in_every_set_of_emotions() -> None:
    for taxonomy, label in _labels():
        if taxonomy.kind == "emotion" and fold(label.id) in {"neutral", "no_emotion", "no-emotion"}:
            assert label.role == "neutral", taxonomy.name
        if taxonomy.kind == "emotion" and fold(label.id) in {"other", "others", "something else"}:
            assert label.role == "other", taxonomy.name
        assert label.role is None or label.tone_note, (taxonomy.name, label.id)
