"""The words a text holds."""

from __future__ import annotations

import polars as pl
import pytest

from annotators.lexicon import count_words, languages, lexicon_labels
from annotators.lexicon.words import lexicons
from schemas.taxonomy import load_taxonomy


def counts(language: str | None, text: str | None) -> dict[str, int]:
    frame = pl.DataFrame({"language": [language], "text": [text]}, schema={"language": pl.String, "text": pl.String})
    row = count_words(frame).row(0, named=True)
    return {label: count for label, count in row.items() if count}


@pytest.mark.parametrize(
    ("language", "text", "label"),
    [
        ("mr", "आनंदाने सगळ्यांचे डोळे भरून आले", "joy"),
        ("mr", "तो घाबरला आणि पळाला", "fear"),
        ("mr-IN", "किती घाणेरडं आहे हे", "disgust"),
        ("hi", "बच्चा डरकर छिप गया", "fear"),
        ("hi", "ख़ुशी की बात है", "joy"),
        ("hi", "खुशी की बात है", "joy"),
        ("es", "me dejó BOQUIABIERTA", "surprise"),
        ("es", "que tristeza tan grande", "sadness"),
        ("de", "so eine Unverschamtheit, unverschamt!", "anger"),
        ("de", "wie ekelhaft", "disgust"),
        ("en", "I can’t believe it", "surprise"),
        ("en", "Fed   up!", "anger"),
    ],
)
def test_a_word_is_found_with_its_endings_and_without_accents(language: str, text: str, label: str) -> None:
    assert set(counts(language, text)) == {label}


def test_a_word_inside_another_is_not_found() -> None:
    assert counts("en", "The joystick is on Madison Street, saddle included") == {}
    assert counts("hi", "अडर पडरौना") == {}


def test_neighbouring_words_are_each_counted() -> None:
    assert counts("en", "angry angry angry") == {"anger": 3}
    assert counts("en", "happy, sad") == {"joy": 1, "sadness": 1}


def test_a_language_without_a_lexicon_and_a_missing_text_are_null_not_zero() -> None:
    frame = pl.DataFrame({"language": ["fi", None, "en", "en"], "text": ["happy", "happy", None, "table"]})
    found = count_words(frame)
    assert found.height == 4
    assert found["joy"].to_list() == [None, None, None, 0]


def test_rows_keep_their_order_over_languages() -> None:
    frame = pl.DataFrame({"language": ["mr", "en", "mr", "de"], "text": ["राग", "joy", "आनंद", "Angst"]})
    found = count_words(frame)
    assert found["anger"].to_list() == [1, 0, 0, 0]
    assert found["joy"].to_list() == [0, 1, 1, 0]
    assert found["fear"].to_list() == [0, 0, 0, 1]


def test_every_language_has_words_for_every_emotion() -> None:
    assert languages() == ["de", "en", "es", "hi", "mr"]
    emotions = [label for label in load_taxonomy("ekman-neutral").ids if label != "neutral"]
    assert lexicon_labels() == emotions
    for language, words in lexicons().items():
        assert list(words) == emotions, language
        assert min(len(entries) for entries in words.values()) >= 20, language
        for label, entries in words.items():
            assert len(set(entries)) == len(entries), (language, label)
