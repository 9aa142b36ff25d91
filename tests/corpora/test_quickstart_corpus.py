"""What the corpus of the quick start promises."""

from __future__ import annotations

import csv
import hashlib
import unicodedata
from collections import Counter
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest
import yaml

import annotators
from annotators.lexicon import count_words
from corpora.card import load_card
from corpora.catalog import shipped
from schemas.taxonomy import load_taxonomy

FOLDER = shipped("quickstart")
TAXONOMY = load_taxonomy("ekman-neutral")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (FOLDER / "texts.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def grams(text: str) -> set[str]:
    plain = folded(text)
    return {plain[start : start + 5] for start in range(len(plain) - 4)}


def test_it_has_over_400_texts_in_five_languages(rows: list[dict[str, str]]) -> None:
    assert len(rows) >= 400
    counts = Counter(row["language"] for row in rows)
    assert set(counts) == {"en", "mr", "hi", "es", "de"}
    assert min(counts.values()) >= 60


def test_every_label_has_at_least_25_texts_and_at_least_40_are_mixed(rows: list[dict[str, str]]) -> None:
    counts = Counter(label for row in rows for label in row["labels"].split("|"))
    assert set(counts) == set(TAXONOMY.ids)
    assert min(counts.values()) >= 25
    assert sum("|" in row["labels"] for row in rows) >= 40


def test_stated_labels_keep_the_rules_of_the_taxonomy(rows: list[dict[str, str]]) -> None:
    for row in rows:
        stated = row["labels"].split("|")
        assert stated == sorted(set(stated), key=TAXONOMY.ids.index), row["id"]
        assert "neutral" not in stated or stated == ["neutral"], row["id"]


def test_at_most_a_fifth_of_the_texts_hold_a_lexicon_word_of_their_own_label(rows: list[dict[str, str]]) -> None:
    counts = count_words(pl.DataFrame(rows).select("text", "language")).rows(named=True)
    own = [any(count.get(label) for label in row["labels"].split("|")) for row, count in zip(rows, counts, strict=True)]
    assert 0 < sum(own) <= 0.2 * len(rows)


def test_no_two_texts_share_more_than_half_of_their_character_5_grams(rows: list[dict[str, str]]) -> None:
    made = [grams(row["text"]) for row in rows]
    alike = [
        (rows[a]["id"], rows[b]["id"])
        for a, b in combinations(range(len(rows)), 2)
        if len(made[a] & made[b]) > 0.5 * min(len(made[a]), len(made[b]))
    ]
    assert alike == []


def test_ids_and_texts_are_unique_and_texts_are_clean(rows: list[dict[str, str]]) -> None:
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({folded(row["text"]) for row in rows}) == len(rows)
    for row in rows:
        assert row["text"] == unicodedata.normalize("NFC", row["text"]).strip(), row["id"]
        assert 3 < len(row["text"].split()) <= 40, row["id"]


def known_elsewhere() -> list[str]:
    """What annotators are shown or were designed on: shots, label descriptions, background and probe sentences."""
    repo = Path(annotators.__path__[0])
    found = [cue for label in TAXONOMY.labels for cues in label.descriptions.values() for cue in cues]
    for path in sorted((repo / "llm" / "shots").glob("*.yaml")):
        for shot in yaml.safe_load(path.read_text(encoding="utf-8")):
            found += [shot["text"], shot["english"]]
    background = yaml.safe_load((repo / "embedding" / "background.yaml").read_text(encoding="utf-8"))
    found += [sentence for sentences in background.values() for sentence in sentences]
    probes = Path(__file__).parents[1] / "annotators" / "embedding" / "probes.yaml"
    return found + [text for _, _, text in yaml.safe_load(probes.read_text(encoding="utf-8"))]


def test_no_text_is_a_shot_a_description_or_a_probe_nor_nearly_one(rows: list[dict[str, str]]) -> None:
    others = [grams(text) for text in known_elsewhere()]
    for row in rows:
        own = grams(row["text"])
        assert all(len(own & other) <= 0.5 * min(len(own), len(other)) for other in others), row["id"]


def test_the_card_says_what_the_file_is() -> None:
    card = load_card(FOLDER / "card.yaml")
    data = (FOLDER / "texts.csv").read_bytes()
    assert card.files["texts"].sha256 == hashlib.sha256(data).hexdigest()
    assert card.files["texts"].bytes == len(data)
    assert card.licence == "CC0-1.0"
    assert card.synthetic
    assert card.perspective == "intended"
    assert card.taxonomy == "ekman-neutral"
