"""An LLM answers every kind of task but a trace: the question says how, and what comes back is an annotation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from annotators.llm import LLMConfig
from annotators.llm.reading import Bad, Good, read_answer
from annotators.llm.shots import load_shots
from annotators.llm.strategies import Item, Prompt
from schemas.errors import RecipeError
from schemas.protocols import AnnotatorOutput
from schemas.task import Span, Task
from schemas.taxonomy import load_taxonomy

EKMAN = load_taxonomy("ekman-neutral")


def task(kind: str, name: str | None = None, **more: Any) -> Task:
    given = {"name": name or kind, "kind": kind, "perspective": "reader", "instructions": {"en": "What is it?"}}
    return Task.model_validate(given | more)


TASKS = [
    task("choice", taxonomy=EKMAN),
    task("multi", taxonomy=EKMAN),
    task("ranking", taxonomy=EKMAN, most=3),
    task("intensity", taxonomy=EKMAN, levels=("none", "weak", "strong")),
    task("scale", range=(1, 7), step=1),
    task("scale", "fine", range=(-1, 1)),
    task("span"),
    task("span", "labelled", taxonomy=EKMAN, where=("own",)),
    task("text"),
    task("open", most=5),
    task("pairwise"),
    task(
        "attributes",
        attributes={
            "scene": {"kind": "choice", "options": ["airport", "beach"]},
            "objects": {"kind": "multi", "options": ["car", "dog"]},
            "brightness": {"kind": "scale", "range": [0, 1]},
        },
    ),
]
TEXTS = ["I lost my job today.", "आज खूप छान वाटतंय", "Nothing \U0001f600 happened."]
COLUMNS = {"scale": "value", "fine": "value", "span": "spans", "labelled": "spans", "text": "text"}


PAIR = [{"item_id": None, "speaker": "a", "text": "one"}, {"item_id": None, "speaker": "B", "text": "two"}]


@pytest.fixture
def texts(items: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    """Items that have all that any task wants: a text, and two candidates before it."""
    return beside(items(TEXTS), PAIR)


def beside(frame: pl.DataFrame, turns: list[dict[str, Any]]) -> pl.DataFrame:
    return frame.with_columns(context=pl.lit(turns, dtype=frame.schema["context"]))


@pytest.mark.parametrize("asked", TASKS, ids=lambda one: one.name)
def test_each_kind_is_asked_and_answered(
    stub: Callable[..., Any], run: Callable[..., AnnotatorOutput], texts: pl.DataFrame, asked: Task
) -> None:
    out = run(texts, put=[asked], base_url=stub().url)
    assert out.dead_letters.is_empty()
    kept, rejects = asked.validate_annotations(out.annotations)
    assert rejects.is_empty(), rejects.to_dicts()
    assert kept[COLUMNS.get(asked.name, "labels")].null_count() == 0
    assert kept.height == len(TEXTS)


def test_one_call_answers_tasks_of_all_kinds(
    stub: Callable[..., Any], run: Callable[..., AnnotatorOutput], texts: pl.DataFrame
) -> None:
    server = stub()
    out = run(texts, put=TASKS, base_url=server.url)
    assert out.annotations.height == len(TEXTS) * len(TASKS)
    assert len(server.asked()) == len(TEXTS)
    for one in TASKS:
        mine = out.annotations.filter(pl.col("task") == one.name)
        assert one.validate_annotations(mine)[1].is_empty()


def test_a_quote_becomes_characters_of_the_text(stub: Callable[..., Any], run: Callable[..., AnnotatorOutput]) -> None:
    out = run(TEXTS, put=[task("span")], base_url=stub().url)
    for item, spans in out.annotations.select("item_id", "spans").iter_rows():
        (span,) = spans
        assert span["item_id"] == item
        assert span["text"] in {text.split()[0] for text in TEXTS}
        assert (span["start"], span["end"]) == (0, len(span["text"]))


def body(answer: Any) -> bytes:
    message = {"role": "assistant", "content": json.dumps(answer)}
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()


DIALOGUE = Item(
    "Great \U0001f600, thanks a lot.",
    [
        {"item_id": "d-1", "speaker": "A", "text": "You lost the keys."},
        {"item_id": "d-2", "speaker": "B", "text": "I did."},
    ],
    "d-3",
)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"turn": 1, "quote": "lost the keys"}, Span("d-1", 4, 17, None, "lost the keys")),
        ({"turn": "text", "quote": "thanks  A LOT"}, Span("d-3", 9, 21, None, "thanks a lot")),
        ({"turn": 2, "quote": None}, Span("d-2")),
        ({"turn": "outside", "quote": None}, Span(None)),
    ],
)
def test_a_span_names_its_turn_and_is_found_there(given: dict[str, Any], meant: Span) -> None:
    answer = read_answer(body({"spans": [given]}), [task("span")], [], DIALOGUE.shown)
    assert isinstance(answer, Good)
    assert answer.answers[0].spans == [meant]


@pytest.mark.parametrize("given", [{"turn": 3, "quote": "x"}, {"turn": 1, "quote": "found the keys"}])
def test_a_quote_that_does_not_stand_there_is_sent_back(given: dict[str, Any]) -> None:
    answer = read_answer(body({"spans": [given]}), [task("span")], [], DIALOGUE.shown)
    assert isinstance(answer, Bad)
    assert answer.reason == "invalid"


def test_turns_have_numbers_only_where_an_answer_names_them() -> None:
    assert Prompt([task("span")]).user(DIALOGUE)["content"].startswith('Earlier turn 1 by "A": "You lost the keys."\n')
    assert Prompt([task("text")]).user(DIALOGUE)["content"].startswith('Earlier turn by "A": "You lost')


def test_candidates_are_called_so_and_need_no_text_beside_them(
    stub: Callable[..., Any], run: Callable[..., AnnotatorOutput], items: Callable[..., pl.DataFrame]
) -> None:
    server = stub()
    frame = beside(items(["", "Which is sadder?"]), PAIR)
    out = run(frame, put=[task("pairwise")], base_url=server.url)
    assert out.dead_letters.is_empty()
    assert sorted(server.asked()) == [
        'Candidate "a": "one"\nCandidate "b": "two"\n',
        'Candidate "a": "one"\nCandidate "b": "two"\nText: "Which is sadder?"',
    ]
    alone = run(beside(items(["x"]), PAIR[:1]), put=[task("pairwise")], base_url=server.url)
    assert alone.dead_letters["detail"].to_list() == ["its context has no one turn a and one turn b to compare"]


def test_the_question_says_which_answers_there_are() -> None:
    def said(one: Task) -> str:
        return str(Prompt([one]).head[0]["content"])

    assert 'the lowest to the highest: "none", "weak", "strong".' in said(TASKS[3])
    assert "Give a number from 1 to 7 in steps of 1." in said(TASKS[4])
    assert "At most 5." in said(TASKS[9])
    assert 'Give "a" or "b" for the one that is preferred, or "tie" if neither is.' in said(TASKS[10])
    assert "tie" not in said(task("pairwise", ties=False))
    assert '"scene": one of "airport", "beach", or null.' in said(TASKS[11])
    assert said(TASKS[3]).endswith('"neutral": "<level>"}}')


def test_an_answer_has_room_for_a_level_of_every_label_unless_the_recipe_says_how_long_it_may_be() -> None:
    many = task("intensity", taxonomy=load_taxonomy("goemotions"), levels=("none", "weak", "strong"))
    assert len(many.label_ids) * 8 > 200
    config = LLMConfig(name="gpt", model="m")
    assert config.params_for([many]).answer_tokens == 256 + 16 * len(many.label_ids)
    assert config.params_for([TASKS[0]]) == config.params
    own = LLMConfig(name="gpt", model="m", params={"max_tokens": 100})
    assert own.params_for([many]).answer_tokens == 100


def test_shots_answer_any_kind(tmp_path: Any) -> None:
    path = tmp_path / "shots.yaml"
    path.write_text(
        "- language: en\n  text: Great, thanks a lot.\n  context: [{speaker: A, text: You lost the keys.}]\n"
        "  answers:\n    scale: {value: 2}\n    span: {spans: [{turn: 1, quote: lost the keys}]}\n"
    )
    asked = [TASKS[4], TASKS[6]]
    user, answer = Prompt(asked, shots=load_shots(str(path), asked)).head[1:]
    assert user["content"] == 'Earlier turn 1 by "A": "You lost the keys."\nText: "Great, thanks a lot."'
    assert json.loads(str(answer["content"])) == {
        "scale": {"value": 2},
        "span": {"spans": [{"turn": 1, "quote": "lost the keys"}]},
    }
    path.write_text("- {language: en, text: No., answers: {scale: {value: 9}}}")
    with pytest.raises(RecipeError, match=r"Shot 1: .*outside 1..7"):
        load_shots(str(path), [TASKS[4]])
    with pytest.raises(RecipeError, match='no answer to the task "span"'):
        load_shots(str(path), [TASKS[6]])


def test_a_trace_is_nothing_to_ask_an_llm_and_a_number_needs_instructions() -> None:
    config = LLMConfig(name="gpt", model="m")
    assert "which is a trace" in str(config.cannot(task("trace", range=(0, 1))))
    assert "give the task instructions" in str(config.cannot(task("scale", range=(0, 1), instructions={})))
    assert all(config.cannot(one) is None for one in TASKS)
