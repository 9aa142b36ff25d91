from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from annotators.label_studio import SessionConfig
from annotators.label_studio.session import gets_suggestion


def test_the_recipes_entry_is_the_config() -> None:
    session = SessionConfig.model_validate(
        {
            "name": "main",
            "on": {"splits": ["validation", "test"]},
            "people": ["p1", "p2", "p3"],
            "overlap": 2,
            "suggest": {"from": "gpt", "share": 0.5},
            "adjudicate": {"rule": "majority", "else": "p0"},
        }
    )
    assert session.answers_wanted == 2
    assert session.suggest is not None
    assert session.suggest.from_ == ("gpt",)
    assert session.adjudicate.else_ == "p0"


def test_without_an_overlap_everyone_answers_everything() -> None:
    assert SessionConfig(name="main", people=("p1", "p2")).answers_wanted == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"people": []},
        {"people": "p1"},
        {"people": ["p1", "P1"]},
        {"overlap": 3},
        {"overlap": 0},
        {"suggest": {"from": "gpt", "share": 1.5}},
        {"adjudicate": {"rule": "dice"}},
        {"peple": ["p1"]},
    ],
)
def test_a_faulty_entry_is_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SessionConfig.model_validate({"name": "main", "people": ["p1", "p2"]} | fault)


def test_suggestions_go_to_the_share_asked_for_whatever_else_there_is() -> None:
    session = SessionConfig.model_validate(
        {"name": "main", "people": ["p1"], "suggest": {"from": "gpt", "share": 0.25}}
    )
    chosen = [gets_suggestion(session, f"item-{n}", seed=7) for n in range(4000)]
    assert sum(chosen) / 4000 == pytest.approx(0.25, abs=0.03)
    assert chosen[:10] == [gets_suggestion(session, f"item-{n}", seed=7) for n in range(10)]
    assert chosen != [gets_suggestion(session, f"item-{n}", seed=8) for n in range(4000)]
