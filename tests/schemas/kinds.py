"""One case for each kind of task: what it takes, what it refuses, and what becomes of its answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl
from hypothesis import strategies as st

from schemas.answer import Answer, Shown, Span, Turn
from schemas.label_studio_config import NONE, OUTSIDE, SPAN
from schemas.tables import ANNOTATIONS, LABELS, conform, polars_schema
from schemas.task import Attribute, Task
from schemas.taxonomy import load_taxonomy

EKMAN = load_taxonomy("ekman-neutral")
IDS = EKMAN.ids

SHOWN = Shown(
    item_id="u3",
    text="I won 🎉 the  prize, I won!",
    context=(Turn("u1", "Ann", "How was it?"), Turn("u2", "Ben", "You look glad. Why?")),
)


@dataclass(frozen=True)
class Case:
    """`refused` are answers in JSON with a part of the message; `broken` are rows (columns of ANNOTATIONS that differ
    from a good one) with the reason and the detail's beginning; `apart` pairs of answers with their distance; `rows`
    columns of LABELS with what the wide table has of them; `controls` tags of Label Studio by name; `stored` what Label
    Studio stores for one answer, as (control, object, type, value)."""

    task: Task
    answers: st.SearchStrategy[Answer]
    accepted: list[tuple[Any, Answer]]
    refused: list[tuple[Any, str]]
    broken: list[tuple[dict[str, Any], str, str]]
    apart: list[tuple[Answer, Answer, float]]
    rows: list[tuple[dict[str, Any], dict[str, Any]]]
    controls: dict[str, str]
    stored: list[tuple[str, str, str, dict[str, Any]]]
    card: list[str]
    good: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)


def given(*labels: str, **scored: float | None) -> list[dict[str, Any]]:
    """Entries of `labels` in ANNOTATIONS."""
    pairs = [*((label, None) for label in labels), *scored.items()]
    return [{"label": label, "score": score} for label, score in pairs]


def chosen(**shares: float | None) -> list[dict[str, Any]]:
    """Entries of `labels` in LABELS."""
    return [{"label": label, "p": p, "score": None} for label, p in shares.items()]


def levels(**scores: float) -> list[dict[str, Any]]:
    """Entries of `labels` in LABELS of an intensity or a ranking."""
    return [{"label": label, "p": None, "score": score} for label, score in scores.items()]


def span(item_id: str | None, start: int | None = None, end: int | None = None, **more: Any) -> dict[str, Any]:
    return {"item_id": item_id, "start": start, "end": end, "label": None, "text": None, **more}


def annotations(task: Task, *rows: dict[str, Any]) -> pl.DataFrame:
    """ANNOTATIONS of `task`, with ids a0, a1, ..., from the columns that matter."""
    wanted = polars_schema(ANNOTATIONS)
    names = list(dict.fromkeys(name for row in rows for name in row))
    frame = pl.DataFrame({name: _column(name, [row.get(name) for row in rows]) for name in names})
    common = {
        "annotation_id": pl.format("a{}", pl.int_range(pl.len())),
        "item_id": pl.lit("u3"),
        "task": pl.lit(task.name),
        "annotator": pl.lit("ann"),
        "annotator_kind": pl.lit("human"),
    }
    frame = frame if names else pl.DataFrame({"skipped": [None] * len(rows)})
    return conform(frame.with_columns(**{k: v for k, v in common.items() if k not in names}), ANNOTATIONS).cast(wanted)


def label_rows(task: Task, *rows: dict[str, Any]) -> pl.DataFrame:
    """LABELS of `task`, of the items i0, i1, ..., from the columns that matter."""
    wanted = polars_schema(LABELS)
    names = list(dict.fromkeys(name for row in rows for name in row))
    frame = pl.DataFrame({name: pl.Series([row.get(name) for row in rows], dtype=wanted[name]) for name in names})
    return conform(
        frame.with_columns(
            item_id=pl.format("i{}", pl.int_range(pl.len())),
            task=pl.lit(task.name),
            aggregate=pl.lit("gold"),
            tier=pl.lit("gold"),
        ),
        LABELS,
    )


def _column(name: str, values: list[Any]) -> pl.Series:
    dtype = polars_schema(ANNOTATIONS)[name]
    if name == "labels":  # without the fields that only converted labels have
        dtype = pl.List(pl.Struct({"label": pl.String, "score": pl.Float64, "original": pl.String}))
    return pl.Series(values, dtype=dtype)


def _task(kind: Any, **fields: Any) -> Task:
    return Task(name="t", kind=kind, perspective="reader", **fields)


_NUMBERS = st.floats(-1, 1, allow_nan=False)


def _of(labels: list[str], scores: list[float | None] | None = None) -> Answer:
    return Answer(labels=labels, originals=list(labels), scores=scores)


def _ranking(order: list[str], cuts: list[bool]) -> Answer:
    scores: list[float | None] = []
    for place, cut in zip(range(len(order)), [True, *cuts], strict=False):
        scores.append(float(place + 1) if cut else scores[-1])
    return _of(order, scores)


def _attributes(scene: str | None, objects: list[str], brightness: int) -> Answer:
    labels = [*([f"scene:{scene}"] if scene else []), *(f"object:{one}" for one in OBJECTS if one in objects)]
    scores: list[float | None] = [None] * len(labels)
    return Answer(labels=[*labels, "brightness"], scores=[*scores, brightness / 10])


def _trace(times: list[int], values: list[float]) -> Answer:
    return Answer(trace=[(t / 4, value) for t, value in zip(sorted(times), values, strict=False)])


OBJECTS = ["cat", "dog", "sky"]
_LABELS = st.lists(st.sampled_from(IDS[:-1]), unique=True)
_ATTRIBUTES = {
    "scene": Attribute(kind="choice", options=("airport", "beach")),
    "object": Attribute(kind="multi", options=tuple(OBJECTS)),
    "brightness": Attribute(kind="scale", range=(0, 1), step=0.1),
}
_WORDS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=5), max_size=4)

CASES: dict[str, Case] = {
    "choice": Case(
        task=_task("choice", taxonomy=EKMAN),
        answers=st.one_of(st.just(_of([])), st.sampled_from(IDS).map(lambda one: _of([one]))),
        accepted=[("Joy", Answer(labels=["joy"], originals=["Joy"])), (None, _of([]))],
        refused=[("bliss", "'bliss', which is none of: joy"), (3, "none of: joy"), (["joy"], "none of: joy")],
        good=[
            {"labels": []},
            {"labels": given(joy=3, anger=0), "votes": 4},
            {"labels": given(joy=0.5, neutral=0.5)},
            {"labels": None, "skipped": True},
            {"labels": given("joy"), "asked": ["joy", "fear"]},
        ],
        broken=[
            ({"labels": None}, "no answer", "labels = null: "),
            ({"labels": given("bliss")}, "label outside the taxonomy", "labels.label = 'bliss': none of the 7 labels"),
            ({"labels": [{"label": None}]}, "label outside the taxonomy", "labels.label = null: "),
            ({"labels": given("joy", "fear")}, "more than one label", "labels = 2 labels: "),
            ({"labels": given(joy=1.0, fear=None)}, "some labels have a score, others none", "labels.score = null"),
            ({"labels": given(joy=0.7, fear=0.7)}, "scores above their total", "labels.score = 1.4: "),
            ({"labels": given(joy=3, fear=3), "votes": 5}, "scores above their total", "labels.score = 6.0: "),
            ({"labels": given(joy=6), "votes": 5}, "more votes than people", "labels.score = 6.0: "),
            ({"labels": given(joy=-1.0)}, "a score that is no weight", "labels.score = -1.0: "),
            ({"labels": given("joy"), "asked": ["fear"]}, "label that was not asked", "labels.label = 'joy': "),
            ({"labels": [], "asked": ["bliss"]}, "asked for what the task has not", "asked = 'bliss': "),
            ({"labels": given("joy"), "value": 1.0}, "a choice task has no value", "value = 1.0: its answer is in"),
            ({"labels": given("joy"), "votes": 0}, "nobody's votes", "votes = 0: "),
        ],
        apart=[
            (_of(["joy"]), _of(["fear"]), 1),
            (_of([]), _of(["fear"]), 1),
            (_of(["joy", "fear"], [3.0, 1.0]), _of(["joy"]), 0.25),
            (_of(["joy"], [0.5]), _of([]), 0.5),
        ],
        rows=[
            ({"labels": chosen(joy=None)}, {"t": 0, "t_p": [1, 0, 0, 0, 0, 0, 0]}),
            ({"labels": []}, {"t": None, "t_p": [0] * 7}),
            (
                {"labels": chosen(anger=0.5), "soft": [{"label": "anger", "p": 0.5}, {"label": "joy", "p": 0.25}]},
                {"t": IDS.index("anger"), "t_p": [0.25 if i == "joy" else 0.5 if i == "anger" else 0 for i in IDS]},
            ),
            ({}, {"t": None, "t_p": None}),
        ],
        controls={"answer": "Choices"},
        stored=[("answer", "text", "choices", {"choices": ["joy"]})],
        card=["one label, or none of them", "| joy |"],
    ),
    "multi": Case(
        task=_task("multi", taxonomy=EKMAN, most=3),
        answers=_LABELS.map(lambda labels: _of(labels[:3])),
        accepted=[(["Joy", "fear", "joy"], Answer(labels=["joy", "fear"], originals=["Joy", "fear"])), ([], _of([]))],
        refused=[
            ("joy", "must be a list"),
            ([None], "none of: joy"),
            (["joy", "neutral"], '"neutral" cannot stand beside'),
            (IDS[:4], "holds 4, but at most 3"),
        ],
        good=[{"labels": given(joy=2, anger=3, neutral=1), "votes": 4}, {"labels": given(joy=0.9, fear=0.9)}],
        broken=[
            ({"labels": given("joy", "bliss")}, "label outside the taxonomy", "labels.label = 'bliss': "),
            ({"labels": given("joy", "fear", "joy")}, "the same label twice", "labels.label = 'joy': already"),
            (
                {"labels": given("joy", "neutral")},
                "an exclusive label stands beside others",
                "labels.label = 'neutral'",
            ),
            ({"labels": given(*IDS[:4])}, "more than 3", "labels = 4: "),
            ({"labels": given(joy=1.5)}, "a share above 1", "labels.score = 1.5: "),
            ({"labels": given(joy=2), "votes": 1}, "more votes than people", "labels.score = 2.0: "),
            ({"labels": given("joy"), "spans": []}, "a multi task has no spans", "spans = 0 entries: "),
        ],
        apart=[
            (_of(["anger"]), _of(["anger", "fear"]), 2 / 3),
            (_of(["anger", "fear"]), _of(["fear", "joy"]), 8 / 9),
            (_of(["anger", "fear"]), _of(["anger", "fear", "joy"]), 5 / 9),
            (_of(["anger", "fear", "joy"]), _of(["anger", "fear", "sadness"]), 5 / 6),
            (_of([]), _of(["joy"]), 1),
            (_of(["joy", "fear"], [1.0, 0.5]), _of(["joy"]), 1 / 3),
        ],
        rows=[
            ({"labels": chosen(fear=0.75, joy=None)}, {"t": [0, 3], "t_p": [1, 0, 0, 0.75, 0, 0, 0]}),
            ({"labels": []}, {"t": [], "t_p": [0] * 7}),
            ({}, {"t": None, "t_p": None}),
        ],
        controls={"answer": "Choices"},
        stored=[("answer", "text", "choices", {"choices": ["joy", "fear"]})],
        card=["any number of labels", "At most 3", "| joy |"],
    ),
    "ranking": Case(
        task=_task("ranking", taxonomy=EKMAN),
        answers=st.builds(_ranking, _LABELS, st.lists(st.booleans(), min_size=7, max_size=7)),
        accepted=[
            (
                ["joy", ["anger", "Fear"], "disgust"],
                Answer(
                    labels=["joy", "anger", "fear", "disgust"],
                    originals=["joy", "anger", "Fear", "disgust"],
                    scores=[1, 2, 2, 4],
                ),
            ),
        ],
        refused=[
            (["joy", "joy"], 'ranks "joy" twice'),
            ("joy", "must be a list"),
            ([["joy", "bliss"]], "none of"),
            (["joy", "neutral"], "cannot stand beside"),
        ],
        good=[
            {"labels": []},
            {"labels": given(joy=1, fear=1, anger=3)},
            {"labels": given(joy=1.4, fear=2.1), "votes": 9},
        ],
        broken=[
            ({"labels": given("joy")}, "a label without a rank", "labels.score = null: "),
            ({"labels": given(joy=1, fear=3, anger=2)}, "not the best first", "labels.score = 2.0: lower"),
            ({"labels": given(joy=2)}, "nobody ranked first", "labels.score = 2.0: "),
            ({"labels": given(joy=1) * 2}, "the same label twice", "labels.label = 'joy'"),
            (
                {"labels": given(joy=1, neutral=2)},
                "an exclusive label stands beside others",
                "labels.label = 'neutral'",
            ),
        ],
        apart=[
            (_of(["joy", "fear"]), _of(["fear", "joy"]), 1),
            (_of(["joy", "fear"]), _of(["joy", "fear"], [1, 1]), 1 / 2),
            # joy, fear, anger: joy-fear the same, joy-anger the same, fear before anger against anger only: opposite.
            (_of(["joy", "fear"]), _of(["joy", "anger"]), 1 / 3),
            # anger-disgust tied behind everything in the one, ordered in the other.
            (_of(["joy"]), _of(["joy", "anger", "disgust"]), 0.5 / 3),
            (_of([]), _of(["joy"]), 1),
            (_of(["joy"]), _of(["joy"]), 0),
        ],
        rows=[
            (
                {"labels": levels(fear=2, joy=1)},
                {"t": [0, 3], "t_rank": [1, None, None, 2, None, None, None]},
            ),
            ({"labels": []}, {"t": [], "t_rank": [None] * 7}),
            ({}, {"t": None, "t_rank": None}),
        ],
        controls={**{f"answer_{k}": "Number" for k in range(1, 8)}, "answer_else": "Choices"},
        stored=[("answer_1", "text", "number", {"number": 1}), ("answer_4", "text", "number", {"number": 2})],
        card=["a ranking of labels", "| joy |"],
    ),
    "intensity": Case(
        task=_task("intensity", taxonomy=EKMAN, levels=("not at all", "weakly", "strongly")),
        answers=st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=7, max_size=7).map(lambda s: _of(IDS, list(s))),
        accepted=[
            (
                dict.fromkeys(IDS, "not at all") | {"joy": "Strongly", "fear": 1},
                Answer(
                    labels=IDS,
                    originals=["Strongly" if i == "joy" else "1" if i == "fear" else "not at all" for i in IDS],
                    scores=[2 if i == "joy" else 1 if i == "fear" else 0 for i in IDS],
                ),
            )
        ],
        refused=[
            ({"joy": 1}, "no level for: sadness"),
            (dict.fromkeys(IDS, 3), '"joy" is 3, outside 0..2'),
            (dict.fromkeys(IDS, 0.5), "between the points"),
            (dict.fromkeys(IDS, "very"), "none of: not at all, weakly, strongly"),
            (dict.fromkeys([*IDS, "bliss"], 1), "none of: joy"),
            ([], "must be an object"),
        ],
        good=[
            {"labels": given(joy=2, fear=0), "asked": ["fear", "joy"]},
            {"labels": given(**dict.fromkeys(IDS, 0.4)), "votes": 5},
        ],
        broken=[
            ({"labels": given(joy=2)}, "an asked label has no level", "labels = 1 of 7: "),
            ({"labels": given(joy=2), "asked": ["joy", "fear"]}, "an asked label has no level", "labels = 1 of 2: "),
            ({"labels": given(joy=2), "asked": ["fear"]}, "label that was not asked", "labels.label = 'joy': "),
            ({"labels": given("joy"), "asked": ["joy"]}, "a label without a level", "labels.score = null: "),
            (
                {"labels": given(joy=9), "asked": ["joy"]},
                "score outside the range",
                "labels.score = 9.0: outside 0..2; ann (a",
            ),
            ({"labels": given(joy=0.5), "asked": ["joy"]}, "score between the points", "labels.score = 0.5: between"),
        ],
        apart=[
            (_of(["joy", "fear"], [2, 0]), _of(["joy", "fear"], [0, 0]), 1 / 2),
            (_of(["joy", "fear"], [2, 0]), _of(["joy", "anger"], [1, 2]), 1 / 2),
        ],
        rows=[
            ({"labels": levels(fear=0.5, joy=2)}, {"t": [2, None, None, 0.5, None, None, None]}),
            ({}, {"t": None}),
        ],
        controls={f"answer_{k}": "Choices" for k in range(1, 8)},
        stored=[(f"answer_{k}", "text", "choices", {"choices": ["2"]}) for k in range(1, 8)],
        card=["a level for each label", "0 = not at all, 1 = weakly, 2 = strongly", "| joy |"],
    ),
    "scale": Case(
        task=_task("scale", range=(1, 7), step=1),
        answers=st.integers(1, 7).map(lambda value: Answer(value=float(value))),
        accepted=[(7, Answer(value=7.0)), (2.0, Answer(value=2.0))],
        refused=[
            (9, '"value" is 9, outside 1..7'),
            (1.5, "between the points: they lie 1 apart"),
            (True, "must be a number"),
            ("seven", "none of: 1..7"),
            (float("nan"), "must be a number"),
            (None, "must be a number"),
        ],
        good=[{"value": 1.0}, {"value": 3.5, "votes": 2}, {"value": None, "skipped": True}],
        broken=[
            ({"value": 9.0}, "value outside the range", "value = 9.0: outside 1..7; ann (a"),
            ({"value": float("nan")}, "value outside the range", "value = NaN: outside 1..7"),
            ({"value": 1.5}, "value between the points", "value = 1.5: between the points, which lie 1 apart from 1"),
            ({"value": None}, "no answer", "value = null: "),
            ({"value": 1.0, "asked": ["joy"]}, "asked for what the task has not", "asked = 'joy': nothing"),
            ({"value": 1.0, "labels": given("joy")}, "a scale task has no labels", "labels = 1 entries: "),
        ],
        apart=[(Answer(value=1), Answer(value=7), 1), (Answer(value=2), Answer(value=5), 1 / 2)],
        rows=[({"value": 3.25}, {"t": 3.25}), ({}, {"t": None})],
        controls={"answer": "Choices"},
        stored=[("answer", "text", "choices", {"choices": ["7"]})],
        card=["a number on the scale", "from 1 to 7 in steps of 1"],
    ),
    "span": Case(
        task=_task("span"),
        answers=st.sampled_from(
            [
                [],
                [Span("u3", 2, 5, None, "won")],
                [Span("u3", 6, 7, None, "🎉"), Span("u2", 9, 13, None, "glad")],
                [Span("u1")],
                [Span(None), Span("u3", 0, 5, None, "I won"), Span("u3", 20, 25, None, "I won")],
            ]
        ).map(lambda spans: Answer(spans=spans)),
        accepted=[
            ([{"turn": "text", "quote": "The prize"}], Answer(spans=[Span("u3", 8, 18, None, "the  prize")])),
            ([{"turn": 2, "quote": None}, {"turn": "outside", "quote": None}], Answer(spans=[Span("u2"), Span(None)])),
            (
                [{"turn": "text", "quote": "I won"}] * 3,
                Answer(spans=[Span("u3", 0, 5, None, "I won"), Span("u3", 20, 25, None, "I won")]),
            ),
            ([], Answer(spans=[])),
        ],
        refused=[
            ([{"turn": "text", "quote": "lost"}], "'lost' does not stand there word for word"),
            ([{"turn": 3, "quote": "won"}], "there are 2 turns before the text"),
            ([{"turn": "outside", "quote": "won"}], "cannot be quoted"),
            ([{"turn": 1, "quote": " "}], "must hold the words"),
            ("won", "must be a list"),
            (["won"], "no object"),
        ],
        good=[
            {"spans": [span("u3", 2, 5, text="won"), span("u1", 0, 3, text="How"), span("u2"), span(None)]},
            {"spans": []},
        ],
        broken=[
            ({"spans": None}, "no answer", "spans = null: "),
            ({"spans": [span("u3", 2)]}, "half a place", "spans.start = 2: "),
            ({"spans": [span("u3", 5, 5)]}, "an empty span", "spans.end = 5: "),
            ({"spans": [span("u3", -1, 5)]}, "start before the text", "spans.start = -1: "),
            ({"spans": [span(None, 1, 5)]}, "offsets without a turn", "spans.item_id = null: "),
            ({"spans": [span("u9", 1, 5)]}, "a span outside of the dialogue", "spans.item_id = 'u9': neither"),
            ({"spans": [span("u1", 1, 50)]}, "past the end of the text", "spans.end = 50: "),
            ({"spans": [span("u3", 2, 5, text="wo")]}, "a quote of another length", "spans.text = 'wo': "),
            ({"spans": [span("u3", 2, 5, text="own")]}, "a quote that does not stand there", "spans.text = 'own': "),
            ({"spans": [span("u3", 2, 5, text="won")] * 2}, "the same span twice", "spans = 'won': "),
            ({"spans": [span("u3", 2, 5, label="joy")]}, "a label in a task without", "spans.label = 'joy': "),
        ],
        apart=[
            (Answer(spans=[Span("u3", 0, 4)]), Answer(spans=[Span("u3", 2, 6)]), 1 / 2),
            (Answer(spans=[Span("u3", 0, 4)]), Answer(spans=[Span("u1", 0, 4)]), 1),
            (Answer(spans=[Span("u3", 0, 4)]), Answer(spans=[Span("u3", 0, 2), Span("u3", 2, 4)]), 0),
            (Answer(spans=[Span("u3", 0, 4, "joy")]), Answer(spans=[Span("u3", 0, 4, "fear")]), 1),
            (Answer(spans=[Span("u3", 0, 4)]), Answer(spans=[Span("u3")]), 0),
            (Answer(spans=[]), Answer(spans=[Span(None)]), 1),
        ],
        rows=[
            ({"spans": [span("u3", 2, 5, text="won")]}, {"t": [span("u3", 2, 5, text="won")]}),
            ({"spans": []}, {"t": []}),
            ({}, {"t": None}),
        ],
        controls={"answer": "Labels", "answer_turns": "ParagraphLabels", "answer_else": "Choices"},
        stored=[
            ("answer", "text", "labels", {"start": 2, "end": 5, "text": "won", "labels": [SPAN]}),
            (
                "answer_turns",
                "turns",
                "paragraphlabels",
                {
                    "start": "1",
                    "end": "1",
                    "startOffset": 9,
                    "endOffset": 13,
                    "text": "glad",
                    "paragraphlabels": [SPAN],
                },
            ),
            ("answer_else", "text", "choices", {"choices": [OUTSIDE]}),
        ],
        card=["any number of spans", "in the item itself or in another turn"],
    ),
    "text": Case(
        task=_task("text"),
        answers=st.text(st.characters(codec="utf-8")).map(lambda text: Answer(text=text)),
        accepted=[("because", Answer(text="because"))],
        refused=[(3, "must be a string"), (None, "must be a string")],
        good=[{"text": "so"}, {"skipped": True}],
        broken=[
            ({"text": None}, "no answer", "text = null: "),
            ({"text": "so", "labels": given("joy")}, "a text task has no labels", "labels = 1 entries: "),
            ({"text": "so", "trace": []}, "a text task has no trace", "trace = 0 entries: "),
        ],
        apart=[
            (Answer(text="e\u0301  a "), Answer(text="\u00e9 a"), 0),
            (Answer(text="a"), Answer(text="b"), 1),
        ],
        rows=[({"text": "so"}, {"t": "so"}), ({}, {"t": None})],
        controls={"answer": "TextArea"},
        stored=[("answer", "text", "textarea", {"text": ["because"]})],
        card=["a text"],
    ),
    "trace": Case(
        task=_task("trace", range=(-1, 1)),
        answers=st.builds(
            _trace,
            st.lists(st.integers(1, 40), min_size=2, max_size=9, unique=True).map(lambda times: [0, *times]),
            st.lists(_NUMBERS, min_size=10, max_size=10),
        ),
        accepted=[([{"t": 0, "value": 1}, {"t": 0.5, "value": -0.25}], Answer(trace=[(0.0, 1.0), (0.5, -0.25)]))],
        refused=[
            ([], "has no points"),
            ([{"t": 0, "value": 2}], '"value" is 2, outside -1..1'),
            ([{"t": -1, "value": 0}], '"t" must be a number of seconds'),
            ([{"t": 1, "value": 0}, {"t": 1, "value": 0}], "must be in order"),
            ([{"t": 1}], "no point"),
            ({"t": 1}, "must be a list"),
        ],
        good=[{"trace": [{"t": 0.0, "value": 0.5}, {"t": 0.1, "value": -1.0}]}],
        broken=[
            ({"trace": None}, "no answer", "trace = null: "),
            ({"trace": []}, "a trace without points", "trace = []: "),
            ({"trace": [{"t": None, "value": 0.0}]}, "no time", "trace.t = null: "),
            ({"trace": [{"t": 1.0, "value": 0.0}, {"t": 0.5, "value": 0.0}]}, "times out of order", "trace.t = 0.5: "),
            ({"trace": [{"t": 1.0, "value": None}]}, "a point without a value", "trace.value = null: "),
            ({"trace": [{"t": 1.0, "value": 1.5}]}, "value outside the range", "trace.value = 1.5: outside -1..1"),
        ],
        apart=[
            (Answer(trace=[(0, 1), (2, 1)]), Answer(trace=[(1, -1), (3, -1)]), 1),
            # The two cross in the middle: the mean of |2x - 1| over 0..1 is a half, which is a quarter of the range.
            (Answer(trace=[(0, -0.5), (1, 0.5)]), Answer(trace=[(0, 0.5), (1, -0.5)]), 1 / 4),
            (Answer(trace=[(0, 0), (1, 1)]), Answer(trace=[(0, 0), (0.5, 0), (1, 0)]), 1 / 4),
            (Answer(trace=[(0, 0), (1, 1)]), Answer(trace=[(1, 0), (2, 0)]), 1 / 2),
        ],
        rows=[
            (
                {"trace": [{"t": 0.0, "value": 0.5}, {"t": 0.25, "value": -1.0}]},
                {"t": [0.5, -1.0], "t_t": [0.0, 0.25]},
            ),
            ({}, {"t": None, "t_t": None}),
        ],
        controls={"answer": "Labels", "answer_value": "Number"},
        stored=[
            ("answer", "audio", "labels", {"start": 0.5, "end": 1.5, "channel": 0, "labels": [SPAN]}),
            ("answer_value", "audio", "number", {"start": 0.5, "end": 1.5, "number": 0.25}),
        ],
        card=["a number over time", "from -1 to 1"],
        config={"modality": "audio"},
    ),
    "open": Case(
        task=_task("open", most=4),
        answers=_WORDS.map(lambda words: CASES["open"].task.parse({"labels": [w for w in words if w.strip()]})),
        accepted=[
            (
                [" Cafe\u0301 Joy", "STRASSE", "Straße"],
                Answer(labels=["caf\u00e9 joy", "strasse"], originals=[" Cafe\u0301 Joy", "STRASSE"]),
            ),
            ([], _of([])),
        ],
        refused=[("joy", "must be a list"), ([" "], "no word"), ([3], "no word"), (list("abcde"), "at most 4")],
        good=[{"labels": given("awe", "joy")}, {"labels": []}, {"labels": given("strasse", "caf\u00e9")}],
        broken=[
            ({"labels": given("Awe")}, "a word that is not folded", "labels.label = 'Awe': "),
            ({"labels": given("awe ")}, "a word that is not folded", "labels.label = 'awe ': "),
            ({"labels": given("cafe\u0301")}, "a word that is not folded", "labels.label = "),
            ({"labels": given("straße")}, "a word that is not folded", "labels.label = 'straße': "),
            ({"labels": given("")}, "no word", "labels.label = '': "),
            ({"labels": given("awe", "joy", "awe")}, "the same label twice", "labels.label = 'awe': "),
            ({"labels": given(*"abcde")}, "more than 4", "labels = 5: "),
            ({"labels": given("awe"), "asked": ["awe"]}, "asked for what the task has not", "asked = 'awe': "),
        ],
        apart=[(_of(["awe", "joy"]), _of(["joy", "fear"]), 2 / 3), (_of([]), _of(["awe"]), 1), (_of([]), _of([]), 0)],
        rows=[
            ({"labels": chosen(awe=0.75, joy=None)}, {"t": ["awe", "joy"], "t_p": [0.75, 1]}),
            ({"labels": []}, {"t": [], "t_p": []}),
            ({}, {"t": None, "t_p": None}),
        ],
        controls={"answer": "TextArea", "answer_else": "Choices"},
        stored=[("answer", "text", "textarea", {"text": ["awe", "joy"]})],
        card=["words of one's own", "At most 4"],
    ),
    "pairwise": Case(
        task=_task("pairwise"),
        answers=st.sampled_from(["a", "tie", "b"]).map(lambda one: _of([one])),
        accepted=[(" A", Answer(labels=["a"], originals=[" A"])), ("tie", _of(["tie"]))],
        refused=[("c", "none of: a, tie, b"), (None, "none of: a"), (1, "none of: a")],
        good=[{"labels": given("tie")}, {"labels": given(a=3, b=1), "votes": 5}],
        broken=[
            ({"labels": []}, "nothing preferred", "labels = []: one of a, tie, b"),
            ({"labels": given("a", "b")}, "more than one label", "labels = 2 labels: "),
            ({"labels": given("c")}, "label outside the taxonomy", "labels.label = 'c': "),
        ],
        apart=[
            (_of(["a"]), _of(["b"]), 1),
            (_of(["a"]), _of(["tie"]), 1 / 2),
            (_of(["a", "b"], [1.0, 3.0]), _of(["b"]), 1 / 4),
        ],
        rows=[
            ({"labels": chosen(b=0.75)}, {"t": 2, "t_p": [0, 0, 0.75]}),
            ({}, {"t": None, "t_p": None}),
        ],
        controls={"answer": "Choices"},
        stored=[("answer", "candidate_a", "choices", {"choices": ["tie"]})],
        card=["a or b", "turns a and b"],
    ),
    "attributes": Case(
        task=_task("attributes", attributes=_ATTRIBUTES),
        answers=st.builds(
            _attributes,
            st.sampled_from([None, "airport", "beach"]),
            st.lists(st.sampled_from(OBJECTS), unique=True),
            st.integers(0, 10),
        ),
        accepted=[
            (
                {"scene": "Beach", "object": ["dog", "cat"], "brightness": 0.3},
                Answer(
                    labels=["scene:beach", "object:dog", "object:cat", "brightness"],
                    originals=["Beach", "dog", "cat", "0.3"],
                    scores=[None, None, None, 0.3],
                ),
            ),
        ],
        refused=[
            ({"scene": None, "object": []}, "nothing about: brightness"),
            ({"scene": "sea", "object": [], "brightness": 0}, "'sea', which is none of: airport, beach"),
            ({"scene": None, "object": "cat", "brightness": 0}, "must be a list"),
            ({"scene": None, "object": [], "brightness": 2}, '"brightness" is 2, outside 0..1'),
            ({"scene": None, "object": [], "brightness": 0, "mood": 1}, "'mood', which is none of: scene"),
            ([], "must be an object"),
        ],
        good=[
            {"labels": given("object:cat", "object:sky"), "asked": ["object", "scene"]},
            {"labels": given(brightness=0.55), "asked": ["brightness"], "votes": 2},
            {"labels": [], "asked": ["scene"]},
        ],
        broken=[
            (
                {"labels": given("scene:sea", brightness=0)},
                "label outside the taxonomy",
                "labels.label = 'scene:sea': ",
            ),
            (
                {"labels": given("scene:beach", "scene:airport", brightness=0)},
                "more than one label",
                "labels.label = 'scene:airport': ",
            ),
            ({"labels": given("scene:beach")}, "an asked attribute has no number", "labels = 0 of 1 numbers: "),
            (
                {"labels": given("scene:beach"), "asked": ["object"]},
                "label that was not asked",
                "labels.label = 'scene:beach': ",
            ),
            ({"labels": [], "asked": ["mood"]}, "asked for what the task has not", "asked = 'mood': "),
            ({"labels": given(brightness=1.5)}, "score outside the range", "labels.score = 1.5: outside 0..1"),
            ({"labels": given(brightness=0.55)}, "score between the points", "labels.score = 0.55: "),
            (
                {"labels": given(**{"object:cat": 1.0, "brightness": 0.0})},
                "a score beside an option",
                "labels.score = 1.0: ",
            ),
            ({"labels": given("object:cat", "object:cat", brightness=0)}, "the same label twice", "labels.label = "),
        ],
        apart=[
            (_attributes("beach", ["cat"], 0), _attributes("airport", ["cat", "dog"], 5), (1 + 1 / 2 + 1 / 2) / 3),
            (_attributes(None, [], 10), _attributes("beach", [], 10), 1 / 3),
            (
                Answer(labels=["scene:beach"], asked=["scene"]),
                Answer(labels=["scene:beach", "object:cat"], asked=["scene", "object"]),
                0,
            ),
        ],
        rows=[
            (
                {
                    "labels": [*chosen(**{"scene:beach": 0.5, "object:cat": 1.0}), *levels(brightness=0.25)],
                    "soft": [{"label": "scene:beach", "p": 0.5}, {"label": "scene:airport", "p": 0.25}],
                },
                {
                    "t_scene": 1,
                    "t_scene_p": [0.25, 0.5],
                    "t_object": [0],
                    "t_object_p": [1, 0, 0],
                    "t_brightness": 0.25,
                },
            ),
            (
                {"labels": [], "soft": [{"label": f"object:{one}", "p": 0.0} for one in OBJECTS]},
                {"t_scene": None, "t_scene_p": None, "t_object": [], "t_object_p": [0, 0, 0], "t_brightness": None},
            ),
            ({}, dict.fromkeys(("t_scene", "t_scene_p", "t_object", "t_object_p", "t_brightness"))),
        ],
        controls={"answer_1": "Choices", "answer_2": "Choices", "answer_3": "Choices"},
        stored=[
            ("answer_1", "text", "choices", {"choices": [NONE]}),
            ("answer_2", "text", "choices", {"choices": ["cat", "sky"]}),
            ("answer_3", "text", "choices", {"choices": ["0.3"]}),
        ],
        card=["| scene | one or none | airport, beach |", "| brightness | a number | from 0 to 1 in steps of 0.1 |"],
    ),
}
