"""What people's answers come to together, for every kind; an answer in words."""

from __future__ import annotations

from typing import Any

import pytest

from annotators.label_studio.verdict import decide, in_words
from schemas.label_studio_config import NONE
from schemas.task import Answer, Span, Task
from schemas.taxonomy import Label, Taxonomy

THREE = Taxonomy(
    name="three",
    title="Three",
    source="this test",
    labels=tuple(Label(id=id, tone_note="a test") for id in ("joy", "fear", "neutral")),
)
ATTRIBUTES = {
    "scene": {"kind": "choice", "options": ["airport", "beach"]},
    "things": {"kind": "multi", "options": ["sun", "dog"]},
    "light": {"kind": "scale", "range": [0, 1]},
}
FIELDS: dict[str, dict[str, Any]] = {
    "multi": {"taxonomy": THREE},
    "ranking": {"taxonomy": THREE},
    "intensity": {"taxonomy": THREE, "levels": ("none", "some", "much")},
    "scale": {"levels": ("low", "middle", "high")},
    "span": {"taxonomy": THREE},
    "trace": {"range": (-1, 1)},
    "attributes": {"attributes": ATTRIBUTES},
}


def _task(kind: str) -> Task:
    return Task.model_validate({"name": "asked", "kind": kind, "perspective": "reader"} | FIELDS.get(kind, {}))


def _attributes(*labels: str, light: float = 0.5) -> Answer:
    return Answer(labels=[*labels, "light"], scores=[*(None for _ in labels), light])


def _levels(*levels: float) -> Answer:
    return Answer(labels=["joy", "fear", "neutral"], scores=list(levels))


ONE, OTHER = Span("i", 0, 3, "joy", "one"), Span("i", 0, 4, "joy", "one ")


@pytest.mark.parametrize(
    ("kind", "answers", "expected"),
    [
        ("pairwise", [Answer(labels=["a"]), Answer(labels=["a"]), Answer(labels=["tie"])], Answer(labels=["a"])),
        ("pairwise", [Answer(labels=["a"]), Answer(labels=["b"])], None),
        (
            "open",
            [
                Answer(labels=["joy", "relief"], originals=["Joy", "relief"]),
                Answer(labels=["joy"], originals=["joy"]),
                Answer(labels=["joy"], originals=["joy"]),
            ],
            Answer(labels=["joy"], originals=["joy"]),
        ),
        ("scale", [Answer(value=1.0), Answer(value=1.0), Answer(value=2.0)], Answer(value=1.0)),
        # The mean of two people is what neither of them said.
        ("scale", [Answer(value=0.0), Answer(value=2.0)], None),
        ("intensity", [_levels(0, 1, 2), _levels(0, 1, 2), _levels(0, 0, 2)], _levels(0, 1, 2)),
        ("intensity", [_levels(0, 1, 2), _levels(0, 0, 2), _levels(1, 1, 2)], None),
        (
            "ranking",
            [
                Answer(labels=["joy", "fear"], scores=[1.0, 1.0]),
                Answer(labels=["fear", "joy"], scores=[1.0, 1.0]),
                Answer(labels=["fear", "joy"], scores=[1.0, 2.0]),
            ],
            Answer(labels=["joy", "fear"], scores=[1.0, 1.0]),
        ),
        ("span", [Answer(spans=[ONE]), Answer(spans=[OTHER]), Answer(spans=[ONE])], Answer(spans=[ONE])),
        ("span", [Answer(spans=[ONE]), Answer(spans=[OTHER])], None),
        ("span", [Answer(spans=[]), Answer(spans=[])], Answer(spans=[])),
        ("trace", [Answer(trace=[(1.0, 0.5)]), Answer(trace=[(1.5, 0.5)])], None),
        (
            "attributes",
            [_attributes("scene:beach", "things:dog"), _attributes("scene:beach"), _attributes(light=0.9)],
            _attributes("scene:beach"),
        ),
        ("attributes", [_attributes("scene:beach"), _attributes("scene:airport")], None),
        ("attributes", [_attributes(light=0.1), _attributes(light=0.9)], None),
        ("scale", [], None),
        ("multi", [], None),
        ("attributes", [], None),
    ],
)
def test_a_majority_is_what_more_than_half_said(kind: str, answers: list[Answer], expected: Answer | None) -> None:
    assert decide(_task(kind), answers) == expected


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        ("multi", Answer(labels=["joy", "fear"]), "Joy, Fear"),
        ("multi", Answer(labels=[]), "none"),
        ("ranking", Answer(labels=["joy", "fear"], scores=[1.0, 2.0]), "1 Joy, 2 Fear"),
        ("intensity", _levels(0, 1, 2), "Joy: 0 none, Fear: 1 some, Neutral: 2 much"),
        ("scale", Answer(value=2.0), "2 high"),
        ("span", Answer(spans=[ONE, Span(None)]), "Joy: “one”; —"),
        ("span", Answer(spans=[]), "none"),
        ("text", Answer(text="so"), "so"),
        ("trace", Answer(trace=[(1.0, 0.5), (2.5, -1.0)]), "1 s: 0.5, 2.5 s: -1"),
        ("open", Answer(labels=["relief"], originals=["Relief"]), "relief"),
        ("pairwise", Answer(labels=["tie"]), "tie"),
        ("attributes", _attributes("scene:beach"), "scene: beach; things: –; light: 0.5"),
    ],
)
def test_an_answer_is_one_line_for_who_decides(kind: str, answer: Answer, words: str) -> None:
    names = {"joy": "Joy", "fear": "Fear", "neutral": "Neutral", NONE: "none"}
    assert in_words(_task(kind), answer, names) == words
