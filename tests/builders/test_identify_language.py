"""Languages are filled in among candidates, and never guessed where there is nothing to go by."""

from __future__ import annotations

from typing import Any

import pytest

from builders.identify_language import IdentifyLanguage
from schemas.errors import DsbuildError

ENGLISH = "I could not believe how kind everybody was to us yesterday"
MARATHI = "मला खूप आनंद झाला आणि आम्ही घरी परत आलो आहोत"


def test_a_missing_language_is_filled_in_and_counted(items: Any, run: Any) -> None:
    frame = items([{"text": ENGLISH}, {"text": MARATHI}, {"text": "\U0001f600 !!"}, {"text": None}, {"text": MARATHI}])
    done = run(IdentifyLanguage.from_recipe({"languages": ["en", "mr", "hi"]}), frame, batch=2)
    assert done.items["language"].to_list() == ["en", "mr", "und", None, "mr"]
    assert done.figures == {"identified": {"en": 1, "mr": 2, "und": 1}, "mismatches": 0}


def test_only_candidates_are_chosen(items: Any, run: Any) -> None:
    done = run(IdentifyLanguage(languages=("hi", "en")), items([{"text": MARATHI}]))
    assert done.items["language"].to_list() == ["hi"]


def test_a_stated_language_stays_unless_mismatches_are_to_go(items: Any, run: Any) -> None:
    frame = items(
        [{"text": ENGLISH, "language": "mr"}, {"text": ENGLISH, "language": "en-GB"}, {"text": "1", "language": "mr"}]
    )
    kept = run(IdentifyLanguage(languages=("en", "mr")), frame)
    assert kept.items["language"].to_list() == ["mr", "en-GB", "mr"]
    assert kept.figures["mismatches"] == 1
    lost = run(IdentifyLanguage(languages=("en", "mr"), mismatch="reject"), frame)
    assert lost.items["item_id"].to_list() == ["i1", "i2"]
    assert lost.rejects.select("reason", "detail").rows() == [
        ("another language than stated", "stated mr, looks like en")
    ]


def test_a_candidate_that_cannot_be_identified_is_refused(items: Any, run: Any) -> None:
    with pytest.raises(DsbuildError, match="'marathi' is no language that can be identified"):
        run(IdentifyLanguage(languages=("marathi",)), items([{"text": "x"}]))


def test_languages_of_real_tweets_among_candidates(shared_data: Any, items: Any, run: Any) -> None:
    lines = (shared_data / "mahaemotions" / "test.csv").read_text(encoding="utf-8").splitlines()[1:401]
    done = run(IdentifyLanguage(languages=("mr", "en")), items([{"text": line} for line in lines]))
    assert done.figures["identified"].get("mr", 0) / len(lines) > 0.97
